// The PDSes that the OAuth client signs in to: this one and the reference, each alone with one account.
import type { Did } from '@avocet/syntax'
import { agreeByForms } from '@avocet/testing/oauth-pages'

import { findReference } from '../side-by-side/servers.ts'
import { PASSWORD, startPds } from './pds.ts'
import { startReferenceHost, type OAuthHost } from './reference-oauth.ts'

async function startOurHost(): Promise<OAuthHost> {
  const server = await startPds()
  const handle = 'alice.test'
  const did = (await server.newAccount('alice')).assertDid as Did
  return {
    url: server.origin,
    plcUrl: server.plc.url,
    did,
    password: PASSWORD,
    agree: (page) => agreeByForms(page, { did, handle, password: PASSWORD }),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const reference = await findReference()

/**
 * Those on this machine, for `describe.for`: the name, what starts it, and whether a renewal that is sent twice gives the same tokens
 * twice. The reference gives them once: who asks again is taken for a thief, and who does not has none.
 */
export const OAUTH_HOSTS: readonly (readonly [string, () => Promise<OAuthHost>, boolean])[] = [
  ['this PDS', startOurHost, true],
  ...(reference.ok ? [['the reference PDS', () => startReferenceHost(reference), false] as const] : []),
]
