// Two servers on one database that count in one Redis: a limit is one limit, whichever of them is asked.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { boundRedis } from '@avocet/xrpc-server'
import { openRedis } from '@avocet/xrpc-server/redis'
import { certificate } from '@avocet/testing/certificate'
import { startPostgres } from '@avocet/testing/postgres'
import { hasRedis, startRedis, type TestRedis } from '@avocet/testing/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { createLoginBrake } from '../src/accounts/login-brake.ts'
import {
  createFallbackLoginCounts,
  createMemoryLoginCounts,
  type LoginCounts,
} from '../src/accounts/login-counts.ts'
import { createRedisLoginCounts } from '../src/accounts/redis-login-counts.ts'
import { readSettings } from '../src/config/settings.ts'
import { networkChecks } from '../src/doctor/network-checks.ts'
import { PdsError } from '../src/errors.ts'
import { SILENT, type Logger } from '../src/logger.ts'
import { startCommand } from './command.ts'
import { startDirectory } from './directory.ts'
import { ADMIN_PASSWORD, failure, startNetwork, type Answer, type TestNetwork } from './network.ts'

const HOUR = 60 * 60 * 1000
const LIMIT = 30

const wrong = (): Promise<never> => Promise.reject(new PdsError('auth-required', 'no'))
const right = (): Promise<string> => Promise.resolve('in')

/** A guess at a password. */
const guess = (net: TestNetwork, identifier: string, from: string): Promise<Answer> =>
  net.post('com.atproto.server.createSession', {
    input: { identifier, password: 'wrong' },
    headers: { 'x-forwarded-for': from },
  })

/** Lines of warnings and of what is good news, in order. */
function listen(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const note = (_: object, message: string): void => {
    if (/redis/i.test(message)) lines.push(message)
  }
  return { log: { ...SILENT, warn: note, info: note }, lines }
}

const hasAll = hasRedis && (await hasPostgres())
async function hasPostgres(): Promise<boolean> {
  const server = await startPostgres()
  afterAll(() => server?.close())
  if (server !== null) process.env['AVOCET_TEST_POSTGRES_URL'] ??= server.url
  return server !== null
}

