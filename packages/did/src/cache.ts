import { DidError, fail, type DidErrorCode, type DidResult } from './error.ts'
import type { ResolveOptions } from './did-resolver.ts'

/** What is kept between runs of a process. */
export interface StoredEntry {
  /** JSON of the value. */
  readonly value: unknown
  /** When it was fetched, in milliseconds since 1970. */
  readonly fetchedAt: number
}

/** Where a cache keeps what it fetched, beyond the memory of the process. Failures are not kept there. */
export interface CacheStore {
  get(key: string): StoredEntry | undefined | Promise<StoredEntry | undefined>
  set(key: string, entry: StoredEntry): void | Promise<void>
  delete(key: string): void | Promise<void>
}

/** Options of a cache. All times are in milliseconds. */
export interface CacheOptions {
  /** Age from which an answer is renewed in the background while it is still given; default 1 hour. */
  readonly staleMs?: number
  /** Age from which an answer is not given any more; default 24 hours. */
  readonly maxMs?: number
  /** How long a definite failure (`not-found`, …) is given again; default 1 minute. */
  readonly negativeMs?: number
  /** How long a failure that may pass (`timeout`, …) is given again, so that nothing is hammered; default 5 seconds. */
  readonly failureMs?: number
  /** A forced refresh within this time of the last answer gets that answer; default 0. */
  readonly minRefreshMs?: number
  /** Answers held in memory; default 100 000. The least lately used goes first, roughly. */
  readonly maxEntries?: number
  /** Keeps answers over a restart. A fault of it is reported and otherwise ignored. */
  readonly store?: CacheStore
  /** Told of faults of the store. */
  readonly onStoreError?: (error: unknown) => void
  /** Milliseconds since 1970, for what the store keeps; default `Date.now`. */
  readonly now?: () => number
  /**
   * Milliseconds by a clock that nobody sets, for the ages of what is in memory; default `now` where that is given, else
   * `performance.now`.
   */
  readonly steady?: () => number
}

/** A cache of answers, one question at a time per key. */
export interface Cache<V> {
  resolve(key: string, options?: ResolveOptions): Promise<DidResult<V>>
  /** Whether `resolve` answers from memory now, and has nothing renewed. */
  isFresh(key: string): boolean
  purge(key: string): void
}

/** A failure that says nothing about the key is not remembered. */
const UNSAID: ReadonlySet<DidErrorCode> = new Set(['aborted', 'throttled'])

/** Its times are of the steady clock. */
interface Entry<V> {
  /** Settled long before anybody asks again: a hit allocates nothing. */
  readonly answer: Promise<DidResult<V>>
  readonly fetchedAt: number
  readonly staleAt: number
  /** Until when the answer may be given. */
  readonly goodUntil: number
  readonly isFailure: boolean
  used: boolean
}

interface Flight<V> {
  readonly answer: Promise<DidResult<V>>
  readonly isForced: boolean
}

/**
 * @param load asks the source; it is not given callers' signals, since others may wait for the same answer
 * @param revive the value of its stored JSON, or null when that is none
 */
