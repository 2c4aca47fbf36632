import { displayText } from '@avocet/oauth-scopes'

import { parseClientId } from './client/client-id.ts'
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
  return { ...more, ...(isLoopback ? DEVICE : placeOf(new URL(id), id)) }
}

/** How a client is named by its id alone, such as one that is kept with a session: nothing of what it says of itself. */
export function nameClient(clientId: string): Pick<ShownClient, 'kind' | 'text'> {
  const parsed = parseClientId(clientId)
  if (!parsed.ok) return { kind: 'url', text: clientId }
  return parsed.value.kind === 'loopback' ? DEVICE : placeOf(parsed.value.url, clientId)
}

const DEVICE = { kind: 'device', text: '' } as const

const placeOf = (url: URL, id: string): Pick<ShownClient, 'kind' | 'text'> =>
  url.pathname === CONVENTIONAL && url.search === ''
    ? { kind: 'host', text: url.host }
    : { kind: 'url', text: id }
