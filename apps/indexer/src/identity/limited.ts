// Look-ups that strangers cause: so many at once, so many a second.

import { type CachedDidResolver, DidError, type DidResolver, type HandleResolver } from '@avocet/did'

/** How many. */
type Rate = { readonly perSecond: number; readonly burst: number }

/** The host that is asked is one that the asker names. */
const HANDLES: Rate = { perSecond: 5, burst: 50 }
/** The directory is everybody's, and what follows the stream needs it too. */
const DOCUMENTS: Rate = { perSecond: 20, burst: 200 }

/** A resolver that fails with `throttled` (a failure that passes) when it is asked too much. `now`: ms since the epoch. */
export function limitHandles(next: HandleResolver, now: () => number): HandleResolver {
  const isOver = createLimit(HANDLES, now)
  return {
    resolve: async (handle, options) => (isOver() ? throttled(handle) : next.resolve(handle, options)),
  }
}

/** The same for documents; those that are at hand cost nothing. */
export function limitDocuments(next: CachedDidResolver, now: () => number): DidResolver {
  const isOver = createLimit(DOCUMENTS, now)
  return {
    resolve: async (did, options) =>
      !next.isFresh(did) && isOver() ? throttled(did) : next.resolve(did, options),
  }
}

function createLimit({ perSecond, burst }: Rate, now: () => number): () => boolean {
  let tokens = burst
  let filledAt = now()
  return () => {
    tokens = Math.min(burst, tokens + ((now() - filledAt) * perSecond) / 1000)
    filledAt = now()
    if (tokens < 1) return true
    tokens--
    return false
  }
}

function throttled(name: string): { ok: false; error: DidError } {
  return { ok: false, error: new DidError('throttled', `too many are looked up; name=${name}`) }
}
