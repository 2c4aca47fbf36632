// https://www.rfc-editor.org/rfc/rfc7517#section-5

import { isObject } from '../json.ts'
import type { PublishedKey } from './client.ts'

/** The signatures of clients that are taken. */
export const ASSERTION_ALGORITHMS: readonly string[] = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
]

const MAX_KEYS = 100
const MAX_KID = 256
/** Of RSA with 8192 bits: greater ones cost more to check than they are worth. */
const MAX_MEMBER = 1400

const MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['kty', 'crv', 'x', 'y']],
  ['RSA', ['kty', 'n', 'e']],
])

/**
 * The keys of a set that can check signatures. Those of other kinds and for other uses are passed over: a set may hold them for
 * somebody else. Null for what is no set, or one beyond the bounds.
 */
export function readKeys(jwks: unknown): PublishedKey[] | null {
  const keys = isObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) return null
  return keys.map(readKey).filter((key) => key !== null)
}

function readKey(key: unknown): PublishedKey | null {
  if (!isObject(key)) return null
  const { kid, kty, alg, use, key_ops: operations, d } = key
  const members = MEMBERS.get(kty)
  if (members === undefined || d !== undefined) return null
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID) return null
  if (use !== undefined && use !== 'sig') return null
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null
  if (alg !== undefined && (typeof alg !== 'string' || !ASSERTION_ALGORITHMS.includes(alg))) return null
  const jwk: Record<string, unknown> = {}
  for (const name of members) {
    const value = key[name]
    if (typeof value !== 'string' || value.length > MAX_MEMBER) return null
    jwk[name] = value
  }
  return { kid, alg, jwk }
}
