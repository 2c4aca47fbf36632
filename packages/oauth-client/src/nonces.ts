// https://www.rfc-editor.org/rfc/rfc9449#section-8
import { remember } from './bytes.ts'

const MAX_ORIGINS = 200
const MAX_LENGTH = 512
/** Servers take a nonce for up to five minutes. */
const FRESH_MS = 120_000
/** Clocks that differ less are left alone: servers allow for that, and the header counts whole seconds. */
const MIN_SKEW_MS = 5_000

/** What is known of a server: its last nonce, and its clock. */
interface Known {
  readonly nonce: string
  readonly at: number
  /** 0 as well where its answers do not tell the time. */
  readonly skewMs: number
}

/** A clock to go by where answers do not tell the time: milliseconds since 1970, not a number where there is none. Never rejects. */
export type AskTime = () => Promise<number>

/** The last nonce of each server, and how far its clock is from ours. */
export interface Nonces {
  get(origin: string): string | null
  /** Whether the nonce is so new that a request that cannot be repeated may go with it. */
  isFresh(origin: string): boolean
  /** The time of that server, in seconds since 1970. */
  seconds(origin: string): number
  /** Takes the nonce of an answer; null where there is none. */
  take(origin: string, headers: Headers): string | null
  /** Looks for the time elsewhere, for servers whose answers do not tell it. */
  askTime(): Promise<void>
}

/** @param now milliseconds since 1970 */
export function createNonces(now: () => number, askTime: AskTime = async () => NaN): Nonces {
  const known = new Map<string, Known>()
  let ownSkewMs = 0
  return {
    get: (origin) => known.get(origin)?.nonce ?? null,
    isFresh: (origin) => now() < (known.get(origin)?.at ?? 0) + FRESH_MS,
    seconds: (origin) => Math.floor((now() + (known.get(origin)?.skewMs || ownSkewMs)) / 1000),
    take: (origin, headers) => {
      const nonce = headers.get('dpop-nonce')
      if (!nonce || nonce.length > MAX_LENGTH) return null
      const skewMs = skewOf(timeOf(headers), now())
      remember(known, origin, { nonce, at: now(), skewMs }, MAX_ORIGINS)
      return nonce
    },
    askTime: async () => {
      // One that did not help was wrong, as where a cache on the way answered.
      ownSkewMs = ownSkewMs ? 0 : skewOf(await askTime(), now())
    },
  }
}

/**
 * Whether a request that a server refused should go once more, with what the refusal told: a nonce, or the server's time.
 * @param word of the refusal
 * @param iat the time that the proof said
 */
export async function mayRepeat(
  nonces: Nonces,
  origin: string,
  word: unknown,
  iat: number,
): Promise<boolean> {
  if (word !== 'invalid_dpop_proof') return word === 'use_dpop_nonce'
  const isNews = (): boolean => Math.abs(nonces.seconds(origin) - iat) * 1000 >= MIN_SKEW_MS
  // Of many that were refused at once, the others go by what the first one found.
  if (!isNews()) await nonces.askTime()
  return isNews()
}

/** When an answer was sent, in milliseconds since 1970; not a number where it does not say. */
export function timeOf(headers: Headers): number {
  return Date.parse(headers.get('date') ?? '')
}

/** Proofs and assertions of a machine whose clock is wrong would be refused, so they say the server's time. */
function skewOf(time: number, now: number): number {
  const skew = time - now
  return Math.abs(skew) >= MIN_SKEW_MS ? skew : 0
}
