// Keys and hosts of accounts: cached, refreshed when there is reason to, never more often than allowed.

import type { Did } from '@avocet/syntax'
import { createBuckets } from './buckets.ts'
import { createLru } from './lru.ts'
import { createNewcomers } from './newcomers.ts'
import type { ResolvedIdentity, ResolveKey } from './options.ts'
import { createUntilStopped, stopped } from './until-stopped.ts'

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
export type RefreshReason = 'host' | 'key' | 'check' | 'status'

/** The identities of a consumer. */
export type Identities = {
  /**
   * From the cache when it is fresh. Synchronous then, so that the common case costs no turn of the event loop. `newIn`: the source
   * whose event it is, when nothing is stored of the account; the look-up waits in that source's line then. So below.
   */
  get(did: Did, newIn?: string | null): IdentityResult | Promise<IdentityResult>
  /** Whether `get` would have to wait, and as many wait as may. */
  isCrowded(did: Did, newIn: string): boolean
  /** Asked anew, past every cache; null when this DID was refreshed for that reason too short a time ago. */
  refresh(did: Did, reason: RefreshReason, newIn?: string | null): Promise<IdentityResult> | null
  /** When `refresh` will be allowed again, ms since the epoch; null: now. */
  refreshableAt(did: Did, reason: RefreshReason): number | null
  /** As `refresh`, for an `#identity`: some at once are allowed. */
  renew(did: Did, newIn?: string | null): Promise<IdentityResult> | null
  /** When `renew` will be allowed again, ms since the epoch; null: now. */
  renewableAt(did: Did): number | null
  /** How many resolutions were asked for, and how many of them by force. */
  readonly counts: { resolved: number; refreshed: number }
}

type Entry = { readonly result: IdentityResult; readonly at: number }

/** Changes of one identity, or of its account's status, in a row that are followed at once. */
const RENEWALS_AT_ONCE = 4

/** An empty cache. */
export function createIdentities(options: IdentitiesOptions): Identities {
  const { now, refreshMs, maxEntries } = options
  const cache = createLru<Did, Entry>(maxEntries)
  const asking = new Map<string, Promise<IdentityResult>>()
  /** A resolver that does not listen to the signal must not keep the consumer from stopping. */
  const untilStopped = createUntilStopped(options.signal)
  const newcomers = createNewcomers(options.signal)
  const counts = { resolved: 0, refreshed: 0 }
  const buckets = {
    host: createBuckets<Did>(1, refreshMs, maxEntries, now),
    key: createBuckets<Did>(1, refreshMs, maxEntries, now),
    check: createBuckets<Did>(1, refreshMs, maxEntries, now),
    status: createBuckets<Did>(RENEWALS_AT_ONCE, refreshMs, maxEntries, now),
  }
  const renewals = createBuckets<Did>(RENEWALS_AT_ONCE, refreshMs, maxEntries, now)

  const ttlOf = ({ result }: Entry): number => (result.ok || !result.gone ? options.ttlMs : options.goneTtlMs)

  const fresh = (did: Did): IdentityResult | null => {
    const entry = cache.get(did)
    return entry !== undefined && now() - entry.at < ttlOf(entry) ? entry.result : null
  }

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

  /** Who asks while somebody does gets the same answer; what waits in a source's line holds up nobody else. */
  const ask = (did: Did, newIn: string | null): Promise<IdentityResult> => {
    const name = newIn === null ? did : `${newIn} ${did}`
    const known = asking.get(name)
    if (known !== undefined) return known
    const asked =
      newIn === null ? resolve(did, false) : newcomers.run(newIn, did, () => fresh(did) ?? ask(did, null))
    const answer = asked.finally(() => asking.delete(name))
    asking.set(name, answer)
    return answer
  }

  const force = (did: Did, newIn: string | null): Promise<IdentityResult> => {
    const refresh = (): Promise<IdentityResult> => {
      counts.refreshed++
      cache.delete(did)
      return resolve(did, true)
    }
    return newIn === null ? refresh() : newcomers.run(newIn, did, refresh)
  }

  return {
    counts,
    get: (did, newIn = null) => fresh(did) ?? ask(did, newIn),
    isCrowded: (did, newIn) => newcomers.isFull(newIn) && fresh(did) === null,
    refresh: (did, reason, newIn = null) => (buckets[reason].take(did) ? force(did, newIn) : null),
    refreshableAt: (did, reason) => buckets[reason].readyAt(did),
    renew: (did, newIn = null) => (renewals.take(did) ? force(did, newIn) : null),
    renewableAt: (did) => renewals.readyAt(did),
  }
}
