// A repo read whole, and compared with what is stored: creates, updates and deletes.
// Spec: https://atproto.com/specs/sync ("Resynchronization"), lexicon com.atproto.sync.getRepo

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type CID, cidEquals } from '@avocet/data'
import { type CarSource, type RepoEntry, RepoError, type RepoReader, readRepo } from '@avocet/repo'
import type { Did, Tid } from '@avocet/syntax'
import { type CopyHost, readCopies } from './copies.ts'
import { ResyncError } from './errors.ts'
import type { VerifiedOp } from './events.ts'
import { decodeRecord } from './operations.ts'
import type { Resync, ResyncPart, ResyncRequest } from './options.ts'

/** A record the app has. */
export type StoredRecord = { readonly path: string; readonly cid: CID }

/** Options of {@link createResync}. */
export type CreateResyncOptions = {
  /** Fetches the repo's CAR, or names the hosts that may have it, in the order to ask them. @throws ResyncError */
  readonly fetchRepo: (request: ResyncRequest) => Promise<CarSource> | readonly CopyHost<CarSource>[]
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

  async function* read(
    did: Did,
    key: PublicKey,
    source: CarSource,
    least: Tid | null,
  ): AsyncGenerator<ResyncPart, void, undefined> {
    try {
      await using reader = await readRepo(source, {
        did,
        key,
        ...(options.verify === undefined ? {} : { verify: options.verify }),
        ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
      })
      const { rev, data, commit } = reader
      if (least !== null && rev < least) {
        throw new ResyncError('rev-regression', `copy is older than what is known; rev=${rev} known=${least}`)
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

  return (request) => {
    const { did, identity } = request
    const key = identity?.key ?? null
    if (key === null) return keyless(did)
    const from = options.fetchRepo(request)
    const hosts = from instanceof Promise ? [{ own: true, open: () => from }] : from
    return readCopies(request, hosts, (source, least) => read(did, key, source, least))
  }
}

// oxlint-disable-next-line require-yield -- it fails before its first part
async function* keyless(did: Did): AsyncGenerator<ResyncPart, void, undefined> {
  throw new ResyncError('fetch-failed', `account has no key to verify with; did=${did}`)
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
