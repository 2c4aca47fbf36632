// https://atproto.com/specs/did#blessed-did-methods

import { isDid } from '@avocet/syntax'

const PLC = /^did:plc:[a-z2-7]{24}$/
const WEB = /^did:web:(?:localhost%3A\d{1,5}|[a-zA-Z\d._-]+)$/
const SERVICE_ID = /^[a-zA-Z\d._~-]{1,128}$/

/** Whether a text names a service of a DID that accounts and services can have: `did:web:api.example.com#svc`. */
export function isServiceReference(text: string): boolean {
  const hash = text.indexOf('#')
  if (hash === -1 || !SERVICE_ID.test(text.slice(hash + 1))) return false
  const did = text.slice(0, hash)
  return isDid(did) && (PLC.test(did) || WEB.test(did))
}