describe.skipIf(!hasAll)('two processes that count in one Redis', () => {
  let redis: TestRedis
  let one: TestNetwork
  let two: TestNetwork
  const heard = listen()
  beforeAll(async () => {
    redis = await startRedis()
    const postgres = { url: process.env['AVOCET_TEST_POSTGRES_URL']!, schema: 'shared_limits', poolSize: 6 }
    const config = {
      jwtSecret: 'a secret of some length',
      plcRotationKeyHex: 'ab'.repeat(32),
      postgres,
      blobDirectory: await mkdtemp(join(tmpdir(), 'avocet-pds-shared-blobs-')),
      rateLimitsEnabled: true,
      redisUrl: redis.url,
    }
    one = await startNetwork({ config, log: heard.log })
    two = await startNetwork({ config, directory: one.directory })
  })
  afterAll(async () => {
    await two[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await rm(one.pds.config.blobDirectory!, { recursive: true })
    await redis[Symbol.asyncDispose]()
  })
  const either = (n: number): TestNetwork => (n % 2 === 0 ? one : two)

  test('the call after the last that a limit allows is refused by each of them, with the headers that say so', async () => {
    const anna = await one.account()
    for (let n = 0; n < LIMIT; n++) {
      const { status, headers } = await guess(either(n), anna.did, '203.0.113.1')
      expect([status, headers.get('ratelimit-limit'), headers.get('ratelimit-remaining')]).toEqual([
        401,
        '30',
        String(LIMIT - 1 - n),
      ])
    }
    for (const net of [two, one]) {
      const answer = await guess(net, anna.handle, '203.0.113.1')
      expect(failure(answer)).toBe('429 RateLimitExceeded')
      const headers = ['limit', 'remaining', 'policy'].map((name) => answer.headers.get(`ratelimit-${name}`))
      expect(headers).toEqual(['30', '0', '30;w=300;name="createSession"'])
      const wait = Number(answer.headers.get('retry-after'))
      expect(wait).toBeGreaterThan(200)
      expect(wait).toBeLessThanOrEqual(300)
      const reset = Number(answer.headers.get('ratelimit-reset')) - Date.now() / 1000
      expect(Math.abs(reset - wait)).toBeLessThan(2)
    }
    // Of somebody else nobody guessed.
    expect(failure(await guess(two, anna.did, '203.0.113.2'))).toBe('401 AuthenticationRequired')
  })

  test('calls at the same time to both: as many pass as the limit allows', async () => {
    const bert = await two.account()
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 10 }, (_, n) => guess(either(n), bert.did, '203.0.113.3')),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(LIMIT)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
  })

  test('wrong passwords of the operator count together, too', async () => {
    const ask = async (net: TestNetwork, password: string): Promise<number> => {
      const authorization = `Basic ${btoa(`admin:${password}`)}`
      const headers = { authorization, 'x-forwarded-for': '203.0.113.6' }
      return (await fetch(`${net.pds.url}/metrics`, { headers })).status
    }
    for (let n = 0; n < 30; n++) expect(await ask(either(n), 'wrong')).toBe(401)
    for (const net of [one, two]) expect(await ask(net, ADMIN_PASSWORD)).toBe(429)
  })

  test('the doctor counts once', async () => {
    const look = async (redisUrl: string) =>
      (await Promise.all(networkChecks({ ...one.pds.config, redisUrl, port: one.pds.port }))).find(
        ({ what }) => what === 'Redis',
      )
    expect(await look(redis.url)).toMatchObject({ level: 'ok' })
    expect(await look('redis://127.0.0.1:1')).toMatchObject({
      level: 'bad',
      detail: expect.stringMatching(/^no answer of Redis at 127.0.0.1:1, /),
      next: 'start it, or correct PDS_REDIS_SCRATCH_ADDRESS and PDS_REDIS_SCRATCH_PASSWORD',
    })
  })

  test('Redis is killed and comes back: each goes on by itself, says so once, and to the operator alone', async () => {
    const carl = await one.account()
    const email = `${carl.handle.split('.')[0]}@example.com`
    const mails = 5
    /** Asks for a code by mail, which takes no time to refuse. */
    const ask = async (net: TestNetwork): Promise<string> =>
      failure(
        await net.post('com.atproto.server.requestPasswordReset', {
          input: { email },
          headers: { 'x-forwarded-for': '203.0.113.4' },
        }),
      )
    const health = (admin: boolean) => one.get('_health', admin ? { admin } : {})
    const isShared = async (): Promise<string | undefined> => {
      const headers = { authorization: `Basic ${btoa(`admin:${ADMIN_PASSWORD}`)}` }
      const text = await (await fetch(`${one.pds.url}/metrics`, { headers })).text()
      return /^pds_limits_shared (\d)$/m.exec(text)?.[1]
    }
    expect([(await health(true)).body.notice, await isShared()]).toEqual([undefined, '1'])
    for (let n = 0; n < 3; n++) expect(await ask(one)).toBe('200 ')
    const { port } = redis
    await redis[Symbol.asyncDispose]()
    // Each counts for itself, from nought: limits hold meanwhile.
    for (const net of [one, two]) {
      for (let n = 0; n < mails; n++) expect(await ask(net)).toBe('200 ')
      expect(await ask(net)).toBe('429 RateLimitExceeded')
    }
    expect(heard.lines).toEqual([
      expect.stringMatching(
        /^no answer of Redis at 127\.0\.0\.1:\d+, so each process counts rate limits for itself: /,
      ),
    ])
    const told = await health(true)
    expect([told.status, told.body.notice]).toEqual([
      200,
      expect.stringContaining('so each process counts rate limits for itself'),
    ])
    expect([(await health(false)).body, await isShared()]).toEqual([{ version: told.body.version }, '0'])
    redis = await startRedis({ port })
    await expect.poll(async () => (await health(true)).body.notice, { timeout: 10_000 }).toBeUndefined()
    expect(heard.lines.slice(1)).toEqual(['Redis answers again: rate limits are counted for all processes'])
    await expect.poll(async () => (await two.get('_health', { admin: true })).body.notice).toBeUndefined()
    for (let n = 0; n < mails; n++) expect(await ask(either(n))).toBe('200 ')
    expect(await ask(two)).toBe('429 RateLimitExceeded')
    expect([await isShared(), heard.lines.length]).toEqual(['1', 2])
  })

  test('a Redis that hangs holds up one call in a second, for a quarter of one', async () => {
    redis.signal('SIGSTOP')
    try {
      const begun = performance.now()
      for (let n = 0; n < 10; n++) {
        expect(failure(await guess(one, 'nobody.test', '203.0.113.5'))).toBe('401 AuthenticationRequired')
      }
      expect(performance.now() - begun).toBeLessThan(5000)
      expect((await one.get('_health', { admin: true })).body.notice).toContain('no answer in time')
    } finally {
      redis.signal('SIGCONT')
    }
    await expect.poll(async () => (await one.get('_health', { admin: true })).body.notice).toBeUndefined()
  })
})

