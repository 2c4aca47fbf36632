import { createBreaker, type BreakerOptions } from './breaker.ts'

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

/**
 * The same Redis for several users, none of which waits long for one that is away: a command has a time, and while there was no answer
 * to the last one `eval` rejects at once, except for one command in a while that finds out whether it is back.
 */
export function boundRedis(client: RedisEval, options: BreakerOptions = {}): RedisEval {
  const run = createBreaker(options)
  return { eval: (script, keys, args) => run(() => client.eval(script, keys, args)) }
}
