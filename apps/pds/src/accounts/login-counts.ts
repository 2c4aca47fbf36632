import type { Awaitable } from '@avocet/accounts'

/** What the brake of sign-ins counts, by keys of accounts, or of accounts and networks. */
export interface LoginCounts {
  /** Failed attempts in the hour that began with the first of them. */
  failures(key: string): Awaitable<number>
  failed(key: string): Awaitable<void>
  /**
   * Takes the next place in the line of an account, which moves by one every `paceMs`.
   * @returns the wait in milliseconds; null, and no place is taken, when it would be longer than `maxWaitMs`
   */
  queue(key: string, paceMs: number, maxWaitMs: number): Awaitable<number | null>
  /** Notes for `forMs` that the owner of an account is in a network. */
  trust(key: string, forMs: number): Awaitable<void>
  isTrusted(key: string): Awaitable<boolean>
}

/** The window of failures. */
export const WINDOW_MS: number = 60 * 60 * 1000
/** Entries kept of either kind; the oldest go. */
const MAX_ENTRIES = 20_000

interface Line {
  failures: number
  readonly endsAt: number
  /** When the next attempt may run. */
  freeAt: number
}

/** Counts in the memory of this process; `now` in milliseconds, by a clock that nobody sets. */
export function createMemoryLoginCounts(now: () => number = () => performance.now()): LoginCounts {
  const lines = new Map<string, Line>()
  const trusted = new Map<string, number>()

  const lineOf = (key: string): Line | undefined => {
    const line = lines.get(key)
    if (line === undefined || line.endsAt > now()) return line
    lines.delete(key)
    return undefined
  }

  return {
    failures: (key) => lineOf(key)?.failures ?? 0,
    failed: (key) => {
      const line = lineOf(key) ?? { failures: 0, endsAt: now() + WINDOW_MS, freeAt: 0 }
      line.failures += 1
      set(lines, key, line)
    },
    queue: (key, paceMs, maxWaitMs) => {
      const line = lineOf(key)
      const time = now()
      const at = Math.max(time, line?.freeAt ?? time)
      if (at - time > maxWaitMs) return null
      if (line !== undefined) line.freeAt = at + paceMs
      return at - time
    },
    trust: (key, forMs) => set(trusted, key, now() + forMs),
    isTrusted: (key) => (trusted.get(key) ?? 0) > now(),
  }
}

/** Sets an entry as the newest one, within the bound. */
function set<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value!)
  map.set(key, value)
}

/** Counts that all processes share while they can be reached, and this process's own meanwhile. */
export function createFallbackLoginCounts(shared: LoginCounts, own: LoginCounts): LoginCounts {
  const either = async <T>(ask: (counts: LoginCounts) => Awaitable<T>): Promise<T> => {
    try {
      return await ask(shared)
    } catch {
      return ask(own)
    }
  }
  return {
    failures: (key) => either((counts) => counts.failures(key)),
    failed: (key) => either((counts) => counts.failed(key)),
    queue: (key, paceMs, maxWaitMs) => either((counts) => counts.queue(key, paceMs, maxWaitMs)),
    trust: async (key, forMs) => {
      // Known in both: while the others cannot be asked, an owner does not become a stranger.
      await own.trust(key, forMs)
      await either((counts) => counts.trust(key, forMs))
    },
    isTrusted: async (key) => (await own.isTrusted(key)) || either((counts) => counts.isTrusted(key)),
  }
}
