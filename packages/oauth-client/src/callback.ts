// https://www.rfc-editor.org/rfc/rfc9207, https://atproto.com/specs/oauth#identity-authentication
import { randomText, shown } from './bytes.ts'
import type { Core } from './core.ts'
import { resolveAccount, serverOf, serverOfResource } from './discovery.ts'
import { post } from './endpoints.ts'
import { OAuthClientError } from './error.ts'
import { endSession, revoke, stored } from './kept.ts'
import type { SessionData, StateData } from './store.ts'
import { readTokens } from './tokens.ts'

const MAX_VALUE = 4096

/**
 * Takes the answer of the authorization page and makes a session of it.
 * @throws {OAuthClientError}
 */
export async function callback(
  core: Core,
  params: URLSearchParams,
  signal?: AbortSignal,
): Promise<{ data: SessionData; appState: string | null }> {
  const state = only(params, 'state')
  const kept = state === null ? null : await stored('read the sign-in', () => core.stores.states.take(state))
  if (kept === null || kept.expiresAt <= core.now()) {
    throw new OAuthClientError('unknown-state', 'not asked for here, late, or used before')
  }
  const { appState } = kept
  try {
    return { data: await finish(core, params, kept, signal), appState }
  } catch (error) {
    throw error instanceof OAuthClientError ? Object.assign(error, { appState }) : error
  }
}

async function finish(
  core: Core,
  params: URLSearchParams,
  kept: StateData,
  signal: AbortSignal | undefined,
): Promise<SessionData> {
  // Before anything else: the answer of another server must not reach the one that was asked.
  const issuer = only(params, 'iss')
  if (issuer !== kept.issuer) {
    const message = `the answer is of another issuer; expected=${kept.issuer} found=${shown(issuer)}`
    throw new OAuthClientError('wrong-issuer', message)
  }
  if (params.has('error')) {
    const word = shown(params.get('error'))
    const message = `${word}: ${shown(params.get('error_description') ?? '')}`
    throw new OAuthClientError('denied', message, { oauthError: word })
  }
  const code = only(params, 'code')
  if (code === null) throw new OAuthClientError('invalid-answer', 'the answer has no code')
  const server = await serverOf(core, issuer, signal)
  const { key, clientKeyId } = kept
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: kept.redirectUri,
    code_verifier: kept.verifier,
  }
  // Once sent, it is not given up: a code is good for one time.
  const answer = await post(core, { server, url: server.tokenEndpoint, fields, key, clientKeyId })
  const now = core.now()
  let data: SessionData
  try {
    const { sub, ...rest } = readTokens(answer, now, kept.did)
    const pds = await pdsOf(core, sub, issuer)
    const id = randomText(16)
    data = { ...rest, id, did: sub, issuer, pds, key, clientKeyId, createdAt: now, updatedAt: now }
    await stored('keep the session', () => core.stores.sessions.set(data))
  } catch (error) {
    const { access_token: given } = answer
    if (typeof given === 'string') await revoke(core, server, given, clientKeyId)
    throw error
  }
  core.emit({ type: 'session-began', id: data.id, did: data.did })
  if (core.replaceSessions) await endOthers(core, data)
  return data
}

/** Where the account lives; refused where that place does not lead to the issuer who vouches for it. */
async function pdsOf(core: Core, did: SessionData['did'], issuer: string): Promise<string> {
  const { pds } = await resolveAccount(core, did, true)
  const server = await serverOfResource(core, pds)
  if (server.issuer === issuer) return pds
  const message = `the account is of another issuer; did=${did} expected=${issuer} found=${server.issuer}`
  throw new OAuthClientError('wrong-issuer', message)
}

/** That of the same account before. What fails is left: it ends by itself. */
async function endOthers(core: Core, { did, id }: SessionData): Promise<void> {
  const all = await core.stores.sessions.list(did).catch(() => [])
  const others = all.filter((data) => data.id !== id && data.did === did)
  await Promise.all(others.map((data) => endSession(core, data, 'replaced').catch(() => undefined)))
}

/** A parameter that is there once; null otherwise. */
function only(params: URLSearchParams, name: string): string | null {
  const [value, ...others] = params.getAll(name)
  if (value === undefined || value === '' || value.length > MAX_VALUE || others.length > 0) return null
  return value
}
