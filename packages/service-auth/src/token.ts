// https://atproto.com/specs/xrpc#inter-service-authentication-jwt, RFC 7519
import type { Curve } from '@avocet/crypto'
import { isDid, type Did } from '@avocet/syntax'
import { decodeBase64url } from './base64url.ts'
import { fail, type ServiceAuthResult } from './error.ts'

/** Longest token that is looked at; real ones are some 400 characters. */
const MAX_LENGTH = 8_192

/** What a token claims, and what is needed to check its signature. */
export interface ParsedToken {
  readonly iss: string
  readonly did: Did
  readonly service: string | undefined
  readonly aud: string
  readonly lxm: string | undefined
  readonly exp: number
  readonly iat: number | undefined
  readonly nbf: number | undefined
  readonly jti: string | undefined
  readonly curve: Curve
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

const CURVES: Readonly<Record<string, Curve>> = Object.assign(
  Object.create(null) as object,
  {
    ES256K: 'k256',
    ES256: 'p256',
  } as const,
)

/** Reads a token without checking anything that needs a clock or a key. */
export function parseToken(token: string): ServiceAuthResult<ParsedToken> {
  if (token.length > MAX_LENGTH) return fail('malformed')
  const parts = token.split('.')
  const [headerPart, payloadPart, signaturePart] = parts
  if (
    parts.length !== 3 ||
    headerPart === undefined ||
    payloadPart === undefined ||
    signaturePart === undefined
  ) {
    return fail('malformed')
  }
  const header = decodeJson(headerPart)
  const payload = decodeJson(payloadPart)
  const signature = decodeBase64url(signaturePart)
  if (header === null || payload === null || signature === null) return fail('malformed')

  const { alg, typ } = header
  const curve = typeof alg === 'string' ? CURVES[alg] : undefined
  if (curve === undefined) return fail('unsupported-algorithm')
  // An OAuth access or refresh token, or a DPoP proof, says so in its type and is never a service token.
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT'))
    return fail('wrong-type')
  if ('crit' in header || signature.length !== 64) return fail('malformed')

  const { iss, aud, lxm, exp, iat, nbf } = payload
  const jti = payload['jti'] ?? payload['nonce']
  if (typeof iss !== 'string' || typeof aud !== 'string' || !isTime(exp)) return fail('malformed')
  if (!isOptional(lxm, isText) || !isOptional(jti, isText)) return fail('malformed')
  if (!isOptional(iat, isTime) || !isOptional(nbf, isTime)) return fail('malformed')

  const [did, service, ...rest] = iss.split('#')
  if (!isDid(did) || rest.length > 0 || service === '') return fail('invalid-issuer')
  const signed = new TextEncoder().encode(`${headerPart}.${payloadPart}`)
  return { ok: true, value: { iss, did, service, aud, lxm, exp, iat, nbf, jti, curve, signed, signature } }
}

function decodeJson(text: string): Record<string, unknown> | null {
  const bytes = decodeBase64url(text)
  if (bytes === null) return null
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Seconds since 1970; fractions are legal (RFC 7519 section 2). */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 512
}

function isOptional<T>(value: unknown, test: (value: unknown) => value is T): value is T | undefined {
  return value === undefined || test(value)
}
