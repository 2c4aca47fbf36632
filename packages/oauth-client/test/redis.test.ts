// Sessions that several servers share in Redis. https://redis.io/docs/latest/commands/set/
import { hasRedis, startRedis, type TestRedis } from '@avocet/testing/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createDpopKey } from '../src/dpop-key.ts'
import type { StateData } from '../src/index.ts'
import { createRedisStores } from '../src/redis/index.ts'
import { ALICE, BOB, codeOf, createWorld, valueOf, type World } from './world.ts'

describe.skipIf(!hasRedis)('stores in Redis', () => {
  let redis: TestRedis
  let world: World
  beforeAll(async () => {
    redis = await startRedis()
    world = await createWorld()
  })
  afterAll(async () => {
    await world.close()
    await redis[Symbol.asyncDispose]()
  })

  it('are shared by servers, which renew a session once', async () => {
    const client = (): ReturnType<World['client']> => {
      const { lock, ...stores } = createRedisStores(redis)
      return world.client({ stores, lock })
    }
    const first = await world.signIn(client())
    const others = await Promise.all([client(), client(), client()].map((one) => one.restore(ALICE)))
    world.advance(3600)
    const answers = await Promise.all(others.map((other) => valueOf(other).fetch('/xrpc/a.b.c')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 2 }])
    expect(valueOf(await client().list()).map(({ id }) => id)).toEqual([first.id])
    expect(valueOf(await client().list(BOB))).toEqual([])
    await valueOf(others[0]!).signOut()
    expect(codeOf(await client().restore(first.id))).toBe('unknown-session')
    expect(valueOf(await client().list(ALICE))).toEqual([])
    expect(await redis.command('KEYS', '*')).toEqual([])
  })

  it('give a sign-in once, and forget it at its time', async () => {
    const { states } = createRedisStores(redis, { now: () => 1000 })
    const key = await createDpopKey(true)
    const state: StateData = {
      issuer: 'https://pds.example.com',
      key,
      verifier: 'verifier',
      redirectUri: 'https://app.example.com/',
      did: null,
      clientKeyId: null,
      appState: null,
      expiresAt: 61_000,
    }
    await states.set('a', state)
    expect(Number(await redis.command('PTTL', 'avocet-oauth:state:a'))).toBeGreaterThan(50_000)
    const taken = await Promise.all([states.take('a'), states.take('a')])
    expect(taken.filter((data) => data !== null)).toHaveLength(1)
    await states.set('b', { ...state, expiresAt: 1020 })
    await expect.poll(() => redis.command('EXISTS', 'avocet-oauth:state:b')).toBe(0)
  })

  it('have a lock that lets one in at a time, and ends with its time', async () => {
    const { lock } = createRedisStores(redis)
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      inside += 1
      most = Math.max(most, inside)
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside -= 1
    }
    await Promise.all(Array.from({ length: 5 }, () => lock('a', work)))
    expect(most).toBe(1)
    let left = 0
    await lock('a', async () => {
      left = Number(await redis.command('PTTL', 'avocet-oauth:lock:a'))
      // Another one has it, as this holder took too long: it must not be taken from them.
      await redis.command('SET', 'avocet-oauth:lock:a', 'another')
    })
    expect(left).toBeGreaterThan(100_000)
    expect(await redis.command('GET', 'avocet-oauth:lock:a')).toBe('another')
  })
})
