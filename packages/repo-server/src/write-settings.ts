import type { RateLimitRule } from '@avocet/xrpc-server'

import type { RepoNeed } from './access.ts'
import type { RepoParts } from './host.ts'
import { ownerMethod, type OwnerSettings } from './owner-method.ts'

/**
 * Settings of a method that writes records. A record may weigh 1 MB, which is more than other JSON bodies may.
 * @param needs what its input is about to change
 */
export function writeSettings<I>(
  parts: RepoParts,
  method: string,
  needs: (input: I) => readonly RepoNeed[],
  points: number | ((input: unknown) => number),
): OwnerSettings<I> & {
  readonly limits: { readonly jsonBytes: number }
  readonly rateLimit: readonly RateLimitRule[]
} {
  return {
    ...ownerMethod<I>(parts, method, { input: needs }),
    limits: { jsonBytes: 1024 * 1024 },
    rateLimit: parts.options.rateLimits?.write?.(points) ?? [],
  }
}
