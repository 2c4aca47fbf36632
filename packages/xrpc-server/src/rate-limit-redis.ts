import type { RateLimitStore } from './rate-limit.ts'
import type { RedisEval } from './redis-eval.ts'

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
