import type { RedisEval } from './redis-eval.ts'

// One atomic operation: of uses at the same time in several processes one is the first.
const script = `if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`

/**
 * Remembers in Redis which tokens were used, for all processes. It fits where `verifyServiceJwt` of `@avocet/service-auth` takes a
 * replay guard. It rejects while Redis is away: whether a token then counts as new is for its user to say.
 *
 * @param options `prefix` of the keys, default `avocet:used:`; `now` in milliseconds since 1970, default `Date.now`
 */
export function createRedisReplayGuard(
  client: RedisEval,
  options: { readonly prefix?: string; readonly now?: () => number } = {},
): { use(key: string, expiresAt: number): Promise<boolean> } {
  const { prefix = 'avocet:used:', now = Date.now } = options
  return {
    async use(key, expiresAt) {
      // A token that has expired is refused for that; here it is remembered for a moment.
      const forMs = Math.max(1, Math.ceil(expiresAt - now()))
      return (await client.eval(script, [prefix + key], [String(forMs)])) === 1
    },
  }
}
