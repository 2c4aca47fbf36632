// Keys and hosts of accounts: cached, refreshed when there is reason to, never more often than allowed.

import type { Did } from '@avocet/syntax'
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
  /** Least time between two forced refreshes of one DID, ms. */
  readonly refreshMs: number
  /** Waits between tries of a failing resolution, ms. */
  readonly retryMs: readonly number[]
  readonly wait: (ms: number) => Promise<void>
  readonly signal: AbortSignal
}

/** The identities of a consumer. */
export type Identities = {
  /** From the cache when it is fresh. Synchronous then, so that the common case costs no turn of the event loop. */
  get(did: Did): IdentityResult | Promise<IdentityResult>
  /** Asked anew, past every cache; null when this DID was refreshed too short a time ago. */
  refresh(did: Did): Promise<IdentityResult> | null
  /** When `refresh` will be allowed again, ms since the epoch; null: now. */
  refreshableAt(did: Did): number | null
  /** Forgets what is cached and asks anew; waits until the rate limit allows it. */
  renew(did: Did): Promise<IdentityResult>
  /** How many resolutions were asked for, and how many of them by force. */
  readonly counts: { resolved: number; refreshed: number }
}

type Entry = { readonly result: IdentityResult; readonly at: number }

/** An empty cache. */
export function createIdentities(options: IdentitiesOptions): Identities {
  const { now, refreshMs } = options
  const cache = createLru<Did, Entry>(options.maxEntries)
  const refreshedAt = createLru<Did, number>(options.maxEntries)
  const counts = { resolved: 0, refreshed: 0 }

  const resolve = async (did: Did, forceRefresh: boolean): Promise<IdentityResult> => {
    counts.resolved++
    let message = ''
    for (let attempt = 0; ; attempt++) {
      try {
        const identity = await options.resolveKey(did, { forceRefresh, signal: options.signal })
        const result: IdentityResult =
          identity === null
            ? { ok: false, gone: true, message: `DID not found; did=${did}` }
            : { ok: true, identity }
        cache.set(did, { result, at: now() })
        return result
      } catch (error) {
        message = error instanceof Error ? error.message : String(error)
      }
      const pause = options.retryMs[attempt]
      if (pause === undefined || options.signal.aborted) return { ok: false, gone: false, message }
      await options.wait(pause)
    }
  }

  const force = (did: Did): Promise<IdentityResult> => {
    refreshedAt.set(did, now())
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
      return resolve(did, false)
    },
    refresh(did) {
      const last = refreshedAt.get(did)
      if (last !== undefined && now() - last < refreshMs) return null
      return force(did)
    },
    refreshableAt(did) {
      const last = refreshedAt.get(did)
      return last === undefined || now() - last >= refreshMs ? null : last + refreshMs
    },
    async renew(did) {
      cache.delete(did)
      const last = refreshedAt.get(did)
      const pause = last === undefined ? 0 : last + Math.min(refreshMs, MAX_RENEW_WAIT_MS) - now()
      if (pause > 0) await options.wait(pause)
      return force(did)
    },
  }
}

/** An `#identity` says that something changed: it waits at most this long behind the last refresh. */
const MAX_RENEW_WAIT_MS = 2000
