// A repo read whole, and compared with what is stored: creates, updates and deletes.
// Spec: https://atproto.com/specs/sync ("Resynchronization"), lexicon com.atproto.sync.getRepo

import type { VerifySignature } from '@avocet/crypto'
import { type CID, cidEquals } from '@avocet/data'
import { type CarSource, type RepoEntry, RepoError, type RepoReader, readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { ResyncError, type ResyncErrorCode } from './errors.ts'
import type { VerifiedOp } from './events.ts'
import { decodeRecord } from './operations.ts'
import type { Resync, ResyncPart, ResyncRequest } from './options.ts'

/** A record the app has. */
export type StoredRecord = { readonly path: string; readonly cid: CID }

/** Options of {@link createResync}. */
export type CreateResyncOptions = {
  /** Fetches the repo's CAR. @throws ResyncError */
  readonly fetchRepo: (request: ResyncRequest) => Promise<CarSource>
  /** The app's records of this repo in order of path (by code units), only of wanted collections. */
  readonly stored: (did: Did) => Iterable<StoredRecord> | AsyncIterable<StoredRecord>
  /** Collections the app keeps. Default: all. */
  readonly wanted?: (collection: string) => boolean
  /** Operations of a part, at most. Default 500. */
  readonly maxPartOps?: number
  /** Record bytes of a part, about. Default 4 MiB. */
  readonly maxPartBytes?: number
  /** Bytes of the CAR. Default: no bound (memory does not depend on it). */
  readonly maxSize?: number
  readonly verify?: VerifySignature
}

/**
 * A `Resync` for `consume`: the CAR is verified whole while it streams (signature, every hash, the tree's shape), in bounded
 * memory, and compared with what is stored.
 */
export function createResync(options: CreateResyncOptions): Resync {
  const { maxPartOps = 500, maxPartBytes = 4 * 1024 * 1024 } = options
  return async function* resync(request: ResyncRequest): AsyncGenerator<ResyncPart, void, undefined> {
    const { did, identity, repo } = request
    if (identity === null || identity.key === null) {
      throw new ResyncError('fetch-failed', `account has no key to verify with; did=${did}`)
    }
    const source = await options.fetchRepo(request)
    try {
      await using reader = await readRepo(source, {
        did,
        key: identity.key,
        ...(options.verify === undefined ? {} : { verify: options.verify }),
        ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
      })
      const { rev, data, commit } = reader
      if (repo.rev !== null && rev < repo.rev) {
        throw new ResyncError(
          'rev-regression',
          `copy is older than what is stored; rev=${rev} stored=${repo.rev}`,
        )
      }
      let ops: VerifiedOp[] = []
      let bytes = 0
      for await (const op of differences(reader, options.stored(did), options.wanted)) {
        ops.push(op)
        bytes += op.recordBytes?.length ?? 0
        if (ops.length >= maxPartOps || bytes >= maxPartBytes) {
          yield { rev, commit, data, ops, last: false }
          ops = []
          bytes = 0
        }
      }
      yield { rev, commit, data, ops, last: true }
    } catch (cause) {
      if (cause instanceof ResyncError) throw cause
      const invalid = cause instanceof RepoError || (cause instanceof Error && cause.name === 'CarError')
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ResyncError(invalid ? 'invalid-repo' : 'fetch-failed', message, { cause })
    }
  }
}

/** Walks both lists in order of path. */
async function* differences(
  reader: RepoReader,
  stored: Iterable<StoredRecord> | AsyncIterable<StoredRecord>,
  wanted: ((collection: string) => boolean) | undefined,
): AsyncGenerator<VerifiedOp, void, undefined> {
  const known = toCursor(stored)
  try {
    let have = await known.next()
    for await (const batch of reader.batches) {
      for (const entry of batch) {
        while (have !== null && have.path < entry.path) {
          yield toOp('delete', have.path, null, have.cid)
          have = await known.next()
        }
        const same = have !== null && have.path === entry.path ? have : null
        if (wanted === undefined || wanted(collectionOf(entry.path))) {
          if (same === null) yield toOp('create', entry.path, entry, null)
          else if (!cidEquals(same.cid, entry.cid)) yield toOp('update', entry.path, entry, same.cid)
        } else if (same !== null) {
          yield toOp('delete', same.path, null, same.cid)
        }
        if (same !== null) have = await known.next()
      }
    }
    for (; have !== null; have = await known.next()) yield toOp('delete', have.path, null, have.cid)
  } finally {
    await known.close()
  }
}

type Cursor = {
  next(): Promise<StoredRecord | null> | StoredRecord | null
  close(): Promise<void>
}

function toCursor(stored: Iterable<StoredRecord> | AsyncIterable<StoredRecord>): Cursor {
  if (Symbol.iterator in stored) {
    const iterator = stored[Symbol.iterator]()
    return {
      next: () => {
        const step = iterator.next()
        return step.done === true ? null : step.value
      },
      close: async () => void iterator.return?.(),
    }
  }
  const iterator = stored[Symbol.asyncIterator]()
  return {
    next: async () => {
      const step = await iterator.next()
      return step.done === true ? null : step.value
    },
    close: async () => void (await iterator.return?.()),
  }
}

function toOp(
  action: VerifiedOp['action'],
  path: string,
  entry: RepoEntry | null,
  prev: CID | null,
): VerifiedOp {
  const slash = path.indexOf('/')
  return {
    action,
    path,
    collection: path.slice(0, slash),
    rkey: path.slice(slash + 1),
    cid: entry?.cid ?? null,
    record: entry === null ? null : decodeRecord(entry.bytes),
    recordBytes: entry?.bytes ?? null,
    prev,
  }
}

const collectionOf = (path: string): string => path.slice(0, path.indexOf('/'))

/** Options of {@link repoFetcher}. */
export type RepoFetcherOptions = {
  /** Must refuse private addresses when it may be given any host (`createGuardedFetch` of `@avocet/did`). */
  readonly fetch: (
    url: string,
    init: { signal: AbortSignal; headers: Record<string, string> },
  ) => Promise<Response>
  /** Asked first, in order (a relay that mirrors repos): what they do not have is asked of the account's PDS. */
  readonly upstream?: readonly string[]
  /** Until the response begins, ms. Default 30 000. */
  readonly timeoutMs?: number
}

/**
 * Fetches repos by `com.atproto.sync.getRepo`: from upstream first, then from the account's PDS. Only the PDS can say that a
 * repo is gone for good.
 */
export function repoFetcher(options: RepoFetcherOptions): CreateResyncOptions['fetchRepo'] {
  return async ({ did, identity, signal }) => {
    let failure: ResyncError | null = null
    for (const host of options.upstream ?? []) {
      try {
        return await fetchFrom(host, did, options, signal)
      } catch (error) {
        if (!(error instanceof ResyncError)) throw error
        failure = error
      }
    }
    if (identity?.pds) return fetchFrom(identity.pds, did, options, signal)
    throw failure?.code === 'fetch-failed'
      ? failure
      : new ResyncError(
          'fetch-failed',
          `account has no PDS; did=${did}`,
          failure === null ? {} : { cause: failure },
        )
  }
}

const GONE: ReadonlyMap<string, ResyncErrorCode> = new Map([
  ['RepoNotFound', 'repo-not-found'],
  ['RepoTakendown', 'repo-takendown'],
  ['RepoSuspended', 'repo-suspended'],
  ['RepoDeactivated', 'repo-deactivated'],
])

async function fetchFrom(
  host: string,
  did: Did,
  options: RepoFetcherOptions,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const url = new URL('/xrpc/com.atproto.sync.getRepo', host)
  url.searchParams.set('did', did)
  // Only until the response begins: a large repo may take its time.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), options.timeoutMs ?? 30_000)
  let response: Response
  try {
    response = await options.fetch(url.href, {
      signal: AbortSignal.any([signal, late.signal]),
      headers: { accept: 'application/vnd.ipld.car' },
    })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ResyncError('fetch-failed', `repo could not be fetched; host=${url.host} ${message}`, { cause })
  } finally {
    clearTimeout(timer)
  }
  if (response.ok && response.body !== null) return response.body
  const retryAfterMs = Number(response.headers.get('retry-after')) * 1000
  const name = await errorName(response)
  const code = (name === null ? undefined : GONE.get(name)) ?? 'fetch-failed'
  throw new ResyncError(
    code,
    `host does not give the repo; host=${url.host} status=${response.status} error=${name ?? 'none'}`,
    retryAfterMs > 0 ? { retryAfterMs: Math.min(retryAfterMs, 86_400_000) } : {},
  )
}

/** The name in an error body of at most 64 KiB. */
async function errorName(response: Response): Promise<string | null> {
  if (response.body === null) return null
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > 65_536) break
    }
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null || !('error' in body)) return null
    return typeof body.error === 'string' ? body.error : null
  } catch {
    return null
  }
}
