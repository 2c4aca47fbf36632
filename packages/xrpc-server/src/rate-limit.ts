/**
 * Rate limits in fixed windows, with the RateLimit-* response headers.
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-02
 */
import { headerNames, XrpcError } from '@avocet/xrpc'
import type { HeaderRecord } from './call.ts'
import type { RequestInfo } from './info.ts'
import { networkOf } from './network.ts'

/** Where counts are kept; shared by all processes that share a limit. */
export interface RateLimitStore {
  /** Adds `cost` to a key's count, whose window of `windowMs` begins with its first use. */
  consume(key: string, cost: number, windowMs: number): RateLimitCount | Promise<RateLimitCount>
}

/** A key's count after a use. */
export interface RateLimitCount {
  /** Points used in this window, this use included. */
  readonly used: number
  /** Milliseconds until the window ends. */
  readonly resetMs: number
}

/** What a rule's functions are told. `input` and `auth` are there once established. */
export interface RateLimitContext extends RequestInfo {
  readonly params: unknown
  readonly input: unknown
  readonly auth: unknown
}

/** One limit. Rules of the same name share one count, whichever methods they belong to. */
export interface RateLimitRule {
  readonly name: string
  /** Points per window. */
  readonly limit: number
  /** Length of the window in milliseconds. */
  readonly windowMs: number
  /** Points of one request. Default 1; 0 does not count. */
  readonly cost?: number | ((context: RateLimitContext) => number)
  /**
   * Whom to count. Default: the caller's address (an IPv6 /64), before anything else is looked at. With a function, the rule is
   * applied when parameters, credentials and input are known; null does not count.
   */
  readonly key?: (context: RateLimitContext) => string | null | Promise<string | null>
  /** NSIDs that a rule of the whole router neither counts nor limits. */
  readonly except?: readonly string[]
}

/** Rate limits of a router. */
export interface RateLimitOptions {
  /** Default: this process's memory. */
  readonly store?: RateLimitStore
  /** Rules for every method. */
  readonly rules?: readonly RateLimitRule[]
  /** Requests that are never limited. */
  readonly bypass?: (info: RequestInfo) => boolean
  /** Told of every request that a rule refused, by the name of the rule. */
  readonly onRefused?: (rule: string, info: RequestInfo) => void
}

interface Entry {
  used: number
  endsAt: number
}

/**
 * Counts in this process's memory, for at most `maxKeys` keys: past that, ended windows go first, then the oldest.
 *
 * @param options `now` in milliseconds; default the monotonic clock: one that is set back would keep windows open
 */
export function createMemoryRateLimitStore(
  options: { readonly maxKeys?: number; readonly now?: () => number } = {},
): RateLimitStore {
  const maxKeys = options.maxKeys ?? 100_000
  const now = options.now ?? (() => performance.now())
  const entries = new Map<string, Entry>()
  return {
    consume(key, cost, windowMs) {
      const time = now()
      let entry = entries.get(key)
      if (entry === undefined || entry.endsAt <= time) {
        if (entry === undefined && entries.size >= maxKeys) makeRoom(entries, time)
        entry = { used: 0, endsAt: time + windowMs }
        entries.set(key, entry)
      }
      entry.used += cost
      // Fractions of a millisecond are rounded in the sum: a window must not seem longer than it is.
      return { used: entry.used, resetMs: Math.min(windowMs, entry.endsAt - time) }
    },
  }
}

function makeRoom(entries: Map<string, Entry>, time: number): void {
  const size = entries.size
  for (const [key, entry] of entries) if (entry.endsAt <= time) entries.delete(key)
  if (entries.size < size) return
  // Dropping a tenth at once keeps the walk above rare while the table stays full.
  let left = Math.max(1, Math.floor(size / 10))
  for (const key of entries.keys()) {
    if (left-- === 0) return
    entries.delete(key)
  }
}

const addressKey = (address: string | null): string | null => (address === null ? null : networkOf(address))

/** Whether a rule can be applied before parameters and credentials are known. */
export function isEarly(rule: RateLimitRule): boolean {
  return rule.key === undefined && typeof rule.cost !== 'function'
}

/**
 * Applies rules, all of them, and puts the headers of the tightest on the answer.
 *
 * @throws {XrpcError} 429 `RateLimitExceeded` with `Retry-After`
 */
export async function applyRules(
  rules: readonly RateLimitRule[],
  store: RateLimitStore,
  context: RateLimitContext,
  headers: HeaderRecord,
  onStoreError: (error: unknown) => void,
  onRefused: (rule: string) => void = () => {},
): Promise<void> {
  let tightest: { rule: RateLimitRule; count: RateLimitCount; left: number } | undefined
  for (const rule of rules) {
    const key = rule.key === undefined ? addressKey(context.address) : await rule.key(context)
    const cost = typeof rule.cost === 'function' ? rule.cost(context) : (rule.cost ?? 1)
    if (key === null || cost <= 0) continue
    let count: RateLimitCount
    try {
      // A refused rule must not spend the next one's points.
      count = await store.consume(`${rule.name}:${key}`, cost, rule.windowMs)
    } catch (error) {
      // A store that is down must not take the service down with it.
      onStoreError(error)
      continue
    }
    const left = rule.limit - count.used
    if (tightest === undefined || left / rule.limit < tightest.left / tightest.rule.limit) {
      tightest = { rule, count, left }
    }
    if (left < 0) break
  }
  if (tightest === undefined) return
  const { rule, count, left } = tightest
  const resetSeconds = Math.ceil(count.resetMs / 1000)
  headers[headerNames.rateLimitLimit] = String(rule.limit)
  headers[headerNames.rateLimitRemaining] = String(Math.max(0, left))
  headers[headerNames.rateLimitReset] = String(Math.ceil((Date.now() + count.resetMs) / 1000))
  headers[headerNames.rateLimitPolicy] =
    `${rule.limit};w=${Math.ceil(rule.windowMs / 1000)};name="${rule.name}"`
  if (left < 0) {
    onRefused(rule.name)
    throw new XrpcError(429, 'RateLimitExceeded', 'Rate Limit Exceeded', {
      headers: { 'retry-after': String(resetSeconds) },
    })
  }
}
