import { resolveLexicon } from './resolve.ts'
import type { LexiconResolver, LexiconResolverOptions, ResolveResult } from './types.ts'

/** What is known of an NSID: to be asked again after `until`, not to be given at all after `staleUntil`. */
type Entry = { readonly result: ResolveResult; readonly until: number; readonly staleUntil: number }

/**
 * A resolver that remembers: lexicons for `maxAge` (and `maxStale`, while they cannot be resolved afresh), failures for
 * `maxFailureAge`.
 */
export function createLexiconResolver<Key>(options: LexiconResolverOptions<Key>): LexiconResolver {
  const {
    maxAge = 10 * 60_000,
    maxStale = 0,
    maxFailureAge = 30_000,
    maxEntries = 1000,
    timeout = 15_000,
    now = () => performance.now(),
  } = options
  const entries = new Map<string, Entry>()
  const running = new Map<string, Promise<ResolveResult>>()

  async function run(nsid: string): Promise<ResolveResult> {
    const signal = AbortSignal.timeout(timeout)
    let result: ResolveResult
    try {
      // A fetcher that does not heed the signal must not hold up those who wait.
      result = await untilAborted(resolveLexicon(nsid, options, { signal }), signal)
    } catch (error) {
      if (!signal.aborted) throw error
      const message = `took longer than ${timeout} ms; nsid=${nsid.slice(0, 320)}`
      result = { ok: false, error: { code: 'fetch-failed', message, nsid, cause: error } }
    }
    const old = entries.get(nsid)
    const time = now()
    entries.delete(nsid)
    if (result.ok) {
      entries.set(nsid, { result, until: time + maxAge, staleUntil: time + maxAge + maxStale })
    } else if (old?.result.ok && old.staleUntil > time && result.error.code !== 'not-found') {
      result = old.result
      entries.set(nsid, { ...old, until: time + maxFailureAge })
    } else {
      entries.set(nsid, { result, until: time + maxFailureAge, staleUntil: 0 })
    }
    if (entries.size > maxEntries) entries.delete(entries.keys().next().value!)
    return result
  }

  return {
    async resolve(nsid, { signal, forceRefresh = false } = {}) {
      signal?.throwIfAborted()
      // A name that is no NSID is answered at once, and never remembered.
      if (nsid.length > 317) return resolveLexicon(nsid, options, { signal: new AbortController().signal })
      const entry = entries.get(nsid)
      if (entry !== undefined && !forceRefresh && entry.until > now()) {
        entries.delete(nsid)
        entries.set(nsid, entry)
        return entry.result
      }
      let work = running.get(nsid)
      if (work === undefined) {
        work = run(nsid).finally(() => running.delete(nsid))
        running.set(nsid, work)
      }
      return signal === undefined ? work : untilAborted(work, signal)
    },
    purge: (nsid) => void entries.delete(nsid),
  }
}

/** Waits for shared work; an abort ends this wait, not the work. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
