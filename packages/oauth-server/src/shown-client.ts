import { displayText } from '@avocet/oauth-scopes'

import type { Client } from './client/client.ts'
import type { ShownClient } from './page.ts'

const MAX_NAME = 80
/** The path by which a host stands for one app. */
const CONVENTIONAL = '/oauth-client-metadata.json'

/** How a client is named to a person. What it says of itself counts for those that the operator trusts. */
export function showClient({ id, isLoopback, shown }: Client, trusted: boolean): ShownClient {
  const { name, logoUri, termsUri, policyUri } = shown
  const more = {
    clientId: id,
    trusted,
    name: trusted ? displayText(name, MAX_NAME) : null,
    logoUri: trusted ? logoUri : null,
    termsUri,
    policyUri,
  }
  if (isLoopback) return { ...more, kind: 'device', text: '' }
  const url = new URL(id)
  return url.pathname === CONVENTIONAL && url.search === ''
    ? { ...more, kind: 'host', text: url.host }
    : { ...more, kind: 'url', text: id }
}
