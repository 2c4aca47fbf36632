import { networkOf, type RateLimitRule, type RequestInfo } from '@avocet/xrpc-server'

import type { WatchedCounts } from '../limits/limit-hits.ts'

/** A bound on how often something is done. Rules of methods are such bounds: what has the same name is counted with them. */
export type PageLimit = Pick<RateLimitRule, 'name' | 'limit' | 'windowMs'>

/** Counts what pages are asked for. */
export interface PageLimits {
  /**
   * Counts one.
   * @param key whom it counts for; default: the network it comes from
   * @returns seconds to wait where the limit is reached, else null
   */
  count(limit: PageLimit, caller: PageCaller, key?: string): Promise<number | null>
}

/** Who asks. */
export type PageCaller = Pick<RequestInfo, 'header' | 'address'>

/** For everything at a page. Passwords, codes and mail have limits of their own, which the parts that take them count. */
export const VISIT_LIMIT: PageLimit = { name: 'page', limit: 600, windowMs: 5 * 60 * 1000 }

/** Limits over what is counted. @param bypass who is not limited */
export function createPageLimits(counts: WatchedCounts, bypass: (caller: PageCaller) => boolean): PageLimits {
  return {
    count: async ({ name, limit, windowMs }, caller, key) => {
      if (bypass(caller)) return null
      const network = caller.address === null ? '' : networkOf(caller.address)
      const { used, resetMs } = await counts.consume(`${name}:${key ?? network}`, 1, windowMs)
      if (used <= limit) return null
      counts.refused?.(name, caller.address)
      return Math.ceil(resetMs / 1000)
    },
  }
}
