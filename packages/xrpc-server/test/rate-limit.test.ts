import { setTimeout as sleep } from 'node:timers/promises'

import { hasRedis, startRedis } from '@avocet/testing/redis'
import { describe, expect, it, vi } from 'vitest'
import {
  createMemoryRateLimitStore,
  createRedisRateLimitStore,
  createRouter,
  type RateLimitStore,
  type Router,
} from '../src/index.ts'
import { bothWays, catalog } from './methods.ts'

const echo = '/xrpc/com.example.echo?text=a'
const minute = 60_000
const post = (name: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${name}` },
  body: JSON.stringify({ name }),
})

// In-process calls have no address, so these rules name their key.
const key = (): string => 'everybody'

bothWays('rate limits', (open) => {
  it('counts, tells, and refuses what is over', async () => {
    const router = createRouter({ catalog }).add('com.example.echo', {
      rateLimit: { name: 'echo', limit: 3, windowMs: minute, key },
      handler: ({ params }) => ({ text: params.text }),
    })
    await using call = await open(router)
    for (const left of ['2', '1', '0']) {
      const response = await call(echo)
      expect(response.status).toBe(200)
      expect(response.headers.get('ratelimit-limit')).toBe('3')
      expect(response.headers.get('ratelimit-remaining')).toBe(left)
      expect(response.headers.get('ratelimit-policy')).toBe('3;w=60;name="echo"')
      expect(Number(response.headers.get('ratelimit-reset')) * 1000 - Date.now()).toBeLessThanOrEqual(
        minute + 1000,
      )
    }
    const refused = await call(echo)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    expect(await refused.json()).toEqual({ error: 'RateLimitExceeded', message: 'Rate Limit Exceeded' })
  })

  it('leaves out the methods that a rule for every method excepts', async () => {
    const all = { name: 'all', limit: 1, windowMs: minute, key, except: ['com.example.echo'] }
    const router = createRouter({ catalog, rateLimit: { rules: [all] } })
      .add('com.example.echo', ({ params }) => ({ text: params.text }))
      .add('com.example.ping', () => {})
    await using call = await open(router)
    const ping = (): Promise<Response> => call('/xrpc/com.example.ping', { method: 'POST' })
    for (let round = 0; round < 3; round++) {
      const response = await call(echo)
      expect([response.status, response.headers.get('ratelimit-limit')]).toEqual([200, null])
    }
    expect([(await ping()).status, (await ping()).status, (await call(echo)).status]).toEqual([200, 429, 200])
  })

  it('counts by credentials and input, in points, and over several methods', async () => {
    const writes = {
      name: 'writes',
      limit: 5,
      windowMs: minute,
      key: ({ auth }: { auth: unknown }) => auth as string | null,
      cost: ({ nsid }: { nsid: string }) => (nsid === 'com.example.put' ? 3 : 1),
    }
    const auth = ({ header }: { header: (name: string) => string | null }): string | null =>
      header('authorization')
    const router = createRouter({ catalog })
      .add('com.example.put', { auth, rateLimit: writes, handler: ({ input }) => ({ name: input.name }) })
      .add('com.example.ping', { auth, rateLimit: writes, handler: () => {} })
    await using call = await open(router)
    const ping = (name: string): Promise<Response> =>
      call('/xrpc/com.example.ping', { method: 'POST', headers: { authorization: `Bearer ${name}` } })
    expect((await call('/xrpc/com.example.put', post('alice'))).headers.get('ratelimit-remaining')).toBe('2')
    expect((await ping('alice')).headers.get('ratelimit-remaining')).toBe('1')
    expect((await call('/xrpc/com.example.put', post('alice'))).status).toBe(429)
    expect((await call('/xrpc/com.example.put', post('bob'))).status).toBe(200)
    // Without a key nobody is counted.
    expect((await call('/xrpc/com.example.ping', { method: 'POST' })).headers.get('ratelimit-limit')).toBe(
      null,
    )
  })

  it('counts by a key that is looked up first', async () => {
    const owners = new Map([['a', 'alice']])
    const byOwner = {
      name: 'owner',
      limit: 1,
      windowMs: minute,
      key: async ({ auth }: { auth: unknown }) => Promise.resolve(owners.get(auth as string) ?? null),
    }
    const auth = ({ header }: { header: (name: string) => string | null }): string | null => header('x-name')
    const router = createRouter({ catalog }).add('com.example.ping', {
      auth,
      rateLimit: byOwner,
      handler: () => {},
    })
    await using call = await open(router)
    const ping = async (name: string): Promise<number> =>
      (await call('/xrpc/com.example.ping', { method: 'POST', headers: { 'x-name': name } })).status
    expect([await ping('a'), await ping('a'), await ping('b'), await ping('b')]).toEqual([200, 429, 200, 200])
  })

  it('reports the tightest of several rules, and spends nothing after a refusal', async () => {
    const used: string[] = []
    const memory = createMemoryRateLimitStore()
    const store: RateLimitStore = {
      consume: (name, cost, windowMs) => {
        used.push(name.split(':')[0]!)
        return memory.consume(name, cost, windowMs)
      },
    }
    const router = createRouter({
      catalog,
      rateLimit: { store, rules: [{ name: 'all', limit: 2, windowMs: minute, key }] },
    }).add('com.example.echo', {
      rateLimit: [{ name: 'day', limit: 100, windowMs: 24 * 60 * minute, key }],
      handler: ({ params }) => ({ text: params.text }),
    })
    await using call = await open(router)
    expect((await call(echo)).headers.get('ratelimit-policy')).toBe('2;w=60;name="all"')
    await call(echo)
    expect((await call(echo)).status).toBe(429)
    expect(used).toEqual(['all', 'day', 'all', 'day', 'all'])
  })

  it('lets some pass, and everybody when the store is down', async () => {
    const seen: unknown[] = []
    const rules = [{ name: 'all', limit: 0, windowMs: minute, key }]
    const make = (store: RateLimitStore | undefined): Router =>
      createRouter({
        catalog,
        onError: (error) => seen.push(error),
        rateLimit: {
          rules,
          ...(store === undefined ? {} : { store }),
          bypass: ({ header }) => header('x-bypass') === 'yes',
        },
      }).add('com.example.echo', { handler: () => ({ text: 'x' }) })
    await using call = await open(make(undefined))
    expect((await call(echo)).status).toBe(429)
    expect((await call(echo, { headers: { 'x-bypass': 'yes' } })).status).toBe(200)
    const down: RateLimitStore = { consume: () => Promise.reject(new Error('connection refused')) }
    await using open2 = await open(make(down))
    expect((await open2(echo)).status).toBe(200)
    expect(String(seen)).toContain('connection refused')
  })
})

describe('the memory store', () => {
  it('begins a new window when one has ended', async () => {
    let now = 0
    const store = createMemoryRateLimitStore({ now: () => now })
    expect(await store.consume('a', 2, 100)).toEqual({ used: 2, resetMs: 100 })
    now = 60
    expect(await store.consume('a', 1, 100)).toEqual({ used: 3, resetMs: 40 })
    now = 100
    expect(await store.consume('a', 1, 100)).toEqual({ used: 1, resetMs: 100 })
  })

  it('keeps within its size: ended windows go first, then the oldest', async () => {
    let now = 0
    const store = createMemoryRateLimitStore({ now: () => now, maxKeys: 10 })
    const used = async (name: string): Promise<number> => (await store.consume(name, 1, 100)).used
    for (let i = 0; i < 10; i++) await used(`old ${i}`)
    now = 150
    await used('a')
    for (let i = 0; i < 9; i++) await used(`new ${i}`)
    expect(await used('a')).toBe(2)
    await used('one more')
    expect(await used('new 5')).toBe(2)
    expect(await used('a')).toBe(1)
  })
})

describe.skipIf(!hasRedis)('the Redis store', () => {
  it('counts as the memory store does, for all processes', async () => {
    await using redis = await startRedis()
    const one = createRedisRateLimitStore(redis, { prefix: 'test:' })
    const other = createRedisRateLimitStore(redis, { prefix: 'test:' })
    const first = await one.consume('a', 2, 200)
    expect(first.used).toBe(2)
    expect(first.resetMs).toBeLessThanOrEqual(200)
    expect((await other.consume('a', 1, 200)).used).toBe(3)
    expect((await other.consume('b', 1, 200)).used).toBe(1)
    const counts = await Promise.all(Array.from({ length: 50 }, () => one.consume('c', 1, minute)))
    expect(Math.max(...counts.map((count) => count.used))).toBe(50)
    await sleep(250)
    expect((await one.consume('a', 1, 200)).used).toBe(1)
  })

  it('never leaves a key without an end, and keeps to its prefix', async () => {
    await using redis = await startRedis()
    const store = createRedisRateLimitStore(redis)
    // As a process that died between two commands would have left it.
    await redis.command('SET', 'avocet:rate:a', '7')
    expect((await store.consume('a', 1, minute)).used).toBe(8)
    expect(Number(await redis.command('PTTL', 'avocet:rate:a'))).toBeGreaterThan(0)
    expect(await redis.command('KEYS', '*')).toEqual(['avocet:rate:a'])
  })

  it('limits a router', async () => {
    await using redis = await startRedis()
    const router = createRouter({
      catalog,
      rateLimit: {
        store: createRedisRateLimitStore(redis),
        rules: [{ name: 'all', limit: 1, windowMs: minute, key }],
      },
    }).add('com.example.echo', { handler: () => ({ text: 'x' }) })
    expect((await router.fetch(new Request(`http://localhost${echo}`))).status).toBe(200)
    expect((await router.fetch(new Request(`http://localhost${echo}`))).status).toBe(429)
  })

  it('refuses a reply that is none of its script', async () => {
    const store = createRedisRateLimitStore({ eval: async () => 'OK' })
    await expect(store.consume('a', 1, 1)).rejects.toThrow(TypeError)
  })
})

it('a clock set back by a year does not keep a window open', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    const store = createMemoryRateLimitStore()
    void store.consume('a', 1, 40)
    vi.setSystemTime(Date.now() - 365 * 24 * 3_600_000)
    const until = performance.now() + 60
    while (performance.now() < until);
    expect(store.consume('a', 1, 40)).toMatchObject({ used: 1 })
  } finally {
    vi.useRealTimers()
  }
})
