import { createBreaker, type BreakerOptions } from './breaker.ts'
import { createMemoryRateLimitStore, type RateLimitStore } from './rate-limit.ts'

/** Options of {@link createFallbackRateLimitStore}. */
export interface FallbackOptions extends BreakerOptions {
  /** Where is counted meanwhile. Default: this process's memory. */
  readonly fallback?: RateLimitStore
}

/**
 * Counts in a store that may be away. While it is, each process counts for itself, so that a limit is at most as many times as high
 * as there are processes: nobody is locked out, and nobody is without limits. Counts of before are not carried over.
 */
export function createFallbackRateLimitStore(
  store: RateLimitStore,
  options: FallbackOptions = {},
): RateLimitStore {
  const { fallback = createMemoryRateLimitStore(), ...rest } = options
  const run = createBreaker(rest)
  return {
    async consume(key, cost, windowMs) {
      try {
        return await run(() => store.consume(key, cost, windowMs))
      } catch {
        return fallback.consume(key, cost, windowMs)
      }
    },
  }
}
