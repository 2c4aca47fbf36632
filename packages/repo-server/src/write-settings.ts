import type { RateLimitRule, RequestInfo } from '@avocet/xrpc-server'

import type { RepoCaller, RepoParts } from './host.ts'

/** Settings of a method that writes records. A record may weigh 1 MB, which is more than other JSON bodies may. */
export function writeSettings(
  { options }: RepoParts,
  method: string,
  points: number | ((input: unknown) => number),
): {
  readonly auth: (request: RequestInfo) => RepoCaller | Promise<RepoCaller>
  readonly limits: { readonly jsonBytes: number }
  readonly rateLimit: readonly RateLimitRule[]
} {
  return {
    auth: (request) => options.access.authorize(request, { method }),
    limits: { jsonBytes: 1024 * 1024 },
    rateLimit: options.rateLimits?.write?.(points) ?? [],
  }
}
