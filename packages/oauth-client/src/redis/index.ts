// https://redis.io/docs/latest/develop/programmability/eval-intro/
import type { Did } from '@avocet/syntax'

import { randomText } from '../bytes.ts'
import { decodeSession, decodeState, encodeSession, encodeState } from '../json.ts'
import { LOCK_MS, type Lock } from '../lock.ts'
import type { OAuthStores, SessionData } from '../store.ts'

/** What is asked of a connection: `openRedis` of `@avocet/xrpc-server/redis` gives one, over `@redis/client`. */
export interface RedisScripts {
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
}

/** Options of {@link createRedisStores}. */
export interface RedisStoresOptions {
  /** What keys begin with. Default `avocet-oauth`. */
  readonly prefix?: string
  /** Milliseconds since 1970; default the platform's clock. */
  readonly now?: () => number
}

/** Stores, and the lock of those who share them. */
export interface RedisStores extends OAuthStores {
  readonly lock: Lock
}

const SET = "return redis.call('SET', KEYS[1], ARGV[1])"
const SET_FOR = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"
const GET = "return redis.call('GET', KEYS[1])"
const TAKE = "local v = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return v"
const DELETE = "return redis.call('DEL', KEYS[1])"
const ADD = "return redis.call('SADD', KEYS[1], ARGV[1])"
const REMOVE = "return redis.call('SREM', KEYS[1], ARGV[1])"
const MEMBERS = "return redis.call('SMEMBERS', KEYS[1])"
const ACQUIRE = "return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])"
const RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
const WAIT_MS = 30

/**
 * Stores in Redis, for servers of several processes. Each script touches one key. What Redis forgets signs people out: let it
 * keep what it has (`appendonly`, no eviction). Tokens and keys are in it as they are.
 */
export function createRedisStores(redis: RedisScripts, options: RedisStoresOptions = {}): RedisStores {
  const { prefix = 'avocet-oauth', now = Date.now } = options
  const keyOf = (kind: 'state' | 'session' | 'did' | 'lock', name: string): string =>
    `${prefix}:${kind}:${name}`
  const all = `${prefix}:sessions`
  const run = (script: string, key: string, ...args: readonly string[]): Promise<unknown> =>
    redis.eval(script, [key], args)
  const get = async (id: string): Promise<SessionData | null> => {
    const text = await run(GET, keyOf('session', id))
    return typeof text === 'string' ? decodeSession(text) : null
  }
  const list = async (did?: Did): Promise<readonly SessionData[]> => {
    const ids = (await run(MEMBERS, did === undefined ? all : keyOf('did', did))) as string[]
    const found = await Promise.all(ids.map(get))
    // An id may outlive its session, where a process died between the two.
    return found.filter((data) => data !== null)
  }
  return {
    states: {
      set: async (key, data) => {
        const lifeMs = Math.max(1, Math.ceil(data.expiresAt - now()))
        await run(SET_FOR, keyOf('state', key), await encodeState(data), String(lifeMs))
      },
      take: async (key) => {
        const text = await run(TAKE, keyOf('state', key))
        return typeof text === 'string' ? decodeState(text) : null
      },
    },
    sessions: {
      get,
      list,
      set: async (data) => {
        const text = await encodeSession(data)
        // What is kept can be found: an id too many does no harm, a session that nobody finds would.
        await run(ADD, keyOf('did', data.did), data.id)
        await run(ADD, all, data.id)
        await run(SET, keyOf('session', data.id), text)
      },
      delete: async (id) => {
        const data = await get(id)
        await run(DELETE, keyOf('session', id))
        await run(REMOVE, all, id)
        if (data !== null) await run(REMOVE, keyOf('did', data.did), id)
      },
    },
    lock: createRedisLock(redis, (name) => keyOf('lock', name)),
  }
}

/** A lock that ends by itself {@link LOCK_MS} after its holder is gone. */
function createRedisLock(redis: RedisScripts, keyOf: (name: string) => string): Lock {
  return async (name, work) => {
    const keys = [keyOf(name)]
    const holder = randomText(16)
    const end = performance.now() + 2 * LOCK_MS
    while ((await redis.eval(ACQUIRE, keys, [holder, String(LOCK_MS)])) === null) {
      if (performance.now() > end) throw new Error(`the lock is never free; name=${name}`)
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS * (0.5 + Math.random())))
    }
    try {
      return await work()
    } finally {
      // Who cannot let go is waited for until the lock ends; what was done is done.
      await redis.eval(RELEASE, keys, [holder]).catch(() => undefined)
    }
  }
}
