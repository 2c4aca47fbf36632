import { networkOf } from '@avocet/xrpc-server'
import type { Context } from 'hono'

import type { Authorizer } from '../auth/authorizer.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { PdsConfig } from '../config/config.ts'
import { createBypass } from '../limits/rate-limits.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'

/** What the pages outside `/xrpc` are told of a request beside the request itself. */
export interface PageEnv {
  readonly Bindings: { readonly address: string | null }
}

/** Answers one page. */
export type Page = (context: Context<PageEnv>) => Response | Promise<Response>

/** Wrong passwords that one network may try at all pages together within the window. */
const GUESSES = 30
const WINDOW_MS = 5 * 60_000

/** What the guard composes. */
export interface OperatorGuardParts {
  readonly config: PdsConfig
  readonly authorizer: Authorizer
  readonly audit: AuditLog
  readonly counts: Pick<SharedCounts, 'rateLimits'>
}

/** The caller's address as the server trusts it; null when unknown. */
export const addressOf = (context: Context<PageEnv>): string | null => context.env?.address ?? null

/**
 * Lets the operator alone see a page. A wrong password is in the audit log, and counts for the network it came from: above
 * the bound that network is refused for a while, whatever password it gives.
 */
export function createOperatorGuard(parts: OperatorGuardParts): (page: Page) => Page {
  const { config, authorizer, audit, counts } = parts
  const bypass = createBypass(config)

  return (page) => async (context) => {
    const address = addressOf(context)
    const header = (name: string): string | null => context.req.header(name) ?? null
    const count = (cost: number) =>
      counts.rateLimits.consume(`operator:${address === null ? '' : networkOf(address)}`, cost, WINDOW_MS)
    if (!bypass({ header, address })) {
      const { used, resetMs } = await count(0)
      if (used >= GUESSES) {
        counts.rateLimits.refused?.('operator', address)
        context.header('retry-after', String(Math.ceil(resetMs / 1000)))
        return context.text('Too many wrong passwords, try again later', 429)
      }
    }
    if (authorizer.isAdmin({ header })) {
      context.header('cache-control', 'no-store')
      return page(context)
    }
    if (header('authorization') !== null) {
      await count(1)
      await audit.record({
        action: 'operator page refused',
        actor: 'stranger',
        did: null,
        address,
        error: 'AuthenticationRequired',
        attempt: true,
        detail: { path: context.req.path },
      })
    }
    context.header('www-authenticate', 'Basic realm="operator"')
    return context.text('For the operator', 401)
  }
}
