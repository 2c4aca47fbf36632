// Keys and hosts of accounts: cached, refreshed when there is reason to, never more often than allowed.

import type { Did } from '@avocet/syntax'
import { createBuckets } from './buckets.ts'
import { createLru } from './lru.ts'
import type { ResolvedIdentity, ResolveKey } from './options.ts'

/** An identity, or why there is none. */
export type IdentityResult =
  | { readonly ok: true; readonly identity: ResolvedIdentity }
  | { readonly ok: false; readonly gone: boolean; readonly message: string }

/** What the cache of identities needs. */
export type IdentitiesOptions = {
  readonly resolveKey: ResolveKey
  readonly now: () => number
  readonly maxEntries: number
  /** How long an answer is used without asking again, ms; and the answer that there is no such DID. */
  readonly ttlMs: number
  readonly goneTtlMs: number
  /** Least time between two forced refreshes of one DID for one reason, ms. */
  readonly refreshMs: number
  /** Waits between tries of a failing resolution, ms. */
  readonly retryMs: readonly number[]
  readonly wait: (ms: number) => Promise<void>
  readonly signal: AbortSignal
}

/** Why an identity is asked for anew. Each reason has a limit of its own, so that what one causes does not use up another's. */
export type RefreshReason = 'host' | 'key' | 'check'

/** The identities of a consumer. */
export type Identities = {
  /** From the cache when it is fresh. Synchronous then, so that the common case costs no turn of the event loop. */
  get(did: Did): IdentityResult | Promise<IdentityResult>
  /** Asked anew, past every cache; null when this DID was refreshed for that reason too short a time ago. */
  refresh(did: Did, reason: RefreshReason): Promise<IdentityResult> | null
  /** When `refresh` will be allowed again, ms since the epoch; null: now. */
  refreshableAt(did: Did, reason: RefreshReason): number | null
  /** As `refresh`, for an `#identity`: some at once are allowed. */
  renew(did: Did): Promise<IdentityResult> | null
  /** When `renew` will be allowed again, ms since the epoch; null: now. */
  renewableAt(did: Did): number | null
  /** How many resolutions were asked for, and how many of them by force. */
  readonly counts: { resolved: number; refreshed: number }
}

type Entry = { readonly result: IdentityResult; readonly at: number }

/** Changes of one identity in a row that are followed at once. */
const RENEWALS_AT_ONCE = 4

/** An empty cache. */
export function createIdentities(options: IdentitiesOptions): Identities {
  const { now, refreshMs, maxEntries } = options
  const cache = createLru<Did, Entry>(maxEntries)
  const asking = new Map<Did, Promise<IdentityResult>>()
  const counts = { resolved: 0, refreshed: 0 }
  const buckets = {
    host: createBuckets<Did>(1, refreshMs, maxEntries, now),
    key: createBuckets<Did>(1, refreshMs, maxEntries, now),
    check: createBuckets<Did>(1, refreshMs, maxEntries, now),
  }
  const renewals = createBuckets<Did>(RENEWALS_AT_ONCE, refreshMs, maxEntries, now)

  const stopped = (): DOMException => new DOMException('consumer was stopped', 'AbortError')

  /** A resolver that does not listen to the signal must not keep the consumer from stopping. */
  const untilStopped = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((settle, reject) => {
      const onAbort = (): void => reject(stopped())
      options.signal.addEventListener('abort', onAbort, { once: true })
      answer.then(settle, reject).finally(() => options.signal.removeEventListener('abort', onAbort))
    })

  /** @throws DOMException `AbortError` when the consumer stops: nothing is known then, and nothing must be concluded from that. */
  const resolve = async (did: Did, forceRefresh: boolean): Promise<IdentityResult> => {
    counts.resolved++
    let message = ''
    for (let attempt = 0; ; attempt++) {
      if (options.signal.aborted) throw stopped()
      try {
        const identity = await untilStopped(options.resolveKey(did, { forceRefresh, signal: options.signal }))
        const result: IdentityResult =
          identity === null
            ? { ok: false, gone: true, message: `DID not found; did=${did}` }
            : { ok: true, identity }
        cache.set(did, { result, at: now() })
        return result
      } catch (error) {
        message = error instanceof Error ? error.message : String(error)
      }
      if (options.signal.aborted) throw stopped()
      const pause = options.retryMs[attempt]
      if (pause === undefined) return { ok: false, gone: false, message }
      await options.wait(pause)
    }
  }

  /** Who asks while somebody does gets the same answer. */
  const ask = (did: Did): Promise<IdentityResult> => {
    const known = asking.get(did)
    if (known !== undefined) return known
    const answer = resolve(did, false).finally(() => asking.delete(did))
    asking.set(did, answer)
    return answer
  }

  const force = (did: Did): Promise<IdentityResult> => {
    counts.refreshed++
    cache.delete(did)
    return resolve(did, true)
  }

  const ttlOf = ({ result }: Entry): number => (result.ok || !result.gone ? options.ttlMs : options.goneTtlMs)

  return {
    counts,
    get(did) {
      const entry = cache.get(did)
      if (entry !== undefined && now() - entry.at < ttlOf(entry)) return entry.result
      return ask(did)
    },
    refresh: (did, reason) => (buckets[reason].take(did) ? force(did) : null),
    refreshableAt: (did, reason) => buckets[reason].readyAt(did),
    renew: (did) => (renewals.take(did) ? force(did) : null),
    renewableAt: (did) => renewals.readyAt(did),
  }
}
