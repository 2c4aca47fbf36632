import type { RateLimitStore } from './rate-limit.ts'

/** The one command needed, in whichever Redis client is at hand. */
export interface RedisEval {
  /**
   * Runs a Lua script.
   *
   * @example
   * // `openRedis` of `@avocet/xrpc-server/redis` has it; ioredis:
   * { eval: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args) }
   */
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
}

// One round trip, and atomic: a key can never be left without its expiry.
const script = `local used = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {used, left}`

/**
 * Counts in Redis (or what speaks its protocol), shared by all processes.
 *
 * @param options `prefix` of the keys, default `avocet:rate:`
 */
export function createRedisRateLimitStore(
  client: RedisEval,
  options: { readonly prefix?: string } = {},
): RateLimitStore {
  const prefix = options.prefix ?? 'avocet:rate:'
  return {
    async consume(key, cost, windowMs) {
      const reply = await client.eval(script, [prefix + key], [String(Math.ceil(cost)), String(windowMs)])
      if (!Array.isArray(reply) || reply.length !== 2)
        throw new TypeError('unexpected reply of the rate limit script')
      return { used: Number(reply[0]), resetMs: Number(reply[1]) }
    },
  }
}
