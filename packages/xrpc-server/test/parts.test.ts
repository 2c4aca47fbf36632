// The parts of a router by themselves: windows, deadlines, turns, headers.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { setTimeout as sleep } from 'node:timers/promises'
import { createCatalog } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import type { Call, HeaderRecord } from '../src/call.ts'
import { checkMethod, errorAnswer, markPrivate, splitRules } from '../src/checks.ts'
import { compress, wantsCompression } from '../src/compress.ts'
import { addCors, preflight } from '../src/cors.ts'
import { Deadlines } from '../src/deadlines.ts'
import { createMemoryRateLimitStore, type RateLimitRule } from '../src/index.ts'
import { applyRules, isEarly, type RateLimitContext } from '../src/rate-limit.ts'
import { Subscribers } from '../src/subscribers.ts'
import { Turns } from '../src/turns.ts'
import { XrpcError } from '@avocet/xrpc'

const callOf = (headers: Record<string, string> = {}, change: Partial<Call> = {}): Call =>
  ({ method: 'GET', address: null, header: (name: string) => headers[name] ?? null, ...change }) as Call

describe('windows', () => {
  it('end when they say, and begin with the first use after that', () => {
    let time = 0
    const store = createMemoryRateLimitStore({ now: () => time })
    expect(store.consume('a', 2, 100)).toEqual({ used: 2, resetMs: 100 })
    time = 99
    expect(store.consume('a', 1, 100)).toEqual({ used: 3, resetMs: 1 })
    time = 100
    expect(store.consume('a', 1, 100)).toEqual({ used: 1, resetMs: 100 })
  })

  it('are not longer than asked for, at fractions of a millisecond', () => {
    const store = createMemoryRateLimitStore({ now: () => 15452.008 })
    expect(store.consume('a', 1, 1000)).toEqual({ used: 1, resetMs: 1000 })
  })

  it('are kept for so many keys: ended ones go first, else a tenth of the oldest', () => {
    let time = 0
    const store = createMemoryRateLimitStore({ maxKeys: 20, now: () => time })
    const used = (key: string, windowMs = 100): number =>
      (store.consume(key, 1, windowMs) as { used: number }).used
    for (let i = 0; i < 20; i++) used(`k${i}`, i === 7 ? 10 : 100)
    time = 10
    // The ended one makes room: nobody else is forgotten.
    expect(used('new')).toBe(1)
    for (let i = 0; i < 20; i++) if (i !== 7) expect(used(`k${i}`), `k${i}`).toBe(2)
    expect(used('newer')).toBe(1)
    // Full, and none has ended: the two oldest went.
    for (let i = 2; i < 20; i++) if (i !== 7) expect(used(`k${i}`), `k${i}`).toBe(3)
    expect(used('k0')).toBe(1)
  })
})

describe('rules', () => {
  const rule = (change: Partial<RateLimitRule>): RateLimitRule => ({
    name: 'r',
    limit: 10,
    windowMs: 60_000,
    key: () => 'k',
    ...change,
  })
  const apply = async (rules: RateLimitRule[], change: object = {}, resetMs = 1_500) => {
    const headers: HeaderRecord = {}
    const keys: [string, number][] = []
    const counts = new Map<string, number>()
    const store = {
      consume: (key: string, cost: number) => {
        keys.push([key, cost])
        counts.set(key, (counts.get(key) ?? 0) + cost)
        return { used: counts.get(key)!, resetMs }
      },
    }
    const context = { address: null, ...change } as RateLimitContext
    const outcome = await applyRules(rules, store, context, headers, () => {}).then(
      () => null,
      (error: XrpcError) => error,
    )
    return { headers, keys, outcome }
  }

  it('count by address or key, in points; what costs nothing or has no key does not count', async () => {
    const { keys } = await apply(
      [
        { name: 'address', limit: 10, windowMs: 1 },
        rule({ name: 'free', cost: 0 }),
        rule({ name: 'negative', cost: () => -1 }),
        rule({ name: 'nobody', key: () => null }),
        rule({ name: 'dear', cost: () => 4 }),
      ],
      { address: '192.0.2.7' },
    )
    expect(keys).toEqual([
      ['address:192.0.2.7', 1],
      ['dear:k', 4],
    ])
    expect((await apply([{ name: 'address', limit: 1, windowMs: 1 }])).keys).toEqual([])
  })

  it('show the one that is nearest to its limit by share, and refuse what is over', async () => {
    const near = rule({ name: 'near', limit: 1000, cost: 900, windowMs: 1_500 })
    const far = rule({ name: 'far', limit: 20, cost: 10 })
    for (const rules of [
      [near, far],
      [far, near],
    ]) {
      const { headers, outcome } = await apply(rules)
      expect(outcome).toBeNull()
      expect(headers).toMatchObject({
        'ratelimit-limit': '1000',
        'ratelimit-remaining': '100',
        'ratelimit-policy': '1000;w=2;name="near"',
      })
    }
    expect((await apply([rule({ cost: 10 })])).outcome).toBeNull()
    const refused = await apply([rule({ cost: 11 }), rule({ name: 'later' })])
    expect(refused.outcome).toMatchObject({
      status: 429,
      error: 'RateLimitExceeded',
      headers: { 'retry-after': '2' },
    })
    expect(refused.headers['ratelimit-remaining']).toBe('0')
    expect(refused.keys).toHaveLength(1)
  })

  it('are applied at once where they need nothing but the address', () => {
    const early = { name: 'a', limit: 1, windowMs: 1 }
    const rules = [early, { ...early, cost: 2 }, { ...early, cost: () => 1 }, { ...early, key: () => 'k' }]
    expect(rules.map(isEarly)).toEqual([true, true, false, false])
    expect(splitRules(rules)).toEqual({ early: rules.slice(0, 2), late: rules.slice(2) })
  })
})

