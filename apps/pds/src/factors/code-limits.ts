import type { Did } from '@avocet/syntax'
import { networkOf } from '@avocet/xrpc-server'

import { PdsError } from '../errors.ts'
import type { WatchedCounts } from '../limits/limit-hits.ts'
import { countSignIn } from '../limits/rate-limits.ts'

/**
 * How often somebody may sign in at pages, and codes may be tried and mailed. A code of an authenticator app has six digits, so tries at it are counted for each account,
 * wherever they come from. Nobody is locked out by that: a network that proved itself lately counts for itself, and passkeys, mailed
 * codes and recovery codes, which cannot be guessed, are not counted here (the brake of sign-ins slows them).
 */
export interface CodeLimits {
  /** Before a code of an app is looked at. @throws PdsError `too-many-at-once` */
  guess(did: Did, address: string | null): Promise<void>
  /** Before a code is mailed. @throws PdsError `too-many-at-once` */
  mail(did: Did, address: string | null): Promise<void>
  /**
   * Before a password is checked for a page, counted with the attempts by `createSession`.
   * @param key of `loginKey`
   * @throws PdsError `too-many-at-once`
   */
  signIn(key: string, address: string | null): Promise<void>
  /** Before a stranger gets something to sign. @throws PdsError `too-many-at-once` */
  begin(address: string | null): Promise<void>
}

/** What limits count with. */
export interface CodeLimitParts {
  readonly counts: WatchedCounts
  /** Whether the owner was at an address lately. */
  readonly isTrusted: (did: Did, address: string | null) => Promise<boolean>
  /** Told once in a window that somebody who knows the password of an account guesses codes. */
  readonly onFlood: (did: Did) => void
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** Tries at codes of apps. At three good codes of a million, a year of guessing all day finds one with 10 %. */
const GUESSES = { hour: 20, day: 100 } as const
/** Letters with a code. */
const LETTERS = { hour: 5, day: 15 } as const
/** What one network begins in five minutes. */
const BEGINNINGS = 60

/** For where nothing is limited. */
export const NO_CODE_LIMITS: CodeLimits = {
  guess: () => Promise.resolve(),
  mail: () => Promise.resolve(),
  signIn: () => Promise.resolve(),
  begin: () => Promise.resolve(),
}

/** Limits over what is counted. */
export function createCodeLimits({ counts, isTrusted, onFlood }: CodeLimitParts): CodeLimits {
  /** Counts one, and tells by how much that is over a limit. What the hour refuses is not counted for the day. */
  const count = async (key: string, limits: { hour: number; day: number }): Promise<number> => {
    const hour = await counts.consume(`${key} hour`, 1, HOUR)
    if (hour.used > limits.hour) return hour.used - limits.hour
    return (await counts.consume(`${key} day`, 1, DAY)).used - limits.day
  }
  const keyOf = async (did: Did, address: string | null): Promise<string> =>
    address !== null && (await isTrusted(did, address)) ? `${did} ${networkOf(address)}` : did

  return {
    guess: async (did, address) => {
      const over = await count(`factor-guess:${await keyOf(did, address)}`, GUESSES)
      if (over <= 0) return
      counts.refused?.('factor-guess', address)
      if (over === 1) onFlood(did)
      throw new PdsError('too-many-at-once', 'Too many codes were tried, try again later or another way')
    },
    mail: async (did, address) => {
      if ((await count(`factor-mail:${await keyOf(did, address)}`, LETTERS)) > 0) {
        counts.refused?.('factor-mail', address)
        throw new PdsError('too-many-at-once', 'Too many codes were mailed, try again later')
      }
    },
    signIn: async (key, address) => {
      if (!(await countSignIn(counts, key, address))) {
        throw new PdsError('too-many-at-once', 'Too many attempts to sign in, try again later')
      }
    },
    begin: async (address) => {
      const network = address === null ? '' : networkOf(address)
      const { used } = await counts.consume(`factor-begin:${network}`, 1, 5 * 60 * 1000)
      if (used <= BEGINNINGS) return
      counts.refused?.('factor-begin', address)
      throw new PdsError('too-many-at-once', 'Too many attempts, try again later')
    },
  }
}
