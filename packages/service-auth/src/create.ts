// https://atproto.com/specs/xrpc#inter-service-authentication-jwt
import { jwtAlgorithm, type Signer } from '@avocet/crypto'
import { encodeBase64url } from './base64url.ts'

/** What a service token says. */
export interface ServiceJwtOptions {
  /** The account or service that speaks: a DID, with `#service` for one of its services. */
  readonly iss: string
  /** The service it speaks to: a DID, with or without `#service`. */
  readonly aud: string
  /** NSID of the one method it may call; null for a token that names none, which most services refuse. */
  readonly lxm: string | null
  /** The issuer's signing key. */
  readonly signer: Signer
  /** Lifetime in seconds; default 60. */
  readonly expiresIn?: number
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
  /** The nonce; default 128 random bits. */
  readonly jti?: string
  /** Further claims, as JSON. Those above win. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Makes a signed token for a call of another service. */
export async function createServiceJwt(options: ServiceJwtOptions): Promise<string> {
  const { iss, aud, lxm, signer, expiresIn = 60, now = Date.now, jti = randomNonce(), claims } = options
  const iat = Math.floor(now() / 1000)
  const header = { typ: 'JWT', alg: jwtAlgorithm(signer.curve) }
  const payload = { ...claims, iat, iss, aud, exp: iat + expiresIn, lxm: lxm ?? undefined, jti }
  const signed = `${encodeJson(header)}.${encodeJson(payload)}`
  const signature = await signer.sign(new TextEncoder().encode(signed))
  return `${signed}.${encodeBase64url(signature)}`
}

function encodeJson(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
}

function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