export function createCache<V>(
  load: (key: string) => Promise<DidResult<V>>,
  revive: (json: unknown) => V | null,
  options: CacheOptions,
): Cache<V> {
  const { staleMs = 3_600_000, maxMs = 86_400_000, negativeMs = 60_000, failureMs = 5_000 } = options
  const { minRefreshMs = 0, maxEntries = 100_000, store, now = Date.now } = options
  const { steady = options.now ?? (() => performance.now()) } = options
  const entries = new Map<string, Entry<V>>()
  const flights = new Map<string, Flight<V>>()
  const readings = new Map<string, Promise<DidResult<V>>>()
  const deletions = new Map<string, Promise<void>>()

  const report = (error: unknown): void => options.onStoreError?.(error)

  const insert = (key: string, entry: Entry<V>): void => {
    entries.delete(key)
    // Second chance: what was used since the last look goes to the end once more.
    while (entries.size >= maxEntries) {
      const [oldest] = entries
      if (oldest === undefined) break
      entries.delete(oldest[0])
      if (!oldest[1].used) break
      oldest[1].used = false
      entries.set(oldest[0], oldest[1])
    }
    entries.set(key, entry)
  }

  const keepValue = (key: string, value: V, fetchedAt: number): Entry<V> => {
    const entry: Entry<V> = {
      answer: Promise.resolve({ ok: true, value }),
      fetchedAt,
      staleAt: fetchedAt + staleMs,
      goodUntil: fetchedAt + maxMs,
      isFailure: false,
      used: false,
    }
    insert(key, entry)
    return entry
  }

  const keepFailure = (key: string, result: DidResult<V> & { ok: false }): void => {
    if (UNSAID.has(result.error.code)) return
    const at = steady()
    const goodUntil = at + (result.error.isTransient ? failureMs : negativeMs)
    const answer = Promise.resolve(result)
    insert(key, { answer, fetchedAt: at, staleAt: goodUntil, goodUntil, isFailure: true, used: false })
  }

  /** A key whose deletion is under way is not read from the store before it is done. */
  const remove = (key: string): void => {
    if (store === undefined) return
    const deletion: Promise<void> = settle(() => store.delete(key), report).finally(() => {
      if (deletions.get(key) === deletion) deletions.delete(key)
    })
    deletions.set(key, deletion)
  }

  const keepAnswer = async (key: string, result: DidResult<V>): Promise<void> => {
    if (result.ok) {
      keepValue(key, result.value, steady())
      if (store) await settle(() => store.set(key, { value: result.value, fetchedAt: now() }), report)
      return
    }
    const before = entries.get(key)
    const outlives = before !== undefined && !before.isFailure && before.goodUntil > steady()
    // What is known stays known while the source cannot be asked.
    if (result.error.isTransient && outlives) return
    keepFailure(key, result)
    if (!result.error.isTransient) remove(key)
  }

  /** A resolver that throws instead of rejecting is no different. */
  const ask = async (key: string): Promise<DidResult<V>> => load(key)

  const fly = (key: string, isForced: boolean): Promise<DidResult<V>> => {
    const running = flights.get(key)
    // Who forces a refresh wants an answer from after the call; only another forced one is as good.
    if (running !== undefined && (running.isForced || !isForced)) return running.answer
    const answer = ask(key)
      .catch((cause: unknown) => fail('network', `resolver failed; key=${key}`, { cause }))
      .then(async (result) => {
        // A purge or a forced refresh took this flight's place: its answer is older than theirs.
        if (flights.get(key) === flight) await keepAnswer(key, result)
        return result
      })
      .finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
    const flight = { answer, isForced }
    flights.set(key, flight)
    return answer
  }

  const readStored = async (
    key: string,
    from: CacheStore,
    isCurrent: () => boolean,
  ): Promise<DidResult<V>> => {
    await deletions.get(key)
    const stored = await settle(() => from.get(key), report)
    const age = stored === undefined ? maxMs : now() - stored.fetchedAt
    // A time in the future was written by a clock that was ahead: how old the answer is, nobody knows.
    const value = stored === undefined || age < 0 || age >= maxMs ? null : revive(stored.value)
    if (value === null || !isCurrent()) return fly(key, false)
    const entry = keepValue(key, value, steady() - age)
    if (age >= staleMs) void fly(key, false)
    return entry.answer
  }

  const miss = (key: string): Promise<DidResult<V>> => {
    const running = flights.get(key)?.answer ?? readings.get(key)
    if (running !== undefined) return running
    if (store === undefined) return fly(key, false)
    const reading: Promise<DidResult<V>> = readStored(
      key,
      store,
      (): boolean => readings.get(key) === reading,
    ).finally(() => {
      if (readings.get(key) === reading) readings.delete(key)
    })
    readings.set(key, reading)
    return reading
  }

  return {
    resolve(key, asked) {
      const entry = entries.get(key)
      if (asked?.forceRefresh === true) {
        if (entry !== undefined && steady() < entry.fetchedAt + minRefreshMs) return entry.answer
        return withSignal(fly(key, true), asked.signal)
      }
      if (entry !== undefined) {
        const at = steady()
        if (at < entry.goodUntil) {
          entry.used = true
          if (at >= entry.staleAt) void fly(key, false)
          return entry.answer
        }
      }
      return withSignal(miss(key), asked?.signal)
    },
    isFresh: (key) => {
      const entry = entries.get(key)
      return entry !== undefined && steady() < entry.staleAt
    },
    purge(key) {
      entries.delete(key)
      flights.delete(key)
      readings.delete(key)
      remove(key)
    },
  }
}

/** A caller's signal ends its own wait, not the question others share. */
function withSignal<V>(
  answer: Promise<DidResult<V>>,
  signal: AbortSignal | undefined,
): Promise<DidResult<V>> {
  if (signal === undefined) return answer
  return new Promise((resolve) => {
    const abort = (): void =>
      resolve({
        ok: false,
        error: new DidError('aborted', 'wait for an answer was aborted', { cause: signal.reason }),
      })
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    void answer.then((result) => {
      signal.removeEventListener('abort', abort)
      resolve(result)
    })
  })
}

async function settle<T>(
  run: () => T | Promise<T>,
  report: (error: unknown) => void,
): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    report(error)
    return undefined
  }
}
