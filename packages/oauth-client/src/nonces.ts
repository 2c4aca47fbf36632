// https://www.rfc-editor.org/rfc/rfc9449#section-8
import { remember } from './bytes.ts'

const MAX_ORIGINS = 200
const MAX_LENGTH = 512
/** Servers take a nonce for up to five minutes. */
const FRESH_MS = 120_000
/** Clocks that differ less are left alone: servers allow for that, and the header counts whole seconds. */
const MIN_SKEW_MS = 5_000
const MAX_SKEW_MS = 400 * 86_400_000

/** What is known of a server: its last nonce, and its clock. */
interface Known {
  readonly nonce: string
  readonly at: number
  readonly skewMs: number
}

/** The last nonce of each server, and how far its clock is from ours. */
export interface Nonces {
  get(origin: string): string | null
  /** Whether the nonce is so new that a request that cannot be repeated may go with it. */
  isFresh(origin: string): boolean
  /** The time of that server, in seconds since 1970. */
  seconds(origin: string): number
  /** Takes the nonce of an answer; null where there is none. */
  take(origin: string, headers: Headers): string | null
}

/** @param now milliseconds since 1970 */
export function createNonces(now: () => number): Nonces {
  const known = new Map<string, Known>()
  return {
    get: (origin) => known.get(origin)?.nonce ?? null,
    isFresh: (origin) => {
      const entry = known.get(origin)
      return entry !== undefined && now() < entry.at + FRESH_MS
    },
    seconds: (origin) => Math.floor((now() + (known.get(origin)?.skewMs ?? 0)) / 1000),
    take: (origin, headers) => {
      const nonce = headers.get('dpop-nonce')
      if (nonce === null || nonce === '' || nonce.length > MAX_LENGTH) return null
      remember(known, origin, { nonce, at: now(), skewMs: skewOf(headers, now()) }, MAX_ORIGINS)
      return nonce
    },
  }
}

/**
 * Whether a request that a server refused should go once more, with what the refusal told: a nonce, or the server's time.
 * @param word of the refusal
 * @param iat the time that the proof said
 */
export function mayRepeat(nonces: Nonces, origin: string, word: unknown, iat: number): boolean {
  if (word === 'use_dpop_nonce') return true
  return word === 'invalid_dpop_proof' && Math.abs(nonces.seconds(origin) - iat) * 1000 >= MIN_SKEW_MS
}

/** Proofs and assertions of a machine whose clock is wrong would be refused, so they say the server's time. */
function skewOf(headers: Headers, now: number): number {
  const skew = Date.parse(headers.get('date') ?? '') - now
  return Math.abs(skew) >= MIN_SKEW_MS && Math.abs(skew) <= MAX_SKEW_MS ? skew : 0
}
