import { networkOf } from '@avocet/xrpc-server'

import { PdsError } from '../errors.ts'

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
   * Runs an attempt, after its time in line. One that ends with `auth-required` counts as a failure.
   * @param key the account, or what was typed where there is none
   * @throws PdsError `too-many-at-once` when the line is too long, and what `attempt` throws
   */
  guard<T>(key: string, address: string | null, attempt: () => Promise<T>): Promise<T>
  /** The owner of the account is at this address. */
  trust(key: string, address: string | null): void
}

const WINDOW_MS = 60 * 60 * 1000
/** Failures an hour, from everywhere, before anybody waits. */
const FREE_FAILURES = 50
/** Pace of the line: 43 200 guesses a day at most, from however many addresses. */
const PACE_MS = 2000
/** Longest wait; more would end at the timeouts of clients. */
const MAX_WAIT_MS = 30_000
const TRUST_MS = 30 * 24 * 60 * 60 * 1000
/** Entries kept of either kind; the oldest go. */
const MAX_ENTRIES = 20_000

interface Line {
  failures: number
  readonly endsAt: number
  /** When the next attempt may run. */
  freeAt: number
}

/** For where nothing is limited. */
export const NO_BRAKE: LoginBrake = { guard: (_key, _address, attempt) => attempt(), trust: () => {} }

/** A brake in the memory of this process; `now` in milliseconds, by a clock that nobody sets. */
export function createLoginBrake(
  now: () => number = () => performance.now(),
  sleep: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): LoginBrake {
  const lines = new Map<string, Line>()
  const trusted = new Map<string, number>()

  const lineOf = (key: string): Line | undefined => {
    const line = lines.get(key)
    if (line === undefined || line.endsAt > now()) return line
    lines.delete(key)
    return undefined
  }

  const failed = (key: string): void => {
    const line = lineOf(key) ?? { failures: 0, endsAt: now() + WINDOW_MS, freeAt: 0 }
    line.failures += 1
    set(lines, key, line)
  }

  const isTrusted = (key: string, address: string | null): boolean =>
    address !== null && (trusted.get(`${key} ${networkOf(address)}`) ?? 0) > now()

  const wait = async (key: string, address: string | null): Promise<void> => {
    const line = lineOf(key)
    if (line === undefined || line.failures < FREE_FAILURES || isTrusted(key, address)) return
    const time = now()
    const at = Math.max(time, line.freeAt)
    if (at - time > MAX_WAIT_MS) {
      throw new PdsError(
        'too-many-at-once',
        'Too many attempts to sign in to this account, try again in a minute',
      )
    }
    line.freeAt = at + PACE_MS
    await sleep(at - time)
  }

  const trust: LoginBrake['trust'] = (key, address) => {
    if (address !== null) set(trusted, `${key} ${networkOf(address)}`, now() + TRUST_MS)
  }

  return {
    guard: async (key, address, attempt) => {
      await wait(key, address)
      try {
        const result = await attempt()
        trust(key, address)
        return result
      } catch (error) {
        if (error instanceof PdsError && error.code === 'auth-required') failed(key)
        throw error
      }
    },
    trust,
  }
}

/** Sets an entry as the newest one, within the bound. */
function set<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value!)
  map.set(key, value)
}
