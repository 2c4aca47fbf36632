import { setTimeout as sleep } from 'node:timers/promises'

import {
  boundRedis,
  createMemoryRateLimitStore,
  createRedisRateLimitStore,
  type RedisEval,
} from '@avocet/xrpc-server'

import type { PdsConfig } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import { createLimitHits, type LimitHits, type WatchedCounts } from './limit-hits.ts'

/** Where this server counts what it limits, and knows what was used: in its memory, or in a Redis that all its processes share. */
export interface SharedCounts extends AsyncDisposable {
  readonly rateLimits: WatchedCounts
  /** Whom limits refused lately. */
  readonly hits: LimitHits
  /** The Redis, which rejects at once while it is away; null where there is none. */
  readonly redis: RedisEval | null
  /** Begins the names of this server's keys there. */
  readonly prefix: string
  /** Why each process counts for itself although there is a Redis; null when all is well. Asks it now, for a quarter of a second. */
  problem(): Promise<string | null>
  /** Whether all processes count together, as of the last use; null where there is no Redis. */
  isShared(): boolean | null
}

const NO_EFFECT =
  'PDS_REDIS_SCRATCH_ADDRESS has no effect: rate limits are off, and each process knows for itself which proofs of apps were used'
/** How long a start waits for the first connection. */
const START_MS = 3000

/**
 * Connects to the Redis of the settings, if there is one. The server starts without it, and goes on without it: then each process
 * counts for itself, from nought. That is logged once, and so is its end.
 */
export async function openSharedCounts(config: PdsConfig, log: Logger): Promise<SharedCounts> {
  const { redisUrl, rateLimitsEnabled, hostname } = config
  const own = createMemoryRateLimitStore()
  const hits = createLimitHits()
  if (redisUrl === null || !rateLimitsEnabled) {
    if (redisUrl !== null) log.info({}, NO_EFFECT)
    return {
      rateLimits: { consume: (...use) => own.consume(...use), refused: hits.refused },
      hits,
      redis: null,
      prefix: '',
      problem: () => Promise.resolve(null),
      isShared: () => null,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const address = new URL(redisUrl).host
  // Loaded where it is used: a start without Redis does not wait for its client.
  const { openRedis } = await import('@avocet/xrpc-server/redis')
  let lastError: unknown = null
  let reason: string | null = null
  const connection = openRedis({ url: redisUrl, onError: (error) => (lastError = error) })
  const redis = boundRedis(connection, {
    onChange: (state, error) => {
      if (state === 'up') {
        reason = null
        log.info({ address }, 'Redis answers again: rate limits are counted for all processes')
        return
      }
      // Without a connection every command fails in the same words: what is worth knowing is why there is none.
      const cause = connection.isReady() ? error : (lastError ?? error)
      reason = `no answer of Redis at ${address}, so each process counts rate limits for itself: ${words(cause)}`
      log.warn({ address, err: cause }, `${reason}; ${nextStep(cause)}`)
    },
  })
  const prefix = `avocet:${hostname}:`
  const shared = createRedisRateLimitStore(redis, { prefix: `${prefix}rate:` })
  const problem = async (): Promise<string | null> => {
    // A use as any other, which counts nothing: a Redis that takes no writes is found out, too.
    try {
      await shared.consume('probe', 0, 1000)
    } catch {}
    return reason
  }
  await Promise.race([connection.tried, sleep(START_MS, undefined, { ref: false })])
  await problem()
  return {
    rateLimits: {
      consume: async (...use) => {
        try {
          return await shared.consume(...use)
        } catch {
          return own.consume(...use)
        }
      },
      refused: hits.refused,
    },
    hits,
    redis,
    prefix,
    problem,
    isShared: () => reason === null,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

const words = (cause: unknown): string => {
  const { code, message } = cause as { code?: unknown; message?: string }
  // An address of several hosts fails with all of their errors, and no message.
  return message || String(code ?? cause)
}

function nextStep(cause: unknown): string {
  const text = words(cause)
  if (/^(WRONGPASS|NOAUTH)/.test(text)) return 'correct PDS_REDIS_SCRATCH_PASSWORD'
  if (text.startsWith('NOPERM')) return 'let its user run EVAL on keys that begin with avocet:'
  return 'start it, or correct PDS_REDIS_SCRATCH_ADDRESS; it is asked again by itself'
}
