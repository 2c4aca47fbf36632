import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** Shows that whoever asks has the secrets of the server, as its own commands do, and not its operator's password alone. */
export interface ServerProof {
  /** Ms since 1970. */
  readonly at: number
  /** HMAC-SHA256, base64url. */
  readonly mac: string
}

/** How far the clocks of both may be apart, in milliseconds. */
const WINDOW_MS = 2 * 60 * 1000

/** A proof for one request. @param what names it with all that it asks for */
export function makeServerProof(secret: string, what: string, at: number = Date.now()): ServerProof {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'avocet pds command', 32))
  return { at, mac: createHmac('sha256', key).update(`${at} ${what}`).digest('base64url') }
}

/** Whether a value is such a proof, of now. */
export function isServerProof(
  secret: string,
  what: string,
  proof: unknown,
  now: number = Date.now(),
): boolean {
  const { at, mac } = (proof ?? {}) as { at?: unknown; mac?: unknown }
  if (typeof at !== 'number' || !(Math.abs(now - at) <= WINDOW_MS) || typeof mac !== 'string') return false
  const expected = Buffer.from(makeServerProof(secret, what, at).mac)
  const given = Buffer.from(mac)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
