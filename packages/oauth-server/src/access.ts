// https://www.rfc-editor.org/rfc/rfc9449#section-7, https://atproto.com/specs/oauth#dpop

import type { Did } from '@avocet/syntax'

import { readAccessToken, type AccessToken, type TokenParties } from './access-token.ts'
import { createDpopVerifier, DPOP_ALGORITHMS, type ProvedRequest } from './dpop.ts'
import type { OAuthKeys } from './keys.ts'
import { createLru } from './lru.ts'
import { createDpopNonces, type DpopNonces } from './nonces.ts'
import { createReplayGuard, type ReplayGuard } from './replay.ts'
import type { OAuthSession } from './rows.ts'
import type { Awaitable } from './store.ts'

export type { ProvedRequest } from './dpop.ts'

/** The app behind a request, and the account it acts for. Whether the account itself may act is for the caller to ask. */
export interface Access {
  readonly did: Did
  readonly clientId: string
  readonly sessionId: string
  /** What the account granted, permission sets expanded: for `createScopeSet` of `@avocet/oauth-scopes`. */
  readonly permissions: string
  /** When the access token is over, in seconds since 1970. */
  readonly expiresAt: number
}

/** Why a request is not let in: a 401, with the words and headers that clients go by. */
export interface AccessFailure {
  readonly code: 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce'
  readonly message: string
  readonly status: 401
  /** Whose session has ended, where its token and proof were good; null for all else. */
  readonly did: Did | null
  readonly headers: { readonly 'www-authenticate': string; readonly 'dpop-nonce': string }
}

/** Who calls. `headers` belong on the answer whatever becomes of the call, and are those of a failure as well. */
export type AccessResult =
  | { readonly ok: true; readonly value: Access; readonly headers: { readonly 'dpop-nonce': string } }
  | { readonly ok: false; readonly error: AccessFailure; readonly headers: AccessFailure['headers'] }

/** Says who calls, by `Authorization: DPoP` and a proof. Never rejects but for failures of the store or of the replay guard. */
export type VerifyAccess = (request: ProvedRequest) => Promise<AccessResult>

/** What {@link createAccessVerifier} needs. */
export interface AccessVerifierOptions extends TokenParties {
  readonly keys: OAuthKeys
  /** Sessions: one look-up a call, so that what ends a session ends its tokens. */
  readonly sessions: { get(id: string): Awaitable<OAuthSession | null> }
  /** Default: those of the keys. */
  readonly nonces?: DpopNonces
  /** Default: one in memory. Several processes need one that they share. */
  readonly replay?: ReplayGuard
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

/** Whether a request shows an access token of OAuth, which `VerifyAccess` is for: `Authorization: DPoP …`. */
export function carriesDpopToken({ header }: Pick<ProvedRequest, 'header'>): boolean {
  return /^DPoP(?: |$)/i.test(header('authorization') ?? '')
}

/** Tokens remembered whose signature was checked. Neither proofs nor sessions are. */
const MAX_TOKENS = 10_000

/** The check of access tokens, for the side that serves resources. */
export function createAccessVerifier(options: AccessVerifierOptions): VerifyAccess {
  const { issuer, keys, sessions, now = Date.now } = options
  const { nonces = createDpopNonces(keys, now), replay = createReplayGuard({ now }) } = options
  const dpop = createDpopVerifier({ origin: issuer, nonces, replay, now })
  const read = createTokenReader(keys, options)

  const refuse = (code: AccessFailure['code'], message: string, did: Did | null = null): AccessResult => {
    const challenge = `DPoP algs="${DPOP_ALGORITHMS.join(' ')}", error="${code}", error_description="${message}"`
    const headers = { 'www-authenticate': challenge, 'dpop-nonce': nonces.current() }
    return { ok: false, error: { code, message, status: 401, did, headers }, headers }
  }

  return async (request) => {
    const token = /^DPoP +([\w.~+/=-]+)$/i.exec(request.header('authorization') ?? '')?.[1]
    if (token === undefined) return refuse('invalid_token', 'Malformed access token')
    const proof = dpop.verify(request, token)
    if (!proof.ok) return refuse(proof.error.code, proof.error.message)
    const claims = await read(token)
    if (claims === null) return refuse('invalid_token', 'Invalid access token')
    const seconds = now() / 1000
    if (claims.expiresAt <= seconds) return refuse('invalid_token', 'Access token expired')
    const session = await sessions.get(claims.sessionId)
    if (session === null || session.expiresAt <= seconds) {
      const isBound = claims.dpopThumbprint === proof.value.thumbprint
      return refuse('invalid_token', 'Session ended', isBound ? claims.did : null)
    }
    const { did, clientId, id: sessionId, dpopThumbprint, permissions } = session
    if (did !== claims.did || dpopThumbprint !== claims.dpopThumbprint) {
      return refuse('invalid_token', 'Invalid access token')
    }
    if (dpopThumbprint !== proof.value.thumbprint) {
      return refuse('invalid_token', 'Access token is bound to another key')
    }
    const isNew = proof.value.use()
    if (!(typeof isNew === 'boolean' ? isNew : await isNew)) {
      return refuse('invalid_dpop_proof', 'DPoP proof was used before')
    }
    const { expiresAt } = claims
    const value = { did, clientId, sessionId, permissions, expiresAt }
    return { ok: true, value, headers: { 'dpop-nonce': nonces.current() } }
  }
}

/** Reads tokens, and remembers what those of this server say: their signature is checked once. */
function createTokenReader(
  keys: OAuthKeys,
  parties: TokenParties,
): (token: string) => Promise<AccessToken | null> {
  const known = createLru<AccessToken>(MAX_TOKENS)
  return async (token) => {
    const before = known.get(token)
    if (before !== undefined) return before
    const claims = await readAccessToken(keys, parties, token)
    if (claims !== null) known.set(token, claims)
    return claims
  }
}
