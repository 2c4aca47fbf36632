import { openDatabase } from '@avocet/sqlite'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  DidError,
  parseDidDocument,
  signingKey,
  withCache,
  withHandleCache,
  type CacheOptions,
  type CacheStore,
  type DidDocument,
  type DidErrorCode,
  type DidResolver,
  type DidResult,
  type StoredEntry,
} from '../src/index.ts'
import { openCacheStore } from '../src/sqlite.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const HOUR = 3_600_000

let now = 0
let calls = 0
let version = 0
let failure: DidErrorCode | null = null
let gate: Promise<void> | null = null

beforeEach(() => {
  now = 1_800_000_000_000
  calls = 0
  version = 1
  failure = null
  gate = null
})

/** A source whose documents carry a version. It answers what holds when it was asked. */
const source: DidResolver = {
  async resolve(asked): Promise<DidResult<DidDocument>> {
    calls++
    const result: DidResult<DidDocument> =
      failure === null
        ? parseDidDocument({ id: asked, alsoKnownAs: [`at://v${version}.example.com`] })
        : { ok: false, error: new DidError(failure, 'x') }
    await gate
    return result
  },
}
const cached = (options: CacheOptions = {}) => withCache(source, { now: () => now, ...options })
const seen = (result: DidResult<DidDocument>): string =>
  result.ok ? (result.value.alsoKnownAs[0] ?? '').slice(5, 7) : result.error.code
