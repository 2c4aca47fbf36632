// https://www.rfc-editor.org/rfc/rfc9449, https://atproto.com/specs/oauth#dpop

import { parsePoint, toLowS, verifySignature, type PublicKey } from '@avocet/crypto'
import type { Result } from '@avocet/syntax'

import { sha256 } from './keys.ts'
import { NONCE_STEP, type DpopNonces } from './nonces.ts'
import { isObject, parseJson } from './json.ts'
import { createLru } from './lru.ts'
import type { ReplayGuard } from './replay.ts'

/** A request, as far as a proof is about it. */
export interface ProvedRequest {
  /** As it was sent, upper case. */
  readonly method: string
  /** Its path, percent-encoded as it was sent, without the query. */
  readonly path: string
  /** A request header by its lower-case name; null when absent, values of several lines joined by commas. */
  readonly header: (name: string) => string | null
}

/** A proof that holds, but for its use: that is noted once everything else about the request is known to be right. */
export interface DpopProof {
  /** RFC 7638 thumbprint of its key, SHA-256, base64url. */
  readonly thumbprint: string
  /** Notes its use. False when it was used before. */
  readonly use: () => boolean | Promise<boolean>
}

/** Why a proof does not hold. The code is that of RFC 9449, the message is fit for `error_description`. */
export interface DpopFailure {
  readonly code: 'invalid_dpop_proof' | 'use_dpop_nonce'
  readonly message: string
}

/** Checks proofs. */
export interface DpopVerifier {
  /**
   * Never throws.
   * @param accessToken the token that the proof has to name; null where it must name none
   */
  verify(request: ProvedRequest, accessToken: string | null): Result<DpopProof, DpopFailure>
}

