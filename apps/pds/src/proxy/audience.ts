import { isDid } from '@avocet/syntax'

const PLC = /^did:plc:[a-z2-7]{24}$/
/** A host name without a path; a port only on localhost. */
const WEB = /^did:web:(?:localhost(?:%3A\d{1,5})?|[a-zA-Z0-9-]{1,63}(?:\.[a-zA-Z0-9-]{1,63}){0,10})$/
/** https://www.rfc-editor.org/rfc/rfc3986#section-3.5 */
const FRAGMENT = /^[\w.~!$&'()*+,;=:@/?%-]{1,256}$/

/** Whether a token may be made out to this: a did:plc or did:web, or one of its services as `did#service`. */
export function isAudience(text: string): boolean {
  const [did = '', fragment, ...more] = text.split('#')
  if (more.length > 0 || !isDid(did) || !(PLC.test(did) || WEB.test(did))) return false
  return fragment === undefined || FRAGMENT.test(fragment)
}