/** Lets background work run. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('ages', () => {
  it('gives an answer from memory for an hour', async () => {
    const cache = cached()
    expect(seen(await cache.resolve(did))).toBe('v1')
    version = 2
    now += HOUR - 1
    expect(seen(await cache.resolve(did))).toBe('v1')
    await settle()
    expect(calls).toBe(1)
  })

  it('gives the stale answer at once and renews it behind', async () => {
    const cache = cached()
    await cache.resolve(did)
    version = 2
    now += HOUR
    const answers = await Promise.all([cache.resolve(did), cache.resolve(did), cache.resolve(did)])
    expect(answers.map(seen)).toEqual(['v1', 'v1', 'v1'])
    await settle()
    expect(calls).toBe(2)
    expect(seen(await cache.resolve(did))).toBe('v2')
  })

  it('waits for a new answer after a day', async () => {
    const cache = cached()
    await cache.resolve(did)
    version = 2
    now += 24 * HOUR
    expect(seen(await cache.resolve(did))).toBe('v2')
  })

  it('keeps the stale answer while the source fails, to the day’s end and no longer', async () => {
    const cache = cached()
    await cache.resolve(did)
    failure = 'timeout'
    now += 2 * HOUR
    expect(seen(await cache.resolve(did))).toBe('v1')
    await settle()
    expect(seen(await cache.resolve(did))).toBe('v1')
    await settle()
    now += 22 * HOUR
    expect(seen(await cache.resolve(did))).toBe('timeout')
  })

  it('drops the stale answer when the source says that it is gone', async () => {
    const cache = cached()
    await cache.resolve(did)
    failure = 'tombstoned'
    now += HOUR
    expect(seen(await cache.resolve(did))).toBe('v1')
    await settle()
    expect(seen(await cache.resolve(did))).toBe('tombstoned')
  })
})

describe('a clock that was set', () => {
  const YEAR = 365 * 24 * HOUR
  const machine = () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    return { begun: Date.now(), cache: withCache(source) }
  }

  it('ahead and back makes no answer in memory last longer', async () => {
    const { begun, cache } = machine()
    vi.setSystemTime(begun + YEAR)
    await cache.resolve(did)
    vi.setSystemTime(begun)
    vi.advanceTimersByTime(HOUR - 1)
    expect(cache.isFresh(did)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(cache.isFresh(did)).toBe(false)
    version = 2
    vi.advanceTimersByTime(23 * HOUR)
    expect(seen(await cache.resolve(did))).toBe('v2')
  })

  it('ahead and back makes no failure last longer', async () => {
    const { begun, cache } = machine()
    failure = 'not-found'
    vi.setSystemTime(begun + YEAR)
    await cache.resolve(did)
    vi.setSystemTime(begun)
    failure = null
    vi.advanceTimersByTime(59_999)
    expect(seen(await cache.resolve(did))).toBe('not-found')
    vi.advanceTimersByTime(1)
    expect(seen(await cache.resolve(did))).toBe('v1')
  })

  it('ahead does not end what is in memory', async () => {
    const { begun, cache } = machine()
    await cache.resolve(did)
    vi.setSystemTime(begun + YEAR)
    expect(cache.isFresh(did)).toBe(true)
    expect(calls).toBe(1)
  })

  it('keeps a forced refresh from no answer', async () => {
    const { begun } = machine()
    const cache = withCache(source, { minRefreshMs: 1000 })
    vi.setSystemTime(begun + YEAR)
    await cache.resolve(did)
    vi.setSystemTime(begun)
    version = 2
    vi.advanceTimersByTime(999)
    expect(seen(await cache.resolve(did, { forceRefresh: true }))).toBe('v1')
    vi.advanceTimersByTime(1)
    expect(seen(await cache.resolve(did, { forceRefresh: true }))).toBe('v2')
  })
})

describe('failures', () => {
  it.each<[DidErrorCode, number]>([
    ['not-found', 60_000],
    ['invalid-document', 60_000],
    ['tombstoned', 60_000],
    ['timeout', 5_000],
    ['network', 5_000],
  ])('remembers %s for %i ms', async (code, ms) => {
    failure = code
    const cache = cached()
    expect(seen(await cache.resolve(did))).toBe(code)
    failure = null
    now += ms - 1
    expect(seen(await cache.resolve(did))).toBe(code)
    expect(calls).toBe(1)
    now += 1
    expect(seen(await cache.resolve(did))).toBe('v1')
  })

  it('does not remember that a request was throttled', async () => {
    failure = 'throttled'
    const cache = cached()
    expect(seen(await cache.resolve(did))).toBe('throttled')
    failure = null
    expect(seen(await cache.resolve(did))).toBe('v1')
  })

  it('takes a resolver that throws for a failure', async () => {
    const cache = withCache({ resolve: () => Promise.reject(new Error('x')) })
    expect(seen(await cache.resolve(did))).toBe('network')
    const throwing = withCache({
      resolve: () => {
        throw new Error('x')
      },
    })
    expect(seen(await throwing.resolve(did))).toBe('network')
  })
})

describe('flights', () => {
  it('asks once for a thousand who wait', async () => {
    const { promise, resolve: open } = Promise.withResolvers<void>()
    gate = promise
    const cache = cached()
    const waiting = Array.from({ length: 1_000 }, () => cache.resolve(did))
    open()
    const answers = await Promise.all(waiting)
    expect(calls).toBe(1)
    expect(new Set(answers.map((answer) => answer.ok && answer.value)).size).toBe(1)
  })

  it('asks for different DIDs beside each other', async () => {
    const cache = cached()
    await Promise.all([cache.resolve(did), cache.resolve('did:web:a.com'), cache.resolve(did)])
    expect(calls).toBe(2)
  })

  it('lets one waiter go without ending the flight of the others', async () => {
    const { promise, resolve: open } = Promise.withResolvers<void>()
    gate = promise
    const cache = cached()
    const controller = new AbortController()
    const impatient = cache.resolve(did, { signal: controller.signal })
    const patient = cache.resolve(did)
    controller.abort()
    expect(seen(await impatient)).toBe('aborted')
    expect(seen(await cache.resolve(did, { signal: controller.signal }))).toBe('aborted')
    open()
    expect(seen(await patient)).toBe('v1')
    expect(calls).toBe(1)
  })
})

describe('forceRefresh', () => {
  it('asks the source, once for all who force at a time', async () => {
    const cache = cached()
    await cache.resolve(did)
    version = 2
    const answers = await Promise.all([1, 2, 3].map(() => cache.resolve(did, { forceRefresh: true })))
    expect(answers.map(seen)).toEqual(['v2', 'v2', 'v2'])
    expect(calls).toBe(2)
    expect(seen(await cache.resolve(did))).toBe('v2')
  })

  it('is not satisfied by a flight that began before, nor overwritten by it', async () => {
    const { promise, resolve: open } = Promise.withResolvers<void>()
    gate = promise
    const cache = cached()
    const early = cache.resolve(did)
    version = 2
    gate = null
    expect(seen(await cache.resolve(did, { forceRefresh: true }))).toBe('v2')
    open()
    expect(seen(await early)).toBe('v1')
    expect(seen(await cache.resolve(did))).toBe('v2')
  })

  it('can be limited per DID', async () => {
    const cache = cached({ minRefreshMs: 1_000 })
    await cache.resolve(did)
    version = 2
    expect(seen(await cache.resolve(did, { forceRefresh: true }))).toBe('v1')
    now += 1_000
    expect(seen(await cache.resolve(did, { forceRefresh: true }))).toBe('v2')
    expect(calls).toBe(2)
  })
})

it('tells whether an answer is at hand that need not be renewed', async () => {
  const cache = cached()
  expect(cache.isFresh(did)).toBe(false)
  await cache.resolve(did)
  now += HOUR - 1
  expect(cache.isFresh(did)).toBe(true)
  now += 1
  expect(cache.isFresh(did)).toBe(false)
  await cache.resolve(did)
  await settle()
  expect(cache.isFresh(did)).toBe(true)
  cache.purge(did)
  expect(cache.isFresh(did)).toBe(false)
  failure = 'not-found'
  await cache.resolve(did)
  now += 59_999
  expect(cache.isFresh(did)).toBe(true)
  now += 1
  expect(cache.isFresh(did)).toBe(false)
  failure = null
  const handles = withHandleCache({ resolve: async () => ({ ok: true, value: did }) }, { now: () => now })
  await handles.resolve('Alice.example.com' as 'alice.example.com')
  expect(handles.isFresh('ALICE.example.com' as 'alice.example.com')).toBe(true)
})

describe('purge', () => {
  it('forgets', async () => {
    const cache = cached()
    await cache.resolve(did)
    version = 2
    cache.purge(did)
    expect(seen(await cache.resolve(did))).toBe('v2')
    cache.purge('did:web:never.seen')
  })

  it('does not keep an answer that was asked for before it', async () => {
    const { promise, resolve: open } = Promise.withResolvers<void>()
    gate = promise
    const cache = cached()
    const early = cache.resolve(did)
    version = 2
    cache.purge(did)
    gate = null
    const late = cache.resolve(did)
    open()
    expect(seen(await early)).toBe('v1')
    expect(seen(await late)).toBe('v2')
    expect(seen(await cache.resolve(did))).toBe('v2')
  })
})

describe('size', () => {
  it('is bounded, and what is used stays', async () => {
    const cache = cached({ maxEntries: 10 })
    await cache.resolve(did)
    for (let i = 0; i < 100; i++) {
      await cache.resolve(`did:web:h${i}.com`)
      await cache.resolve(did)
    }
    expect(calls).toBe(101)
    await cache.resolve('did:web:h0.com')
    expect(calls).toBe(102)
    await cache.resolve('did:web:h99.com')
    expect(calls).toBe(102)
  })
})

describe.each<[string, () => CacheStore]>([
  ['SQLite', () => openCacheStore(openDatabase({ path: ':memory:' }))],
  ['an asynchronous store', slowStore],
])('persistence in %s', (_, open) => {
  it('holds no answer of a time that is still to come: its age is not known', async () => {
    const store = open()
    await cached({ store }).resolve(did)
    await settle()
    version = 2
    expect(seen(await cached({ store }).resolve(did))).toBe('v1')
    now -= 1
    expect(seen(await cached({ store }).resolve(did))).toBe('v2')
    await settle()
    version = 3
    expect(seen(await cached({ store }).resolve(did))).toBe('v2')
  })

  it('tells the time that the store is given, and measures ages by the steady clock', async () => {
    const store = open()
    await cached({ store, steady: () => 7 }).resolve(did)
    await settle()
    now += 59 * 60_000
    let steady = 3
    const cache = cached({ store, steady: () => steady })
    await cache.resolve(did)
    now += 24 * HOUR
    steady += 60_000 - 1
    expect(cache.isFresh(did)).toBe(true)
    steady += 1
    expect(cache.isFresh(did)).toBe(false)
    expect(calls).toBe(1)
  })

  it('holds answers over a restart, with their age', async () => {
    const store = open()
    await cached({ store }).resolve(did)
    await settle()
    version = 2
    now += HOUR - 1
    const restarted = cached({ store })
    expect(seen(await restarted.resolve(did))).toBe('v1')
    expect(calls).toBe(1)
    now += 1
    expect(seen(await restarted.resolve(did))).toBe('v1')
    await settle()
    expect(seen(await restarted.resolve(did))).toBe('v2')
    now += 24 * HOUR
    version = 3
    expect(seen(await cached({ store }).resolve(did))).toBe('v3')
  })

  it('renews a stale answer behind', async () => {
    const store = open()
    await cached({ store }).resolve(did)
    await settle()
    version = 2
    now += HOUR
    const restarted = cached({ store })
    expect(seen(await restarted.resolve(did))).toBe('v1')
    await settle()
    expect(seen(await restarted.resolve(did))).toBe('v2')
  })

  it('keeps no failures, and forgets what is gone or purged', async () => {
    const store = open()
    failure = 'not-found'
    await cached({ store }).resolve(did)
    failure = null
    expect(seen(await cached({ store }).resolve(did))).toBe('v1')
    await settle()
    const cache = cached({ store })
    version = 2
    cache.purge(did)
    expect(seen(await cache.resolve(did))).toBe('v2')
    await settle()
    failure = 'tombstoned'
    await cache.resolve(did, { forceRefresh: true })
    await settle()
    failure = null
    version = 3
    expect(seen(await cached({ store }).resolve(did))).toBe('v3')
  })

  it('asks once for a thousand who wait', async () => {
    const cache = cached({ store: open() })
    await Promise.all(Array.from({ length: 1_000 }, () => cache.resolve(did)))
    expect(calls).toBe(1)
  })
})

describe('stores', () => {
  it('may fail: the answer is given all the same, the fault reported', async () => {
    const faults: unknown[] = []
    const broken = (): never => {
      throw new Error('disk full')
    }
    const store: CacheStore = { get: broken, set: broken, delete: broken }
    const cache = cached({ store, onStoreError: (error) => faults.push(error) })
    expect(seen(await cache.resolve(did))).toBe('v1')
    cache.purge(did)
    expect(faults).toHaveLength(3)
  })

  it('may hold rubbish', async () => {
    const store: CacheStore = {
      get: () => ({ value: 'rubbish', fetchedAt: now }),
      set: () => {},
      delete: () => {},
    }
    expect(seen(await cached({ store }).resolve(did))).toBe('v1')
  })

  it('SQLite lets go of what a clock that was ahead had left', () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openCacheStore(db)
    for (let i = 0; i < 999; i++) void store.set(`k${i}`, { value: i, fetchedAt: 5_000_000 + i })
    void store.set('now', { value: 'x', fetchedAt: 5_000_000 })
    expect([store.get('now'), store.get('k0'), store.get('k1')]).toEqual([
      { value: 'x', fetchedAt: 5_000_000 },
      { value: 0, fetchedAt: 5_000_000 },
      undefined,
    ])
  })

  it('SQLite keeps caches apart and its size bounded', () => {
    using db = openDatabase({ path: ':memory:' })
    const dids = openCacheStore(db, { maxEntries: 10 })
    const handles = openCacheStore(db, { name: 'handle' })
    void handles.set('x', { value: 'y', fetchedAt: 0 })
    for (let i = 0; i < 2_000; i++) void dids.set(`k${i}`, { value: i, fetchedAt: i })
    expect(dids.get('x')).toBeUndefined()
    expect(handles.get('x')).toEqual({ value: 'y', fetchedAt: 0 })
    expect(dids.get('k1999')).toEqual({ value: 1999, fetchedAt: 1999 })
    expect(dids.get('k1989')).toBeUndefined()
    expect(db.prepare("SELECT count(*) AS n FROM resolver_cache WHERE name = 'did'").get()).toEqual({ n: 10 })
  })
})

it('caches handles without regard to case', async () => {
  let asked = 0
  const cache = withHandleCache(
    {
      resolve: () => {
        asked++
        return Promise.resolve({ ok: true, value: did })
      },
    },
    { store: openCacheStore(openDatabase({ path: ':memory:' }), { name: 'handle' }) },
  )
  expect(await cache.resolve('Alice.example.com')).toEqual({ ok: true, value: did })
  expect(await cache.resolve('alice.EXAMPLE.com')).toEqual({ ok: true, value: did })
  expect(asked).toBe(1)
  cache.purge('ALICE.example.com')
  await cache.resolve('alice.example.com')
  expect(asked).toBe(2)
})

it('gives the same document each time, so its key is read once', async () => {
  const cache = cached()
  const [first, second] = [await cache.resolve(did), await cache.resolve(did)]
  expect(first.ok && first.value).toBe(second.ok && second.value)
  expect(first.ok && signingKey(first.value)).toBeNull()
})

function slowStore(): CacheStore {
  const map = new Map<string, StoredEntry>()
  const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))
  return {
    get: async (key) => {
      await tick()
      return map.get(key)
    },
    set: async (key, entry) => {
      await tick()
      map.set(key, structuredClone(entry))
    },
    delete: async (key) => {
      await tick()
      map.delete(key)
    },
  }
}
