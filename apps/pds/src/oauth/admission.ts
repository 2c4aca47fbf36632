import type { OAuthServerOptions } from '@avocet/oauth-server'

import type { WatchedCounts } from '../limits/limit-hits.ts'

const MINUTE = 60 * 1000

/**
 * What one network may ask for. `request` is anything at all, as much as all methods together; `client` are documents of apps that are
 * about to be fetched from hosts that strangers name.
 */
const LIMITS = {
  request: { limit: 3000, windowMs: 5 * MINUTE },
  par: { limit: 60, windowMs: MINUTE },
  token: { limit: 300, windowMs: 5 * MINUTE },
  revoke: { limit: 300, windowMs: 5 * MINUTE },
  client: { limit: 10, windowMs: MINUTE },
} as const

/** Limits of what apps ask for, by the network that they ask from. */
export function createAdmission(counts: WatchedCounts): NonNullable<OAuthServerOptions['admit']> {
  return async ({ what, from }) => {
    const { limit, windowMs } = LIMITS[what]
    const { used, resetMs } = await counts.consume(`oauth-${what}:${from ?? ''}`, 1, windowMs)
    if (used <= limit) return { ok: true }
    counts.refused?.(`oauth-${what}`, from)
    return { ok: false, retryAfter: Math.ceil(resetMs / 1000) }
  }
}
