import type { Result } from '@avocet/syntax'

import type { FetchedJson, FetchFailure } from './fetch-json.ts'

/** What was read of a document, and when it was fetched, in ms since 1970. */
export interface CachedDocument<T> {
  readonly value: T
  readonly fetchedAt: number
}

/** Why there is none: as the fetch says, or `busy` where too many are fetched already. */
export interface DocumentFailure {
  readonly code: FetchFailure['code'] | 'busy'
  readonly message: string
}

/** Documents of strangers by their URL. */
export interface DocumentCache<T> {
  /** What is at hand, if it is young enough. */
  known(url: string): Result<CachedDocument<T>, DocumentFailure> | undefined
  /** Fetches it, once for all who ask meanwhile. */
  fetch(url: string): Promise<Result<CachedDocument<T>, DocumentFailure>>
}

/** What {@link createDocumentCache} needs. */
export interface DocumentCacheOptions<T> {
  readonly load: (url: string) => Promise<Result<FetchedJson, FetchFailure>>
  /** What the document says, or the rule that it breaks. */
  readonly read: (url: string, document: unknown) => Result<T, string>
  readonly now: () => number
  /** Bytes of text that what is kept stands for. */
  readonly maxBytes: number
  /** Fetches at once; of one host, a sixteenth. */
  readonly maxFetches: number
}

/** Good documents, in ms: the keys that a client takes back must be of no use soon. */
const GOOD_FOR = 600_000
/** Answers that are no document, in ms: long enough that nobody makes this server ask a host all the time. */
const BAD_FOR = 5000
/** What an entry weighs beside its document. */
const ENTRY = 1000

type Entry<T> = {
  readonly result: Result<CachedDocument<T>, DocumentFailure>
  readonly until: number
  readonly bytes: number
}

/** A cache in memory: those used last stay. What could not be reached is not remembered. */
export function createDocumentCache<T>(options: DocumentCacheOptions<T>): DocumentCache<T> {
  const { load, read, now, maxBytes, maxFetches } = options
  const maxPerHost = Math.max(1, Math.floor(maxFetches / 16))
  const entries = new Map<string, Entry<T>>()
  const running = new Map<string, Promise<Result<CachedDocument<T>, DocumentFailure>>>()
  const perHost = new Map<string, number>()
  let kept = 0

  const drop = (url: string): void => {
    kept -= entries.get(url)?.bytes ?? 0
    entries.delete(url)
  }
  const keep = (url: string, entry: Entry<T>): void => {
    drop(url)
    entries.set(url, entry)
    kept += entry.bytes
    for (const oldest of entries.keys()) {
      if (kept <= maxBytes) return
      drop(oldest)
    }
  }

  const run = async (url: string): Promise<Result<CachedDocument<T>, DocumentFailure>> => {
    const fetched = await load(url)
    const fetchedAt = now()
    if (!fetched.ok) {
      if (fetched.error.code === 'bad-answer') {
        keep(url, { result: fetched, until: fetchedAt + BAD_FOR, bytes: ENTRY })
      }
      return fetched
    }
    const { value: document, bytes } = fetched.value
    const found = read(url, document)
    if (!found.ok) {
      const result = { ok: false, error: { code: 'bad-answer', message: found.error } } as const
      keep(url, { result, until: fetchedAt + BAD_FOR, bytes: ENTRY })
      return result
    }
    const result = { ok: true, value: { value: found.value, fetchedAt } } as const
    keep(url, { result, until: fetchedAt + GOOD_FOR, bytes: bytes + ENTRY })
    return result
  }

  return {
    known: (url) => {
      const entry = entries.get(url)
      if (entry === undefined) return undefined
      if (entry.until <= now()) {
        drop(url)
        return undefined
      }
      entries.delete(url)
      entries.set(url, entry)
      return entry.result
    },
    fetch: (url) => {
      const before = running.get(url)
      if (before !== undefined) return before
      const { host } = new URL(url)
      const ofHost = perHost.get(host) ?? 0
      if (running.size >= maxFetches || ofHost >= maxPerHost) {
        const error = { code: 'busy', message: 'too many documents of clients are fetched already' } as const
        return Promise.resolve({ ok: false, error })
      }
      perHost.set(host, ofHost + 1)
      const fetching = run(url).finally(() => {
        running.delete(url)
        const left = perHost.get(host)! - 1
        if (left === 0) perHost.delete(host)
        else perHost.set(host, left)
      })
      running.set(url, fetching)
      return fetching
    },
  }
}