describe('deadlines', () => {
  it('let work take its time, and end what takes longer', async () => {
    const deadlines = new Deadlines()
    const late = (): Error => new Error('late')
    const race = (work: Promise<number>, ms: number) => deadlines.race(work, ms, late, (n) => n + 1)
    const never = new Promise<number>(() => {})
    const first = race(never, 100)
    // Looked at after a quarter of a second, when this one still has time.
    const second = race(sleep(400, 1), 5_000)
    await expect(first).rejects.toThrow('late')
    expect(await second).toBe(2)
    // The watch begins anew, and looks again as long as there is anything.
    await expect(race(never, 300)).rejects.toThrow('late')
    await expect(race(Promise.reject(new Error('own')), 1_000)).rejects.toThrow('own')
    await expect(
      deadlines.race(Promise.resolve(1), 1_000, late, () => {
        throw new Error('then')
      }),
    ).rejects.toThrow('then')
  })
})

describe('turns', () => {
  const spin = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }

  it('run work at once while the turn has time, and in its order when it has none', async () => {
    const turns = new Turns()
    const done: string[] = []
    turns.run(() => {
      done.push('a')
      spin(8)
    })
    expect(done).toEqual(['a'])
    for (const name of ['b', 'c', 'd']) {
      turns.run(() => {
        done.push(name)
        spin(8)
      })
    }
    expect(done).toEqual(['a'])
    const others: string[][] = []
    const look = (): void => {
      others.push([...done])
      if (done.length < 5) setImmediate(look)
    }
    setImmediate(look)
    // From within a turn, with time left or not: nobody in line is overtaken.
    turns.run(() => done.push('e'))
    await expect.poll(() => done.length).toBe(5)
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
    // Between two long pieces others had their turn.
    expect(others.some((seen) => seen.length === 2)).toBe(true)
  })

  it('let nobody overtake who waits in line, though there is time', async () => {
    const turns = new Turns()
    const done: string[] = []
    turns.run(() => spin(8))
    turns.run(() => {
      done.push('first')
      // The turn has just begun.
      turns.run(() => done.push('third'))
    })
    turns.run(() => done.push('second'))
    await expect.poll(() => done).toEqual(['first', 'second', 'third'])
  })

  it('let go of the steps of a line that is never empty', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const turns = new Turns()
    let steps = 0
    let isOver = false
    // Two lines of steps that follow each other: one of the two is always waiting.
    const follow = (): void => {
      steps++
      if (!isOver) turns.run(() => follow())
    }
    turns.run(() => spin(8))
    const first = ((): WeakRef<object> => {
      const held = { bytes: new Uint8Array(1000) }
      turns.run(() => void held.bytes)
      return new WeakRef(held)
    })()
    turns.run(follow)
    turns.run(follow)
    await expect.poll(() => steps).toBeGreaterThan(5000)
    collect()
    expect(first.deref()).toBe(undefined)
    isOver = true
  })

  it('leave what a step adds to a later turn', async () => {
    const turns = new Turns()
    let steps = 0
    let ticks = 0
    const again = (): void => {
      steps++
      if (steps < 5_000) turns.run(again)
    }
    turns.run(() => spin(8))
    turns.run(again)
    const tick = (): void => {
      ticks++
      if (steps < 5_000) setImmediate(tick)
    }
    setImmediate(tick)
    await expect.poll(() => steps).toBe(5_000)
    expect(ticks).toBeGreaterThan(0)
    const order: number[] = []
    turns.run(() => spin(8))
    for (let i = 0; i < 3_000; i++) turns.run(() => void order.push(i))
    await expect.poll(() => order.length).toBe(3_000)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })
})

