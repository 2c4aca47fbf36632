import { createReplayGuard, type ReplayGuard } from '@avocet/oauth-server'
import { createRedisReplayGuard } from '@avocet/xrpc-server'

import type { SharedCounts } from '../limits/shared-counts.ts'

/**
 * Which proofs of apps were used: in this process, and in the Redis that all processes share. While that is away each process knows
 * its own; a proof is still bound to a key, a URL and a nonce of a few minutes.
 */
export function createProofUses({ redis, prefix }: Pick<SharedCounts, 'redis' | 'prefix'>): ReplayGuard {
  const own = createReplayGuard()
  if (redis === null) return own
  const shared = createRedisReplayGuard(redis, { prefix: `${prefix}used:` })
  return {
    use: async (key, expiresAt) => {
      // What was used here is refused without a question, and while Redis is away.
      if (!(await own.use(key, expiresAt))) return false
      try {
        return await shared.use(key, expiresAt)
      } catch {
        return true
      }
    },
  }
}
