import type { RedisEval } from '@avocet/xrpc-server'

import { WINDOW_MS, type LoginCounts } from './login-counts.ts'

const FAILURES = `return tonumber(redis.call('HGET', KEYS[1], 'failures') or '0')`

// A hash of its own for each account ends with its window, whoever waits.
const FAILED = `redis.call('HINCRBY', KEYS[1], 'failures', 1)
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1`

// By the clock of Redis, the one that all processes have. It may be set: a line that is longer than lines become is none.
const QUEUE = `local pace, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free = tonumber(redis.call('HGET', KEYS[1], 'free') or '0')
if free > now + most + pace then free = now end
local at = math.max(now, free)
if at - now > most then return -1 end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'free', string.format('%d', at + pace))
end
return at - now`

const TRUST = `redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1`

const IS_TRUSTED = `return redis.call('EXISTS', KEYS[1])`

/** Counts in Redis, shared by all processes: one round trip each. @param prefix of the keys */
export function createRedisLoginCounts(redis: RedisEval, prefix: string): LoginCounts {
  const line = (key: string): string[] => [`${prefix}login:${key}`]
  const trust = (key: string): string[] => [`${prefix}trust:${key}`]
  return {
    failures: async (key) => Number(await redis.eval(FAILURES, line(key), [])),
    failed: async (key) => void (await redis.eval(FAILED, line(key), [String(WINDOW_MS)])),
    queue: async (key, paceMs, maxWaitMs) => {
      const wait = Number(await redis.eval(QUEUE, line(key), [String(paceMs), String(maxWaitMs)]))
      return wait < 0 ? null : wait
    },
    trust: async (key, forMs) => void (await redis.eval(TRUST, trust(key), [String(forMs)])),
    isTrusted: async (key) => (await redis.eval(IS_TRUSTED, trust(key), [])) === 1,
  }
}
