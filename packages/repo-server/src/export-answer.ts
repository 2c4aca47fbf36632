import { respond, type RateLimitRule, type Reply } from '@avocet/xrpc-server'

import type { RepoParts } from './host.ts'

/** Settings of a method that hands out a whole repository: its rate, and as much time as its reader takes. */
export function exportSettings({ options }: RepoParts): {
  readonly limits: { readonly handlerMs: 0 }
  readonly rateLimit?: RateLimitRule
} {
  const rule = options.rateLimits?.export
  return { limits: { handlerMs: 0 }, ...(rule === undefined ? {} : { rateLimit: rule }) }
}

/**
 * A CAR that is made while it is read. It has a place among the exports until then.
 * @throws RepoServerError `too-many-at-once`, `busy`, and what `open` throws
 */
export async function answerCar(
  { exportGate }: RepoParts,
  address: string | null,
  open: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<Reply> {
  const body = await exportGate.stream({ did: null, address }, open)
  return respond({ encoding: 'application/vnd.ipld.car', body })
}
