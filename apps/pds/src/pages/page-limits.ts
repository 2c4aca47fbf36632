import { networkOf, type RateLimitStore, type RequestInfo } from '@avocet/xrpc-server'

/** Counts what pages are asked for. */
export interface PageLimits {
  /** Counts one, by the network. @returns seconds to wait where the limit is reached, else null */
  count(caller: PageCaller): Promise<number | null>
}

/** Who asks. */
export type PageCaller = Pick<RequestInfo, 'header' | 'address'>

/** For everything at a page. Passwords, codes and mail have limits of their own, which the parts that take them count. */
const LIMIT = 600
const WINDOW_MS = 5 * 60 * 1000

/** Limits over what is counted. @param bypass who is not limited */
export function createPageLimits(
  counts: RateLimitStore,
  bypass: (caller: PageCaller) => boolean,
): PageLimits {
  return {
    count: async (caller) => {
      if (bypass(caller)) return null
      const network = caller.address === null ? '' : networkOf(caller.address)
      const { used, resetMs } = await counts.consume(`page:${network}`, 1, WINDOW_MS)
      return used > LIMIT ? Math.ceil(resetMs / 1000) : null
    },
  }
}
