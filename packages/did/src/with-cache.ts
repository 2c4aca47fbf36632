import { isDid, normalizeHandle, type Did, type Handle } from '@avocet/syntax'
import { createCache, type CacheOptions } from './cache.ts'
import { parseDidDocument, type DidDocument } from './document.ts'
import type { DidResolver } from './did-resolver.ts'
import type { HandleResolver } from './handle-resolver.ts'

/** A resolver that remembers. */
export interface CachedDidResolver extends DidResolver {
  /** Whether the answer is in memory, so that nobody is asked for it: for limits on what is asked. */
  isFresh(did: Did): boolean
  /** Forgets a DID everywhere; an answer already under way is not kept. */
  purge(did: Did): void
}

/** A resolver that remembers. */
export interface CachedHandleResolver extends HandleResolver {
  /** Whether the answer is in memory, so that nobody is asked for it: for limits on what is asked. */
  isFresh(handle: Handle): boolean
  /** Forgets a handle everywhere; an answer already under way is not kept. */
  purge(handle: Handle): void
}

/**
 * Remembers documents: given from memory until they are stale, then given while they are renewed, then asked for anew.
 * One request per DID at a time, however many ask. Failures are remembered for a short while.
 */
export function withCache(resolver: DidResolver, options: CacheOptions = {}): CachedDidResolver {
  const revive = (json: unknown): DidDocument | null => {
    const parsed = parseDidDocument(json)
    return parsed.ok ? parsed.value : null
  }
  return createCache((did) => resolver.resolve(did as Did), revive, options)
}

/** {@link withCache} for handles. */
export function withHandleCache(resolver: HandleResolver, options: CacheOptions = {}): CachedHandleResolver {
  const revive = (json: unknown): Did | null => (isDid(json) ? json : null)
  const cache = createCache((handle) => resolver.resolve(handle as Handle), revive, options)
  return {
    resolve: (handle, asked) => cache.resolve(normalizeHandle(handle), asked),
    isFresh: (handle) => cache.isFresh(normalizeHandle(handle)),
    purge: (handle) => cache.purge(normalizeHandle(handle)),
  }
}