describe('compression', () => {
  const answer = (body: string, headers: HeaderRecord = {}, status = 200) => ({
    status,
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  const gzip = callOf({ 'accept-encoding': 'gzip' })

  it('is of text from 1024 bytes on, whole answers, not packed already', () => {
    expect(wantsCompression(answer('x'.repeat(1024)), gzip)).toBe(true)
    expect(wantsCompression(answer('x'.repeat(1023)), gzip)).toBe(false)
    expect(wantsCompression(answer('x'.repeat(1024), {}, 206), gzip)).toBe(false)
    expect(wantsCompression(answer('x'.repeat(1024), { 'content-encoding': 'br' }), gzip)).toBe(false)
    expect(wantsCompression({ status: 200, headers: {}, body: null }, gzip)).toBe(false)
    for (const [type, packed] of [
      ['text/plain', true],
      ['application/vnd.ipld.car', true],
      ['application/vnd.ipld.car; version=1', true],
      ['application/vnd.ipld.card', false],
      ['application/did+json', true],
      ['image/svg+xml', true],
      ['image/png', false],
      ['application/octet-stream', false],
    ] as const) {
      expect([type, wantsCompression(answer('x'.repeat(1024), { 'content-type': type }), gzip)]).toEqual([
        type,
        packed,
      ])
    }
  })

  it.each<[string | null, boolean]>([
    ['gzip', true],
    ['GZIP;q=0.5', true],
    ['br, gzip;q=0.1', true],
    ['*', true],
    ['gzip;q=0', false],
    ['gzip; q=0.000', false],
    ['gzip;q=0.', false],
    ['br', false],
    ['', false],
    [null, false],
    [`gzip,${' '.repeat(1019)}`, true],
    [`gzip,${' '.repeat(1020)}`, false],
    ['gzip;q=0, *', false],
  ])('for a caller that accepts %j: %s', (accepted, expected) => {
    const made = answer('x'.repeat(1024))
    const call = callOf(accepted === null ? {} : { 'accept-encoding': accepted })
    expect([wantsCompression(made, call), made.headers]).toMatchObject([
      expected,
      { vary: 'Accept-Encoding' },
    ])
  })

  it('changes the headers that name the bytes', async () => {
    const packed = await compress(
      answer('x'.repeat(2000), { 'content-length': '2000', etag: '"a"', vary: 'Origin' }),
    )
    expect(packed.headers).toEqual({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      etag: 'W/"a"',
      vary: 'Origin',
    })
    const weak = await compress(answer('x'.repeat(2000), { etag: 'W/"a"' }))
    expect(weak.headers['etag']).toBe('W/"a"')
    const both = answer('x'.repeat(2000), { vary: 'Origin' })
    wantsCompression(both, gzip)
    expect(both.headers).toMatchObject({ vary: 'Origin, Accept-Encoding' })
    const none = { status: 204, headers: {}, body: null }
    expect(await compress(none)).toBe(none)
  })
})

describe('pages of other origins', () => {
  it('may call where they are allowed', () => {
    const told = (options: Parameters<typeof addCors>[2], origin?: string, headers: HeaderRecord = {}) => {
      addCors(headers, callOf(origin === undefined ? {} : { origin }), options)
      return headers
    }
    expect(told({})).toEqual({ 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' })
    const some = { origin: ['https://a.test', 'https://b.test'], exposeHeaders: 'etag' }
    expect(told(some, 'https://b.test')).toEqual({
      vary: 'Origin',
      'access-control-allow-origin': 'https://b.test',
      'access-control-expose-headers': 'etag',
    })
    expect(told(some, 'https://c.test', { vary: 'Accept' })).toEqual({ vary: 'Accept, Origin' })
    expect(told(some)).toEqual({ vary: 'Origin' })
  })

  it('are told what they may send', () => {
    const call = callOf({ 'access-control-request-headers': 'authorization', origin: 'https://a.test' })
    expect(preflight(call, { origin: ['https://a.test'], maxAge: 5 })).toEqual({
      status: 204,
      body: null,
      headers: {
        'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
        'access-control-allow-headers': 'authorization',
        'access-control-max-age': '5',
        'access-control-allow-origin': 'https://a.test',
        'access-control-expose-headers': '*',
        vary: 'Access-Control-Request-Headers, Origin',
      },
    })
    expect(preflight(callOf(), {}).headers).toMatchObject({
      'access-control-allow-headers': '*',
      'access-control-max-age': '86400',
    })
  })
})

describe('methods and answers', () => {
  const main = (type: string) => ({ type, ...(type === 'subscription' ? {} : {}) })
  const catalog = createCatalog(
    ['query', 'procedure', 'subscription'].map(
      (type) => ({ lexicon: 1, id: `com.example.${type}`, defs: { main: main(type) } }) as never,
    ),
  )

  it.each<[string, Record<string, string>]>([
    ['query', { GET: 'ok', HEAD: 'ok', POST: '405 GET, HEAD, OPTIONS', PUT: '405 GET, HEAD, OPTIONS' }],
    [
      'procedure',
      { POST: 'ok', GET: '405 POST, OPTIONS', HEAD: '405 POST, OPTIONS', PUT: '405 POST, OPTIONS' },
    ],
    [
      'subscription',
      { GET: '426 undefined', HEAD: '405 GET, HEAD, OPTIONS', POST: '405 GET, HEAD, OPTIONS' },
    ],
  ])('a %s', (type, expected) => {
    const schema = catalog.method(`com.example.${type}`)!
    for (const [method, outcome] of Object.entries(expected)) {
      const check = (): string => {
        try {
          checkMethod(schema, callOf({}, { method }))
          return 'ok'
        } catch (error) {
          const { status, headers } = error as XrpcError
          return `${status} ${headers['allow']}`
        }
      }
      expect([method, check()]).toEqual([method, outcome])
    }
  })

  it('an answer for one caller is kept from caches that serve others', () => {
    const marked = (headers: HeaderRecord): HeaderRecord => {
      markPrivate(headers)
      return headers
    }
    expect(marked({})).toEqual({ 'cache-control': 'private', vary: 'Authorization' })
    expect(marked({ vary: 'Origin', 'cache-control': 'no-store' })).toEqual({
      'cache-control': 'no-store',
      vary: 'Origin, Authorization',
    })
    for (const vary of ['authorization', 'Origin, Authorization', '*']) {
      expect(marked({ vary })).toEqual({ 'cache-control': 'private', vary })
    }
    expect(marked({ vary: 'X-Authorizations' })['vary']).toBe('X-Authorizations, Authorization')
  })

  it('an error has its status, body and headers', () => {
    const error = new XrpcError(401, 'AuthMissing', 'no', { headers: { 'X-Other': '1' } })
    expect(errorAnswer(error, { vary: 'Origin' })).toEqual({
      status: 401,
      headers: {
        vary: 'Origin',
        'content-type': 'application/json; charset=utf-8',
        'www-authenticate': 'Bearer',
        'x-other': '1',
      },
      body: '{"error":"AuthMissing","message":"no"}',
    })
    expect(errorAnswer(new XrpcError(403, 'Forbidden', 'no'), {}).headers).not.toHaveProperty(
      'www-authenticate',
    )
    const own = new XrpcError(401, 'AuthMissing', 'no', { headers: { 'WWW-Authenticate': 'DPoP' } })
    expect(errorAnswer(own, {}).headers['www-authenticate']).toBe('DPoP')
  })
})

it('subscribers have places by method and network, until they leave', () => {
  const subscribers = new Subscribers()
  const socket = { bufferedBytes: 7, close: () => {} } as never
  const enter = (nsid: string, address: string | null) =>
    subscribers.enter('id', nsid, {}, callOf({ 'user-agent': 'x' }, { address }), socket)
  const counts = (): number[] => [
    subscribers.count('a'),
    subscribers.count('b'),
    subscribers.countFrom('a', '192.0.2.1'),
    subscribers.countFrom('b', '192.0.2.1'),
    subscribers.list().length,
    subscribers.list('a').length,
  ]
  const entries = [
    enter('a', '192.0.2.1'),
    enter('a', '192.0.2.1'),
    enter('b', '192.0.2.1'),
    enter('a', null),
  ]
  expect(counts()).toEqual([3, 1, 2, 1, 4, 3])
  expect(subscribers.list('b')[0]).toMatchObject({
    nsid: 'b',
    address: '192.0.2.1',
    userAgent: 'x',
    bufferedBytes: 7,
  })
  entries[0]!.leave()
  expect(counts()).toEqual([2, 1, 1, 1, 3, 2])
  for (const entry of entries.slice(1)) entry.leave()
  expect(counts()).toEqual([0, 0, 0, 0, 0, 0])
})
