import { networkOf } from '@avocet/xrpc-server'

import { PdsError, type PdsErrorCode } from '../errors.ts'
import { createMemoryLoginCounts, type LoginCounts } from './login-counts.ts'

/**
 * Slows guesses at one account's password that come from many addresses, each of which stays below its own limit.
 *
 * It must not become a way to lock an owner out. So nobody is refused for good: above a number of failures, attempts from
 * networks that are strange to the account stand in one line, which moves at a fixed pace; only who would wait very long is
 * sent away for now. Networks that proved themselves lately (by a sign-in, a refreshed session or a mailed code) never stand
 * in it, whatever others do.
 */
export interface LoginBrake {
  /**
   * Runs an attempt, after its time in line. One that ends with `auth-required`, or with a wrong second factor, counts as a failure;
   * after one that succeeds the owner is at this address.
   * @param key the account, or what was typed where there is none
   * @throws PdsError `too-many-at-once` when the line is too long, and what `attempt` throws
   */
  guard<T>(key: string, address: string | null, attempt: () => Promise<T>): Promise<T>
  /** The same where success does not show yet that it is the owner. */
  slow<T>(key: string, address: string | null, attempt: () => Promise<T>): Promise<T>
  /** The owner of the account is at this address. */
  trust(key: string, address: string | null): Promise<void>
  /** Whether the owner was at this address, or in its network, lately. */
  isTrusted(key: string, address: string | null): Promise<boolean>
}

/** Failures an hour, from everywhere, before anybody waits. */
const FREE_FAILURES = 50
/** Pace of the line: 43 200 guesses a day at most, from however many addresses. */
const PACE_MS = 2000
/** Longest wait; more would end at the timeouts of clients. */
const MAX_WAIT_MS = 30_000
const TRUST_MS = 30 * 24 * 60 * 60 * 1000

/** For where nothing is limited. */
export const NO_BRAKE: LoginBrake = {
  guard: (_key, _address, attempt) => attempt(),
  slow: (_key, _address, attempt) => attempt(),
  trust: () => Promise.resolve(),
  isTrusted: () => Promise.resolve(false),
}

/** A brake over what is counted, by default in the memory of this process. */
export function createLoginBrake(
  counts: LoginCounts = createMemoryLoginCounts(),
  sleep: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): LoginBrake {
  const isTrusted = async (key: string, address: string | null): Promise<boolean> =>
    address !== null && (await counts.isTrusted(`${key} ${networkOf(address)}`))

  const wait = async (key: string, address: string | null): Promise<void> => {
    if ((await counts.failures(key)) < FREE_FAILURES || (await isTrusted(key, address))) return
    const waitMs = await counts.queue(key, PACE_MS, MAX_WAIT_MS)
    if (waitMs === null) {
      throw new PdsError(
        'too-many-at-once',
        'Too many attempts to sign in to this account, try again in a minute',
      )
    }
    await sleep(waitMs)
  }

  const trust: LoginBrake['trust'] = async (key, address) => {
    if (address !== null) await counts.trust(`${key} ${networkOf(address)}`, TRUST_MS)
  }

  const slow: LoginBrake['slow'] = async (key, address, attempt) => {
    await wait(key, address)
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof PdsError && FAILURES.has(error.code)) await counts.failed(key)
      throw error
    }
  }

  return {
    guard: async (key, address, attempt) => {
      const result = await slow(key, address, attempt)
      await trust(key, address)
      return result
    },
    slow,
    trust,
    isTrusted,
  }
}

/** What a guess ends with. */
const FAILURES: ReadonlySet<PdsErrorCode> = new Set(['auth-required', 'factor-invalid'])
