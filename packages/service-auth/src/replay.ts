/** Remembers the tokens that were used. */
export interface ReplayGuard {
  /**
   * Notes one use of a token.
   * @param key issuer and nonce
   * @param expiresAt when it may be forgotten, in milliseconds since 1970
   * @returns false when it was used before
   */
  use(key: string, expiresAt: number): boolean | Promise<boolean>
}

/** Options of {@link createReplayGuard}. */
export interface ReplayGuardOptions {
  /** Uses remembered at once; default 100 000. When full, every new token counts as used. */
  readonly maxEntries?: number
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

/** A replay guard in memory, for one process. Full, it refuses instead of forgetting: a flood cannot open a replay. */
export function createReplayGuard({
  maxEntries = 100_000,
  now = Date.now,
}: ReplayGuardOptions = {}): ReplayGuard {
  const used = new Map<string, number>()
  return {
    use(key, expiresAt) {
      const time = now()
      const before = used.get(key)
      if (before !== undefined && before > time) return false
      if (used.size >= maxEntries) {
        for (const [other, end] of used) if (end <= time) used.delete(other)
        if (used.size >= maxEntries) return false
      }
      used.set(key, expiresAt)
      return true
    },
  }
}
