import { networkOf, type RateLimitStore } from '@avocet/xrpc-server'

/** A bound on how often something is done. */
export interface PageLimit {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
}

/** Counts what pages are asked for. */
export interface PageLimits {
  /** Counts one, by the network. @returns seconds to wait where the limit is reached, else null */
  count(limit: PageLimit, caller: PageCaller): Promise<number | null>
}

/** Who asks. */
export interface PageCaller {
  readonly address: string | null
  readonly header: (name: string) => string | null
}

const MINUTE = 60 * 1000

/** For everything at a page. Passwords, codes and mail have limits of their own, which the parts that take them count. */
export const VISIT_LIMIT: PageLimit = { name: 'page', limit: 600, windowMs: 5 * MINUTE }
/** Limits over what is counted. @param bypass who is not limited */
export function createPageLimits(
  counts: RateLimitStore,
  bypass: (caller: PageCaller) => boolean,
): PageLimits {
  return {
    count: async ({ name, limit, windowMs }, caller) => {
      if (bypass(caller)) return null
      const network = caller.address === null ? '' : networkOf(caller.address)
      const { used, resetMs } = await counts.consume(`${name}:${network}`, 1, windowMs)
      return used > limit ? Math.ceil(resetMs / 1000) : null
    },
  }
}
