/** Remembers what may be used once. The guards of `@avocet/service-auth` and of `@avocet/xrpc-server` for Redis fit. */
export interface ReplayGuard {
  /**
   * Notes one use.
   * @param expiresAt when it may be forgotten, in milliseconds since 1970
   * @returns false when it was used before
   */
  use(key: string, expiresAt: number): boolean | Promise<boolean>
}

/** Options of {@link createReplayGuard}. */
export interface ReplayGuardOptions {
  /** Uses remembered at once; default 100,000. When it is full, the oldest one is forgotten. */
  readonly maxEntries?: number
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

/**
 * A replay guard in memory, for one process. Full, it forgets the oldest use instead of refusing the next: whoever sends many
 * proofs of their own would shut out everybody else. What is forgotten is still bound to a key, a URL and a nonce of a few minutes.
 */
export function createReplayGuard(options: ReplayGuardOptions = {}): ReplayGuard {
  const { maxEntries = 100_000, now = Date.now } = options
  const used = new Map<string, number>()
  return {
    use: (key, expiresAt) => {
      const time = now()
      // The oldest come first: what is over among them goes, two at a time, so that the map shrinks.
      let looked = 0
      for (const [other, end] of used) {
        if (end > time && used.size < maxEntries) break
        used.delete(other)
        if (++looked === 2) break
      }
      const before = used.get(key)
      if (before !== undefined && before > time) return false
      used.delete(key)
      used.set(key, expiresAt)
      return true
    },
  }
}