describe.skipIf(!hasRedis)('a start', () => {
  test('with a Redis that is not there goes on, and names the next step', async () => {
    const gone = await startRedis()
    await gone[Symbol.asyncDispose]()
    const { log, lines } = listen()
    const net = await startNetwork({ config: { rateLimitsEnabled: true, redisUrl: gone.url }, log })
    onTestFinished(() => net[Symbol.asyncDispose]())
    expect(lines).toEqual([
      expect.stringMatching(
        /ECONNREFUSED.*; start it, or correct PDS_REDIS_SCRATCH_ADDRESS; it is asked again by itself$/,
      ),
    ])
    expect(failure(await guess(net, 'nobody.test', '203.0.113.1'))).toBe('401 AuthenticationRequired')
  })

  test('with a wrong password, or none, names the setting', async () => {
    await using redis = await startRedis({ password: 'open sesame%40' })
    const at = `127.0.0.1:${redis.port}`
    for (const [password, said] of [
      ['sesame', 'correct PDS_REDIS_SCRATCH_PASSWORD'],
      [undefined, 'correct PDS_REDIS_SCRATCH_PASSWORD'],
      ['open sesame%40', null],
    ] as const) {
      const env = { PDS_REDIS_SCRATCH_ADDRESS: at, PDS_REDIS_SCRATCH_PASSWORD: password }
      const { redisUrl } = readSettings(env)
      const { log, lines } = listen()
      const net = await startNetwork({ config: { rateLimitsEnabled: true, redisUrl: redisUrl! }, log })
      await guess(net, 'nobody.test', '203.0.113.1')
      await net[Symbol.asyncDispose]()
      expect([password, lines]).toEqual([password, said === null ? [] : [expect.stringContaining(said)]])
      expect(lines.join()).not.toContain('sesame')
    }
    expect(await redis.command('KEYS', '*createSession*')).not.toEqual([])
  })

  test('without limits does not connect, and says so', async () => {
    const { log, lines } = listen()
    const net = await startNetwork({ config: { redisUrl: 'redis://127.0.0.1:1' }, log })
    await net[Symbol.asyncDispose]()
    expect(lines).toEqual([
      'PDS_REDIS_SCRATCH_ADDRESS has no effect: rate limits are off, and each process knows for itself which proofs of apps were used',
    ])
  })

  test('over TLS, with a password, as a process', async () => {
    await using redis = await startRedis({ tls: true, password: 'open sesame' })
    await using directory = await startDirectory()
    const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-tls-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const ca = join(folder, 'ca.pem')
    await writeFile(ca, certificate)
    const pds = await startCommand([], {
      PDS_DATA_DIRECTORY: join(folder, 'data'),
      PDS_PORT: '0',
      PDS_DID_PLC_URL: directory.url,
      PDS_RATE_LIMITS_ENABLED: 'true',
      PDS_REDIS_SCRATCH_ADDRESS: redis.url,
      PDS_REDIS_SCRATCH_PASSWORD: 'open sesame',
      NODE_EXTRA_CA_CERTS: ca,
      LOG_LEVEL: 'warn',
    })
    try {
      await fetch(`${pds.url}/xrpc/com.atproto.server.describeServer`)
      expect(await redis.command('GET', 'avocet:localhost:rate:global:127.0.0.1')).toBe('1')
      expect(pds.errors()).not.toContain('Redis')
    } finally {
      await pds.stop('SIGTERM')
    }
  })
})

test('settings of Redis', () => {
  const url = (address: string, password?: string): string | undefined =>
    readSettings({ PDS_REDIS_SCRATCH_ADDRESS: address, PDS_REDIS_SCRATCH_PASSWORD: password }).redisUrl ??
    undefined
  expect([url('redis'), url('10.0.0.7:6380'), url('[::1]:6379')]).toEqual([
    'redis://redis',
    'redis://10.0.0.7:6380',
    'redis://[::1]:6379',
  ])
  expect(url('redis:6379', 'a b/c@d%')).toBe('redis://:a%20b%2Fc%40d%25@redis:6379')
  expect(url('rediss://user:pw@redis.example.com:6380/3')).toBe('rediss://user:pw@redis.example.com:6380/3')
  for (const bad of ['', 'redis:x', 'http://redis:6379', 'redis://redis/a', 'redis:6379?db=3', 'a b']) {
    if (bad === '') expect(url(bad)).toBeUndefined()
    else expect(() => url(bad), bad).toThrow(/^PDS_REDIS_SCRATCH_ADDRESS: expected host:port, redis:/)
  }
  expect(() => readSettings({ PDS_REDIS_SCRATCH_PASSWORD: 'x' })).toThrow(
    'PDS_REDIS_SCRATCH_PASSWORD: it belongs to PDS_REDIS_SCRATCH_ADDRESS, which is not set',
  )
  expect(() => url('redis://:secret@redis', 'other')).toThrow('has a password in it; remove one of the two')
})

