import { isDid, type Did } from '@avocet/syntax'

import { authorize, type Authorization, type AuthorizeOptions } from './authorize.ts'
import { callback } from './callback.ts'
import type { ClientMetadata } from './client-metadata.ts'
import type { Core } from './core.ts'
import { OAuthClientError, settle, type OAuthResult } from './error.ts'
import { current, stored } from './kept.ts'
import { createSession, type OAuthSession } from './session.ts'
import type { SessionData } from './store.ts'

/** A session that is kept, to choose from. */
export type SessionInfo = Pick<SessionData, 'id' | 'did' | 'issuer' | 'scope' | 'createdAt' | 'updatedAt'>

/** Signs accounts in and keeps their sessions; many side by side. */
export interface OAuthClient {
  readonly metadata: ClientMetadata
  /**
   * Begins a sign-in: finds the server, hands the request in, and gives the page to send the person to.
   * @param input a handle, a DID, or the URL of a PDS or an authorization server
   */
  authorize(input: string, options?: AuthorizeOptions): Promise<OAuthResult<Authorization>>
  /**
   * Finishes a sign-in with the answer of the page. An error gives `appState` back too, where the sign-in is known.
   * @param params the query of the redirect URI, or what stands behind its `#`; a URL gives whichever it has
   */
  callback(
    params: URLSearchParams | URL,
    options?: { readonly signal?: AbortSignal },
  ): Promise<OAuthResult<{ readonly session: OAuthSession; readonly appState: string | null }>>
  /**
   * Takes a kept session up again; asks no server.
   * @param which id of a session; or a DID, for its newest one
   */
  restore(which: string): Promise<OAuthResult<OAuthSession>>
  /** The sessions that are kept, the newest first. */
  list(did?: Did): Promise<OAuthResult<readonly SessionInfo[]>>
}

/** A client over what its parts share. */
export function createClient(core: Core): OAuthClient {
  return {
    metadata: core.metadata,
    authorize: (input, given = {}) => settle(() => authorize(core, input, given)),
    callback: (given, { signal } = {}) =>
      settle(async () => {
        const { data, appState } = await callback(core, paramsOf(given), signal)
        return { session: createSession(core, data), appState }
      }),
    restore: (which) => settle(async () => createSession(core, await find(core, which))),
    list: (did) => settle(async () => (await list(core, did)).map(info)),
  }
}

/** Without what is secret. */
function info({ id, did, issuer, scope, createdAt, updatedAt }: SessionData): SessionInfo {
  return { id, did, issuer, scope, createdAt, updatedAt }
}

async function list(core: Core, did: Did | undefined): Promise<SessionData[]> {
  const all = await stored('list the sessions', () => core.stores.sessions.list(did))
  return all.toSorted((a, b) => b.createdAt - a.createdAt)
}

async function find(core: Core, which: string): Promise<SessionData> {
  const id = isDid(which) ? (await list(core, which))[0]?.id : which
  const data = id === undefined ? null : await current(core, id)
  if (data === null) throw new OAuthClientError('unknown-session', 'no such session')
  return data
}

function paramsOf(given: URLSearchParams | URL): URLSearchParams {
  if (given instanceof URLSearchParams) return given
  const behind = new URLSearchParams(given.hash.slice(1))
  return behind.has('state') ? behind : given.searchParams
}