/** What {@link createDpopVerifier} needs. */
export interface DpopVerifierOptions {
  /** The public origin, `https://pds.example.com`: `htu` is compared with it, never with what the request says of its host. */
  readonly origin: string
  readonly nonces: DpopNonces
  readonly replay: ReplayGuard
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

/** The signatures that are taken. Every client knows this one. */
export const DPOP_ALGORITHMS = ['ES256'] as const

const MAX_PROOF = 8192
const MAX_JTI = 256
/** Seconds that a proof may be old, and that its clock may be ahead. The nonce gives freshness; clocks of devices are wrong. */
const MAX_AGE = 190
const MAX_AHEAD = 180
/** For how long a use is remembered, in ms: longer than any nonce is taken. */
const REMEMBERED = (4 * NONCE_STEP + 5) * 1000
/** Keys remembered, so that a client's next call need not import its key again. */
const MAX_KEYS = 10_000

const invalid = (message: string): { ok: false; error: DpopFailure } => ({
  ok: false,
  error: { code: 'invalid_dpop_proof', message },
})
const askNonce = (message: string): { ok: false; error: DpopFailure } => ({
  ok: false,
  error: { code: 'use_dpop_nonce', message },
})

/** A verifier of proofs for one origin. */
export function createDpopVerifier(options: DpopVerifierOptions): DpopVerifier {
  const { origin, nonces, replay, now = Date.now } = options
  const keys = createLru<PublicKey>(MAX_KEYS)

  const keyOf = ({ crv, kty, x, y }: EcKey): { key: PublicKey; thumbprint: string } | null => {
    // RFC 7638, section 3: the required members in the order of their names, without spaces.
    const thumbprint = sha256(JSON.stringify({ crv, kty, x, y }))
    const known = keys.get(thumbprint)
    if (known !== undefined) return { key: known, thumbprint }
    const point = Buffer.concat([UNCOMPRESSED, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
    // Written another way, with the spare bits of the last letter set, a key would have a second thumbprint.
    if (point.toString('base64url', 1, 33) !== x || point.toString('base64url', 33) !== y) return null
    const parsed = parsePoint('p256', point)
    if (!parsed.ok) return null
    keys.set(thumbprint, parsed.value)
    return { key: parsed.value, thumbprint }
  }

  return {
    verify: ({ method, path, header }, accessToken) => {
      const proof = header('dpop')
      if (proof === null) return invalid('DPoP proof required')
      if (proof.length > MAX_PROOF) return invalid(`a DPoP proof of more than ${MAX_PROOF} characters`)
      if (proof.includes(',')) return invalid('more than one DPoP proof')
      const jwk = readHeader(proof)
      if (typeof jwk === 'string') return invalid(jwk)
      const found = keyOf(jwk)
      if (found === null) return invalid('DPoP proof with a jwk that is no key')
      const payload = openProof(proof, found.key)
      if (payload === null) return invalid('DPoP proof with a signature that does not match its key')
      const claims = parseJson(payload)
      if (!isObject(claims)) return invalid('DPoP proof without claims')
      const { iat, jti, htm, htu, nonce, ath } = claims
      const seconds = now() / 1000
      if (typeof iat !== 'number') return invalid('DPoP proof without iat')
      if (!(iat >= seconds - MAX_AGE && iat <= seconds + MAX_AHEAD)) {
        return invalid('DPoP proof with an iat that is too far from now')
      }
      if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) {
        return invalid(`DPoP proof without jti, or one of more than ${MAX_JTI} characters`)
      }
      if (htm !== method) return invalid('DPoP proof with an htm that is not the method of the request')
      if (!isUrlOf(htu, origin, path))
        return invalid('DPoP proof with an htu that is not the URL of the request')
      if (typeof nonce !== 'string') return askNonce('Authorization server requires nonce in DPoP proof')
      if (!nonces.isGood(nonce)) return askNonce('DPoP proof with a nonce that is too old')
      if (accessToken === null) {
        if (ath !== undefined) return invalid('DPoP proof with ath where there is no access token')
      } else if (ath !== sha256(accessToken)) {
        return invalid('DPoP proof with an ath that is not of this access token')
      }
      const { thumbprint } = found
      // Clients draw their jti from few random bits: those of one key do not get in the way of another's.
      const use = (): boolean | Promise<boolean> =>
        replay.use(`dpop:${thumbprint}:${sha256(jti)}`, now() + REMEMBERED)
      return { ok: true, value: { thumbprint, use } }
    },
  }
}

type EcKey = { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }

/** Before the coordinates of a point (SEC 1, section 2.3.3). */
const UNCOMPRESSED = Uint8Array.of(4)
/** 32 bytes in base64url. */
const COORDINATE = /^[\w-]{43}$/

/** The key in the header of a proof, or what is wrong. */
function readHeader(proof: string): EcKey | string {
  const header = parseJson(Buffer.from(proof.slice(0, proof.indexOf('.')), 'base64url').toString())
  if (!isObject(header)) return 'DPoP proof that is no JWT'
  if (header['typ'] !== 'dpop+jwt') return 'DPoP proof with a typ other than dpop+jwt'
  if (!(DPOP_ALGORITHMS as readonly unknown[]).includes(header['alg'])) {
    return `DPoP proof with an alg other than ${DPOP_ALGORITHMS.join(', ')}`
  }
  // What a proof says has to be understood is not: RFC 7515, section 4.1.11.
  if (header['crit'] !== undefined) return 'DPoP proof with crit'
  const { jwk } = header
  if (!isObject(jwk)) return 'DPoP proof without jwk'
  const { kty, crv, x, y, d } = jwk
  if (d !== undefined) return 'DPoP proof with a private jwk'
  if (kty !== 'EC' || crv !== 'P-256') return 'DPoP proof with a jwk that is not of P-256'
  if (typeof x !== 'string' || typeof y !== 'string' || !COORDINATE.test(x) || !COORDINATE.test(y)) {
    return 'DPoP proof with a jwk that is no key'
  }
  return { kty, crv, x, y }
}

/** A JWS in compact form, with a signature of 64 bytes. */
const PROOF = /^([\w-]+\.([\w-]*))\.([\w-]{86})$/

/** The payload of a proof that this key signed; null otherwise. */
function openProof(proof: string, key: PublicKey): string | null {
  const [, signed, payload, signature] = PROOF.exec(proof) ?? []
  if (signed === undefined || payload === undefined || signature === undefined) return null
  // Both forms of a signature count: OAuth asks for no canonical one.
  const bytes = toLowS('p256', Buffer.from(signature, 'base64url'))
  return verifySignature(key, Buffer.from(signed), bytes)
    ? Buffer.from(payload, 'base64url').toString()
    : null
}

/** Whether `htu` is this URL. Older clients leave the query in, which does not count. */
function isUrlOf(htu: unknown, origin: string, path: string): boolean {
  if (typeof htu !== 'string') return false
  if (htu === origin + path) return true
  const url = URL.parse(htu)
  if (url === null || url.username !== '' || url.password !== '') return false
  return url.origin === origin && url.pathname === URL.parse(path, origin)?.pathname
}
