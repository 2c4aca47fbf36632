// https://www.rfc-editor.org/rfc/rfc6749#section-6
import type { Core } from './core.ts'
import { resolveAccount, serverOf, serverOfResource } from './discovery.ts'
import { post } from './endpoints.ts'
import { OAuthClientError, type SessionEnding } from './error.ts'
import { current, endSession, save } from './kept.ts'
import type { SessionData } from './store.ts'
import { readTokens, type Tokens } from './tokens.ts'

/** Waits before a request whose answer was lost is sent again: soon, as servers give the same tokens again for a short time. */
const WAITS_MS = [200, 1000]

/**
 * The session with tokens newer than those of `used`. However many ask at once, here or in other processes that share the lock, one
 * request is sent; it is not given up with those who wait for it.
 * @throws {OAuthClientError} `session-ended`, `store`, and what may pass
 */
export function renew(core: Core, used: SessionData): Promise<SessionData> {
  const { id } = used
  const running = core.flights.get(id)
  if (running !== undefined) return running
  const flight = core
    .lock(`avocet-oauth:${id}`, () => renewAlone(core, used))
    .finally(() => core.flights.delete(id))
  core.flights.set(id, flight)
  return flight
}

async function renewAlone(core: Core, used: SessionData): Promise<SessionData> {
  const { id, did } = used
  const data = await current(core, id)
  if (data === null) throw ended(used, 'removed')
  // Another process was quicker.
  if (data.accessToken !== used.accessToken) return data
  const { refreshToken } = data
  if (refreshToken === null) {
    await endSession(core, data, 'expired')
    throw ended(data, 'expired')
  }
  const place = placeOf(core, data)
  let tokens: Tokens
  try {
    tokens = await requestTokens(core, data, refreshToken)
  } catch (error) {
    if ((await place) === null) throw await moved(core, data)
    if (!(error instanceof OAuthClientError) || error.oauthError !== 'invalid_grant') throw error
    // Somebody who does not share the lock may have used it: then what they kept is good.
    const now = await current(core, id)
    if (now !== null && now.refreshToken !== refreshToken) return now
    if (now !== null) await endSession(core, now, 'refused')
    throw ended(data, 'refused', error)
  }
  const { sub: _, ...fields } = tokens
  const pds = await place
  const next: SessionData = {
    ...data,
    ...fields,
    pds: pds ?? data.pds,
    refreshToken: tokens.refreshToken ?? refreshToken,
    updatedAt: core.now(),
  }
  if (pds === null) throw await moved(core, next)
  await save(core, next, refreshToken)
  core.emit({ type: 'session-renewed', id, did })
  return next
}

/** The PDS of the account as it is now; null where that is of another issuer. What cannot be found out now is as it was. */
async function placeOf(core: Core, { did, issuer, pds: before }: SessionData): Promise<string | null> {
  try {
    const { pds } = await resolveAccount(core, did, true)
    return pds === before || (await serverOfResource(core, pds)).issuer === issuer ? pds : null
  } catch {
    return before
  }
}

async function moved(core: Core, data: SessionData): Promise<OAuthClientError> {
  await endSession(core, data, 'moved')
  return ended(data, 'moved')
}

async function requestTokens(core: Core, data: SessionData, refreshToken: string): Promise<Tokens> {
  const { issuer, key, clientKeyId, did } = data
  const server = await serverOf(core, issuer)
  const fields = { grant_type: 'refresh_token', refresh_token: refreshToken }
  const send = (): Promise<Readonly<Record<string, unknown>>> =>
    post(core, { server, url: server.tokenEndpoint, fields, key, clientKeyId })
  return readTokens(await insist(send), core.now(), did)
}

/** Sends again what may have been done, though nobody heard: of the same request the server gives the same answer. */
async function insist<T>(send: () => Promise<T>): Promise<T> {
  for (const wait of WAITS_MS) {
    try {
      return await send()
    } catch (error) {
      const mayPass = error instanceof OAuthClientError && error.isTransient && error.status !== 429
      if (!mayPass) throw error
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
  return send()
}

/** @returns the error of a session that is over */
export function ended(
  { id, did }: Pick<SessionData, 'id' | 'did'>,
  ending: SessionEnding,
  cause?: OAuthClientError,
): OAuthClientError {
  return new OAuthClientError('session-ended', `the session is over: ${ending}; id=${id} did=${did}`, {
    ending,
    cause,
    oauthError: cause?.oauthError,
  })
}
