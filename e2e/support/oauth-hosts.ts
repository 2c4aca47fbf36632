// The PDSes that the OAuth client signs in to: this one and the reference, each alone with one account.
import type { Did } from '@avocet/syntax'
import { agreeByForms } from '@avocet/testing/oauth-pages'

import { findReference } from '../side-by-side/servers.ts'
import { PASSWORD, startPds } from './pds.ts'
import { startReferenceHost } from './reference-oauth.ts'

/** A PDS, a did:plc directory, and the account `alice.test`. */
export interface OAuthHost extends AsyncDisposable {
  readonly url: string
  readonly plcUrl: string
  readonly did: Did
  /** Of its account. */
  readonly password: string
  /** The owner opens the page of a sign-in, gives the password and agrees. @returns where the browser is sent */
  agree(page: URL): Promise<URL>
  /** Ends the server and starts it anew, on the same data. */
  restart(): Promise<void>
}

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