describe('what the brake of sign-ins counts', () => {
  type Opened = { readonly counts: readonly LoginCounts[]; readonly redis: TestRedis | null }
  const kinds: readonly [name: string, open: () => Promise<Opened>][] = [
    ['memory', async () => ({ counts: [createMemoryLoginCounts()], redis: null })],
    ['Redis', () => overRedis((shared) => shared)],
    [
      'Redis with a fallback',
      () => overRedis((shared) => createFallbackLoginCounts(shared, createMemoryLoginCounts())),
    ],
  ]

  /** Those of two processes. */
  async function overRedis(wrap: (shared: LoginCounts) => LoginCounts): Promise<Opened> {
    const redis = await startRedis()
    const clients = [openRedis({ url: redis.url }), openRedis({ url: redis.url })]
    onTestFinished(async () => {
      for (const client of clients) await client[Symbol.asyncDispose]()
      await redis[Symbol.asyncDispose]()
    })
    await Promise.all(clients.map(({ tried }) => tried))
    const counts = clients.map((client) => wrap(createRedisLoginCounts(boundRedis(client), 'test:')))
    return { counts, redis }
  }

  test.skipIf(!hasRedis).each(kinds)('%s', async (_, open) => {
    const { counts, redis } = await open()
    const [one, two = one] = counts as [LoginCounts, LoginCounts?]
    expect([await one.failures('a'), await one.queue('a', 2000, 4000)]).toEqual([0, 0])
    for (let n = 0; n < 3; n++) await (n % 2 === 0 ? one : two).failed('a')
    expect([await one.failures('a'), await two.failures('a'), await one.failures('b')]).toEqual([3, 3, 0])
    const waits: (number | null)[] = []
    for (let n = 0; n < 4; n++) waits.push(await (n % 2 === 0 ? one : two).queue('a', 2000, 4500))
    expect(waits[0]).toBe(0)
    for (const [place, wait] of [
      [1, waits[1]],
      [2, waits[2]],
    ] as const) {
      expect(wait).toBeGreaterThan(place * 2000 - 900)
      expect(wait).toBeLessThanOrEqual(place * 2000)
    }
    expect(waits[3]).toBe(null)
    // One who was sent away took no place.
    expect(await two.queue('a', 2000, 6000)).toBeLessThanOrEqual(6000)
    expect([await one.isTrusted('a net'), await two.isTrusted('a net')]).toEqual([false, false])
    await one.trust('a net', 250)
    expect([await one.isTrusted('a net'), await two.isTrusted('a net')]).toEqual([true, true])
    await sleep(300)
    expect([await one.isTrusted('a net'), await two.isTrusted('a net')]).toEqual([false, false])
    if (redis === null) return
    const left = Number(await redis.command('PTTL', 'test:login:a'))
    expect(left).toBeGreaterThan(HOUR - 10_000)
    expect(left).toBeLessThanOrEqual(HOUR)
    // The clock of Redis was a year ahead when the line was made, and is right again.
    await redis.command('HSET', 'test:login:a', 'free', String(Date.now() + 365 * 24 * HOUR))
    expect(await one.queue('a', 2000, 4500)).toBe(0)
    expect(await two.queue('a', 2000, 4500)).toBeGreaterThan(0)
  })

  test.skipIf(!hasRedis)(
    'guesses spread over two processes stand in one line, and owners pass both',
    async () => {
      const { counts, redis } = await overRedis((shared) =>
        createFallbackLoginCounts(shared, createMemoryLoginCounts()),
      )
      const slept: number[] = []
      const brakes = counts.map((each) =>
        createLoginBrake(each, (ms) => Promise.resolve(void slept.push(ms))),
      ) as [ReturnType<typeof createLoginBrake>, ReturnType<typeof createLoginBrake>]
      expect(await brakes[0].guard('did:a', '2001:db8::1', right)).toBe('in')
      for (let n = 0; n < 66; n++) {
        await expect(brakes[n % 2]!.guard('did:a', '203.0.113.1', wrong)).rejects.toThrow('no')
      }
      expect(slept.length).toBe(16)
      for (const brake of brakes) {
        await expect(brake.guard('did:a', '203.0.113.1', right)).rejects.toMatchObject({
          code: 'too-many-at-once',
        })
        expect(await brake.guard('did:a', '2001:db8::2', right)).toBe('in')
      }
      // Without Redis each has a line of its own, and knows who was here before.
      await redis![Symbol.asyncDispose]()
      slept.length = 0
      for (let n = 0; n < 51; n++) {
        await expect(brakes[0].guard('did:a', '203.0.113.1', wrong)).rejects.toThrow('no')
      }
      expect(slept).toEqual([0])
      expect(await brakes[0].guard('did:a', '2001:db8::2', right)).toBe('in')
      expect(slept).toEqual([0])
    },
  )
})
