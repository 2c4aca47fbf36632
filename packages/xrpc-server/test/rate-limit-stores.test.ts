// What every store of rate limits must do, and what is done while one is away.
import { stat } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { hasRedis, startRedis } from '@avocet/testing/redis'
import { describe, expect, it } from 'vitest'

import {
  boundRedis,
  createFallbackRateLimitStore,
  createMemoryRateLimitStore,
  createRedisRateLimitStore,
  createRedisReplayGuard,
  type RateLimitStore,
} from '../src/index.ts'
import { openRedis } from '../src/redis/index.ts'

const minute = 60_000

type Opened = { readonly store: RateLimitStore; readonly close: () => Promise<void> }
const stores: readonly [name: string, open: () => Promise<Opened>][] = [
  ['memory', async () => ({ store: createMemoryRateLimitStore(), close: async () => {} })],
  ['Redis', () => connected(false)],
  ['Redis with a fallback', () => connected(true)],
]

async function connected(withFallback: boolean): Promise<Opened> {
  const server = await startRedis()
  const redis = openRedis({ url: server.url })
  await expect.poll(() => redis.isReady()).toBe(true)
  const store = createRedisRateLimitStore(redis)
  return {
    store: withFallback ? createFallbackRateLimitStore(store, { timeoutMs: 10_000 }) : store,
    close: async () => {
      await redis[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe.each(stores)('a store of rate limits: %s', (name, open) => {
  it.skipIf(name !== 'memory' && !hasRedis)(
    'counts by key, in windows that begin with the first use',
    async () => {
      const { store, close } = await open()
      try {
        const first = await store.consume('a', 2, 900)
        expect(first.used).toBe(2)
        expect(first.resetMs).toBeGreaterThan(0)
        expect(first.resetMs).toBeLessThanOrEqual(900)
        await sleep(20)
        const second = await store.consume('a', 1, 900)
        expect(second.used).toBe(3)
        // A use does not make the window longer.
        expect(second.resetMs).toBeLessThan(first.resetMs)
        expect((await store.consume('b', 1, minute)).used).toBe(1)
        await sleep(950)
        expect((await store.consume('a', 1, 900)).used).toBe(1)
        const many = await Promise.all(Array.from({ length: 50 }, () => store.consume('c', 1, minute)))
        expect(many.map(({ used }) => used).toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 50 }, (_, n) => n + 1),
        )
        const odd = 'k:\u00e9 \n\r\n*3'
        expect([
          (await store.consume(odd, 1, minute)).used,
          (await store.consume(odd, 1, minute)).used,
        ]).toEqual([1, 2])
      } finally {
        await close()
      }
    },
  )
})

describe('while the store is away', () => {
  it('each process counts for itself, asks again once in a while, and says so once', async () => {
    let isDown = false
    let asked = 0
    const shared = createMemoryRateLimitStore()
    const flaky: RateLimitStore = {
      consume: async (...use) => {
        asked++
        if (isDown) throw new Error('connection refused')
        return shared.consume(...use)
      },
    }
    const told: string[] = []
    const store = createFallbackRateLimitStore(flaky, {
      retryMs: 400,
      onChange: (state, error) => told.push(error === undefined ? state : `${state} ${String(error)}`),
    })
    const use = async (): Promise<number> => (await store.consume('a', 1, minute)).used
    expect([await use(), await use(), asked, told]).toEqual([1, 2, 2, []])
    isDown = true
    // Limits hold meanwhile, from nought.
    expect([await use(), await use(), await use()]).toEqual([1, 2, 3])
    expect([asked, told]).toEqual([3, ['down Error: connection refused']])
    await sleep(450)
    expect([await use(), await use(), asked]).toEqual([4, 5, 4])
    isDown = false
    await sleep(450)
    expect([await use(), await use(), told]).toEqual([3, 4, ['down Error: connection refused', 'up']])
  })

  it('a store that does not answer holds one request for its time, and no other', async () => {
    const silent: RateLimitStore = { consume: () => new Promise(() => {}) }
    const told: string[] = []
    const store = createFallbackRateLimitStore(silent, {
      timeoutMs: 50,
      onChange: (_, error) => told.push(String(error)),
    })
    const first = store.consume('a', 1, minute)
    expect((await first).used).toBe(1)
    expect(told).toEqual(['Error: no answer in time; ms=50'])
    const started = performance.now()
    for (let n = 0; n < 20; n++) await store.consume('a', 1, minute)
    expect(performance.now() - started).toBeLessThan(40)
  })

  it.skipIf(!hasRedis)(
    'Redis that ends and comes back is counted in again, and a service starts without it',
    async () => {
      let server = await startRedis()
      const { port, url } = server
      await server[Symbol.asyncDispose]()
      const errors: unknown[] = []
      const redis = openRedis({ url, onError: (error) => errors.push(error) })
      const told: string[] = []
      const store = createFallbackRateLimitStore(createRedisRateLimitStore(redis), {
        retryMs: 20,
        timeoutMs: 10_000,
        onChange: (state) => told.push(state),
      })
      const use = async (): Promise<number> => (await store.consume('a', 1, minute)).used
      expect([await use(), await use(), redis.isReady()]).toEqual([1, 2, false])
      for (const round of [1, 2]) {
        server = await startRedis({ port })
        await expect.poll(() => redis.isReady(), { timeout: 5000 }).toBe(true)
        await sleep(30)
        expect([await use(), told.at(-1)]).toEqual([1, 'up'])
        // Another process sees that.
        expect(await server.command('GET', 'avocet:rate:a')).toBe('1')
        await server[Symbol.asyncDispose]()
        await expect.poll(() => redis.isReady()).toBe(false)
        expect([await use(), told.at(-1)]).toEqual([2 + round, 'down'])
      }
      expect(errors.length).toBeGreaterThan(0)
      await redis[Symbol.asyncDispose]()
    },
  )

  it('an answer counts that came while this process did something else', async () => {
    const told: string[] = []
    const slow: RateLimitStore = {
      consume: async () => {
        const answer = stat(import.meta.filename)
        const end = performance.now() + 200
        while (performance.now() < end);
        await answer
        return { used: 7, resetMs: 1 }
      },
    }
    const store = createFallbackRateLimitStore(slow, {
      timeoutMs: 100,
      onChange: (state) => told.push(state),
    })
    expect([(await store.consume('a', 1, minute)).used, told]).toEqual([7, []])
  })

  it('those who share a Redis share what is known of it', async () => {
    let isDown = true
    let asked = 0
    const told: string[] = []
    const client = {
      eval: async () => {
        asked++
        if (isDown) throw new Error('connection refused')
        return 'here'
      },
    }
    const redis = boundRedis(client, { retryMs: 50, onChange: (state) => told.push(state) })
    for (let n = 0; n < 3; n++) await expect(redis.eval('', [], [])).rejects.toThrow('connection refused')
    expect([asked, told]).toEqual([1, ['down']])
    isDown = false
    await sleep(60)
    expect([await redis.eval('', [], []), told]).toEqual(['here', ['down', 'up']])
  })

  it.skipIf(!hasRedis)('a connection that takes everything and answers nothing is made anew', async () => {
    await using server = await startRedis()
    const held: Socket[] = []
    const front = createServer((socket) => {
      const inner = connect(server.port, '127.0.0.1')
      held.push(socket, inner)
      for (const each of [socket, inner]) each.on('error', () => {})
      socket.pipe(inner).pipe(socket)
    })
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    const errors: string[] = []
    const url = `redis://127.0.0.1:${(front.address() as AddressInfo).port}`
    const redis = openRedis({ url, pingMs: 100, onError: (error) => errors.push(String(error)) })
    try {
      await redis.tried
      expect(await redis.eval('return 7', [], [])).toBe(7)
      // As if the machine were gone: nothing comes back, and nothing is refused.
      held[1]!.unpipe(held[0]!)
      const lost = redis.eval('return 8', [], []).catch((error: unknown) => String(error))
      const beating = setInterval(() => void redis.eval('return 8', [], []).catch(() => {}), 20)
      await expect.poll(() => held.length, { timeout: 5000 }).toBe(4)
      clearInterval(beating)
      await expect.poll(() => redis.isReady()).toBe(true)
      expect([await redis.eval('return 9', [], []), errors]).toEqual([9, ['Error: no sign of life; ms=300']])
      expect(await lost).not.toBe(8)
    } finally {
      await redis[Symbol.asyncDispose]()
      for (const socket of held) socket.destroy()
      await new Promise((resolve) => front.close(resolve))
    }
  })
})

describe('tokens that were used', () => {
  it.skipIf(!hasRedis)('are known to all that share a Redis, until they expire', async () => {
    await using server = await startRedis()
    await using one = openRedis({ url: server.url })
    await using two = openRedis({ url: server.url })
    await Promise.all([one.tried, two.tried])
    const guards = [one, two].map((client) => createRedisReplayGuard(client))
    const expiresAt = Date.now() + 400
    const uses = await Promise.all(
      Array.from({ length: 20 }, (_, n) => guards[n % 2]!.use('did:web:a nonce', expiresAt)),
    )
    expect(uses.filter(Boolean)).toHaveLength(1)
    expect(await guards[1]!.use('did:web:a other', expiresAt)).toBe(true)
    expect(await guards[0]!.use('did:web:a past', Date.now() - 1000)).toBe(true)
    await sleep(450)
    expect(await guards[0]!.use('did:web:a nonce', Date.now() + 400)).toBe(true)
    expect(await server.command('PTTL', 'avocet:used:did:web:a nonce')).toBeLessThanOrEqual(400)
    await server[Symbol.asyncDispose]()
    await expect(guards[0]!.use('did:web:a nonce', Date.now() + 400)).rejects.toThrow(
      /closed|offline|closing/i,
    )
  })
})
