import type { Result } from '@avocet/syntax'

import type { Core } from '../core.ts'
import type { OAuthFailure } from '../failure.ts'
import type { Parameters } from '../http/body.ts'
import type { ClientKey } from '../rows.ts'
import type { Client } from './client.ts'
import type { Asker } from './clients.ts'

/** A client, and the key of its own that it proved itself with; null for a public one. */
export interface KnownClient {
  readonly client: Client
  readonly clientKey: ClientKey | null
}

/**
 * Who a request is from: the client by its document, proved by the assertion in the request where it has keys.
 * @param dpopThumbprint of the proof that came with it; null where there is none
 */
export async function identifyClient(
  { clients, authenticator }: Pick<Core, 'clients' | 'authenticator'>,
  params: Parameters,
  clientId: string,
  dpopThumbprint: string | null,
  asker: Asker,
): Promise<Result<KnownClient, OAuthFailure>> {
  const client = await clients.get(clientId, asker)
  if (!client.ok) return client
  const assertion = { type: params.get('client_assertion_type'), assertion: params.get('client_assertion') }
  const key = await authenticator.authenticate(client.value, assertion, dpopThumbprint, asker)
  return key.ok ? { ok: true, value: { client: client.value, clientKey: key.value } } : key
}
