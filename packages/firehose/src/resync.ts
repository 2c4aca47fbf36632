// A repo read whole, and compared with what is stored: creates, updates and deletes.
// Spec: https://atproto.com/specs/sync ("Resynchronization"), lexicon com.atproto.sync.getRepo

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type CID, cidEquals } from '@avocet/data'
import {
  type ByteBudget,
  type CarSource,
  type RepoEntry,
  RepoError,
  type RepoReader,
  readRepo,
} from '@avocet/repo'
import type { Did, Tid } from '@avocet/syntax'
import { type ContentLimits, type ContentReader, createContentReader } from './content.ts'
import { type CopyHost, readCopies, type RepoCopy } from './copies.ts'
import { ResyncError } from './errors.ts'
import type { VerifiedOp } from './events.ts'
import type { Resync, ResyncPart, ResyncRequest } from './options.ts'
import { DEFAULT_POLICY } from './policy.ts'

/** A record the app has. */
export type StoredRecord = { readonly path: string; readonly cid: CID }

/** Options of {@link createResync}. */
export type CreateResyncOptions = {
  /** Fetches the repo's CAR, or names the hosts that may have it, in the order to ask them. @throws ResyncError */
  readonly fetchRepo: (request: ResyncRequest) => Promise<CarSource> | readonly CopyHost<RepoCopy>[]
  /** The app's records of this repo in order of path (by code units), only of wanted collections. */
  readonly stored: (did: Did) => Iterable<StoredRecord> | AsyncIterable<StoredRecord>
  /** Collections the app keeps. Default: all. */
  readonly wanted?: (collection: string) => boolean
  /** Operations of a part, at most. Default 500. */
  readonly maxPartOps?: number
  /** Record bytes of a part, about, each record counted once. Default 4 MiB. */
  readonly maxPartBytes?: number
  /** Bytes of the CAR. Default: no bound (memory does not depend on it). */
  readonly maxSize?: number
  /** Bytes of blocks that come before their turn, over all exports in flight (`createByteBudget` of `@avocet/repo`). Default: 256 MiB each. */
  readonly budget?: ByteBudget
  /** Bounds of what records expand to; of a commit's, those of a part. Default: those of the verifier. */
  readonly limits?: ContentLimits
  readonly verify?: VerifySignature
}

/**
 * A `Resync` for `consume`: the CAR is verified whole while it streams (signature, every hash, the tree's shape), in bounded
 * memory, and compared with what is stored.
 */
export function createResync(options: CreateResyncOptions): Resync {
  const { maxPartOps = 500, maxPartBytes = 4 * 1024 * 1024, limits = DEFAULT_POLICY } = options

  async function* read(
    did: Did,
    key: PublicKey,
    { car, block }: RepoCopy,
    least: Tid | null,
  ): AsyncGenerator<ResyncPart, void, undefined> {
    try {
      await using reader = await readRepo(car, {
        did,
        key,
        ...(options.verify === undefined ? {} : { verify: options.verify }),
        ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
        ...(options.budget === undefined ? {} : { budget: options.budget }),
        ...(block === undefined ? {} : { recall: block }),
      })
      const { rev, data, commit } = reader
      if (least !== null && rev < least) {
        throw new ResyncError('rev-regression', `copy is older than what is known; rev=${rev} known=${least}`)
      }
      let ops: VerifiedOp[] = []
      let content = createContentReader(limits)
      const decode: ContentReader['read'] = (cid, bytes) => content.read(cid, bytes)
      for await (const op of differences(reader, options.stored(did), options.wanted, decode)) {
        ops.push(op)
        // One more record may take what is left, but none is too costly because of those before it.
        const isFull = content.items + limits.maxRecordItems > limits.maxCommitItems
        if (ops.length >= maxPartOps || content.bytes >= maxPartBytes || isFull) {
          yield { rev, commit, data, ops, last: false }
          ops = []
          content = createContentReader(limits)
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
    const open = async (): Promise<RepoCopy> => ({ car: await (from as Promise<CarSource>) })
    const hosts = from instanceof Promise ? [{ own: true, open }] : from
    return readCopies(request, hosts, (copy, least) => read(did, key, copy, least))
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
  read: ContentReader['read'],
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
          if (same === null) yield toOp('create', entry.path, entry, null, read)
          else if (!cidEquals(same.cid, entry.cid)) yield toOp('update', entry.path, entry, same.cid, read)
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
  read?: ContentReader['read'],
): VerifiedOp {
  const slash = path.indexOf('/')
  const content = entry === null ? null : (read?.(entry.cid, entry.bytes) ?? null)
  return {
    action,
    path,
    collection: path.slice(0, slash),
    rkey: path.slice(slash + 1),
    cid: entry?.cid ?? null,
    record: content?.record ?? null,
    recordBytes: entry?.bytes ?? null,
    prev,
    ...(content?.unread ? { unread: content.unread } : {}),
    ...(entry?.isRepeat || content?.isRepeat ? { isRepeat: true } : {}),
  }
}

const collectionOf = (path: string): string => path.slice(0, path.indexOf('/'))
