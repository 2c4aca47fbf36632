// Which repos there are, and which have records of a collection: the hosts' own lists, read page by page, resumable.
// https://atproto.com/specs/sync#listing-repositories, lexicon com.atproto.sync.listReposByCollection

import type { HostFetch } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { isDid } from '@avocet/syntax'

/** One entry of a list, as far as it was understood. Of those by collection there is the DID alone. */
export type ListedRepo = {
  readonly did: string
  readonly rev: string | null
  readonly active: boolean
  readonly status: string | null
}

/** Asks a host for a page of its list; the cursor is null on the last page. */
export type ListRepos = (
  host: string,
  cursor: string | null,
  signal: AbortSignal,
) => Promise<{ repos: ListedRepo[]; cursor: string | null }>

/** The host does not have the method. */
export class Unsupported extends Error {}

/** Answers to a method that a server does not know: some ask first who it is, as they would pass it on to another. */
const UNKNOWN_METHOD: ReadonlySet<number> = new Set([401, 403, 404, 405, 501])

/** Whether an answer says that its host does not have the method; then its body is let go. */
export async function isUnsupported(response: Response): Promise<boolean> {
  const isSo = UNKNOWN_METHOD.has(response.status)
  if (isSo) await response.body?.cancel()
  return isSo
}

const PAGE = 1000
/** Pages of one list; a list with more is taken to have no end. */
const MAX_PAGES = 100_000
const MAX_CURSOR = 1024
const MAX_BODY_BYTES = 4 * 1024 * 1024
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 5 * 60_000

/** @param fetch guarded against addresses inside the network, redirects included */
export function createListRepos(fetch: HostFetch): ListRepos {
  return (host, cursor, signal) => askPage(fetch, host, 'com.atproto.sync.listRepos', {}, cursor, signal)
}

/**
 * The repos that have records of a collection. What a list says is nobody's word: it says where to look.
 * @param fetch as above
 * @returns lists that throw {@link Unsupported}
 */
export function createListByCollection(fetch: HostFetch): (collection: string) => ListRepos {
  const nsid = 'com.atproto.sync.listReposByCollection'
  return (collection) => (host, cursor, signal) => {
    const asking: HostFetch = async (url, init) => {
      const response = await fetch(url, init)
      if (await isUnsupported(response)) throw new Unsupported(`host=${host} status=${response.status}`)
      return response
    }
    return askPage(asking, host, nsid, { collection }, cursor, signal)
  }
}

async function askPage(
  fetch: HostFetch,
  host: string,
  nsid: string,
  more: Readonly<Record<string, string>>,
  cursor: string | null,
  signal: AbortSignal,
): ReturnType<ListRepos> {
  const params = new URLSearchParams({ ...more, limit: String(PAGE), ...(cursor === null ? {} : { cursor }) })
  const body = (await askJson(fetch, `${host}/xrpc/${nsid}?${params.toString()}`, host, signal)) as {
    repos?: unknown
    cursor?: unknown
  }
  if (!Array.isArray(body.repos)) throw new Error(`host=${host} answer has no repos`)
  const next = typeof body.cursor === 'string' && body.cursor !== '' ? body.cursor : null
  if (next !== null && next.length > MAX_CURSOR) throw new Error(`host=${host} cursor is too long`)
  return { repos: body.repos.slice(0, PAGE).flatMap(toListed), cursor: next }
}

/** An answer of at most 4 MiB, within 30 s. @throws Error with what is wrong */
export async function askJson(
  fetch: HostFetch,
  url: string,
  host: string,
  signal: AbortSignal,
): Promise<object> {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) })
  if (!response.ok || response.body === null) throw new Error(`host=${host} status=${response.status}`)
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Error(`host=${host} answer is too large`)
    parts.push(chunk)
  }
  const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
  if (typeof body !== 'object' || body === null) throw new Error(`host=${host} answer is no object`)
  return body
}

/** What strangers list is taken apart field by field; entries without a valid DID are left out. */
function toListed(entry: unknown): ListedRepo[] {
  if (typeof entry !== 'object' || entry === null) return []
  const { did, rev, active, status } = entry as {
    did?: unknown
    rev?: unknown
    active?: unknown
    status?: unknown
  }
  if (!isDid(did)) return []
  return [
    {
      did,
      rev: typeof rev === 'string' ? rev : null,
      active: active !== false,
      status: typeof status === 'string' ? status.slice(0, 64) : null,
    },
  ]
}

/**
 * Reads a host's whole list from where it was left, calling `onPage` for each page; the place is stored after it. Failures are tried
 * again with growing pauses, until `signal`. A list that goes round, or has no end, is left; so is one when `onPage` says false.
 * @returns whether nothing of it is left to be read
 * @throws Unsupported when the host has no such list
 */
export async function discover(options: {
  readonly db: Database
  readonly host: string
  /** Under which its place is stored. Default: the host. */
  readonly key?: string
  readonly listRepos: ListRepos
  readonly onPage: (repos: readonly ListedRepo[], at: number) => Promise<boolean>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
  readonly signal: AbortSignal
  /** Pages after which the list is taken to have no end. Default 100 000. */
  readonly maxPages?: number
  /** Failures in a row after which it is not tried any more. Default: it is. */
  readonly tries?: number
}): Promise<boolean> {
  const { db, host, key = host, signal, now, maxPages = MAX_PAGES, tries = Infinity } = options
  const row = db.prepare('SELECT cursor FROM discovery WHERE host = ?').get(key)
  let cursor = (row?.['cursor'] as string | null | undefined) ?? null
  const passed = new Set<string>()
  let failures = 0
  while (!signal.aborted) {
    try {
      const at = now()
      const page = await options.listRepos(host, cursor, signal)
      const goesOn = await options.onPage(page.repos, at)
      cursor = goesOn ? page.cursor : null
      if (cursor !== null && (passed.has(cursor) || passed.size >= maxPages)) {
        options.onTrouble(
          `the list of ${host} goes round or has no end; it was left after ${passed.size} pages`,
        )
        cursor = null
      }
      if (cursor !== null) passed.add(cursor)
      const finishedAt = cursor === null ? now() : null
      await db.write(() =>
        db
          .prepare(
            `INSERT INTO discovery (host, cursor, seen, finished_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (host) DO UPDATE SET cursor = excluded.cursor, seen = seen + excluded.seen,
               finished_at = excluded.finished_at`,
          )
          .run(key, cursor, page.repos.length, finishedAt),
      )
      if (cursor === null) return true
      failures = 0
    } catch (error) {
      if (signal.aborted) return false
      if (error instanceof Unsupported) throw error
      options.onTrouble(`cannot list the repos of ${host}, trying again: ${(error as Error).message}`)
      if (++failures >= tries) return false
      await sleep(Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS), signal)
    }
  }
  return false
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
