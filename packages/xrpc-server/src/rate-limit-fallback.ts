import { createMemoryRateLimitStore, type RateLimitCount, type RateLimitStore } from './rate-limit.ts'

/** Options of {@link createFallbackRateLimitStore}. */
export interface FallbackOptions {
  /** Where is counted meanwhile. Default: this process's memory. */
  readonly fallback?: RateLimitStore
  /** An answer that takes longer counts as none. Default 250 ms: a request waits for it. */
  readonly timeoutMs?: number
  /** The store is asked again after so many ms. Default 1000. */
  readonly retryMs?: number
  /** Told once when the store fails, and once when it answers again. */
  readonly onChange?: (state: 'down' | 'up', error?: unknown) => void
}

/**
 * Counts in a store that may be away. While it is, each process counts for itself, so that a limit is at most as many times as high
 * as there are processes: nobody is locked out, and nobody is without limits. Counts of before are not carried over.
 */
export function createFallbackRateLimitStore(
  store: RateLimitStore,
  options: FallbackOptions = {},
): RateLimitStore {
  const { fallback = createMemoryRateLimitStore(), timeoutMs = 250, retryMs = 1000, onChange } = options
  let downSince: number | null = null
  let asked = -Infinity

  const ask = async (key: string, cost: number, windowMs: number): Promise<RateLimitCount> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer of the rate limit store; ms=${timeoutMs}`)),
        timeoutMs,
      )
    })
    try {
      return await Promise.race([store.consume(key, cost, windowMs), late])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async consume(key, cost, windowMs) {
      const time = performance.now()
      // One request in a while finds out whether it is back; the others do not wait.
      if (downSince !== null && time - asked < retryMs) return fallback.consume(key, cost, windowMs)
      asked = time
      try {
        const count = await ask(key, cost, windowMs)
        if (downSince !== null) {
          downSince = null
          onChange?.('up')
        }
        return count
      } catch (error) {
        if (downSince === null) {
          downSince = time
          onChange?.('down', error)
        }
        return fallback.consume(key, cost, windowMs)
      }
    },
  }
}
