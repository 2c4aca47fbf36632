import type { Core } from './core.ts'
import { serverOf } from './discovery.ts'
import { post } from './endpoints.ts'
import { OAuthClientError, type SessionEnding } from './error.ts'
import type { ServerMetadata } from './server-metadata.ts'
import type { SessionData } from './store.ts'

/** Runs a store. @throws {OAuthClientError} `store` */
export async function stored<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new OAuthClientError('store', `the store could not ${what}`, { cause })
  }
}

/** The session as it is now; null where it is over. What the store did not take before, it gets now. */
export async function current(core: Core, id: string): Promise<SessionData | null> {
  const data = await stored('read the session', () => core.stores.sessions.get(id))
  const ours = core.unsaved.get(id)
  if (ours === undefined) return data
  // It ended, or somebody else renewed it since: what they kept is newer.
  if (data === null || data.refreshToken !== ours.before) {
    core.unsaved.delete(id)
    return data
  }
  await save(core, ours.data, ours.before)
  return ours.data
}

/** Keeps new tokens. Where the store fails they are held in memory, so that nothing is lost while the process lives. */
export async function save(core: Core, data: SessionData, before: string | null): Promise<void> {
  const { id, did } = data
  // What the store holds is older than `before` where it failed more than once.
  core.unsaved.set(id, { data, before: core.unsaved.get(id)?.before ?? before })
  try {
    await core.stores.sessions.set(data)
    core.unsaved.delete(id)
  } catch (error) {
    core.emit({ type: 'store-failed', id, did, error })
  }
}

/** Forgets a session, and tells the server where it does not know yet. @throws {OAuthClientError} `store` */
export async function endSession(core: Core, data: SessionData, ending: SessionEnding): Promise<void> {
  const { id, did, issuer, clientKeyId } = data
  await stored('forget the session', () => core.stores.sessions.delete(id))
  core.unsaved.delete(id)
  core.emit({ type: 'session-ended', id, did, ending })
  // These are over at the server already.
  if (ending === 'refused' || ending === 'expired') return
  const server = await serverOf(core, issuer).catch(() => null)
  if (server !== null) await revoke(core, server, data.refreshToken ?? data.accessToken, clientKeyId)
}

/** Takes tokens back, as far as the server can be reached. */
export async function revoke(
  core: Core,
  server: ServerMetadata,
  token: string,
  clientKeyId: string | null,
): Promise<void> {
  const { revocationEndpoint: url } = server
  if (url === null) return
  await post(core, { server, url, fields: { token }, key: null, clientKeyId }).catch(() => undefined)
}
