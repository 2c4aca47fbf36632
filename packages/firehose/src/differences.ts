// What a repo has and the app has not, and the other way round, as operations in parts.
// Spec: https://atproto.com/specs/sync ("Resynchronization")

import { type CID, cidEquals } from '@avocet/data'
import type { EncodedEntry } from '@avocet/repo'
import { type Content, type ContentLimits, type ContentReader, createContentReader } from './content.ts'
import type { VerifiedOp } from './events.ts'

/** A record the app has. */
export type StoredRecord = { readonly path: string; readonly cid: CID }

/** Some of the operations, in order of path. */
export type PartOfDifferences = { readonly ops: readonly VerifiedOp[]; readonly last: boolean }

/** How large a part may become. */
export type PartBounds = {
  readonly maxOps: number
  /** Record bytes, about, each record counted once. */
  readonly maxBytes: number
  /** What records may expand to; of a commit's, those of a part. */
  readonly limits: ContentLimits
}

/**
 * Walks both lists in order of path. There is a last part in any case, which may be empty.
 * @param batches the records of the repo: with those that come together no time is lost between them
 * @param stored the records of the app
 */
export async function* differences(
  batches: AsyncIterable<readonly EncodedEntry[]>,
  stored: Iterable<StoredRecord> | AsyncIterable<StoredRecord>,
  wanted: (collection: string) => boolean,
  { maxOps, maxBytes, limits }: PartBounds,
): AsyncGenerator<PartOfDifferences, void, undefined> {
  const known = toCursor(stored)
  let ops: VerifiedOp[] = []
  let content: ContentReader = createContentReader(limits)
  // One more record may take what is left, but none is too costly because of those before it.
  const isFull = (): boolean =>
    ops.length >= maxOps ||
    content.bytes >= maxBytes ||
    content.items + limits.maxRecordItems > limits.maxCommitItems
  const take = (): readonly VerifiedOp[] => {
    const taken = ops
    ops = []
    content = createContentReader(limits)
    return taken
  }
  try {
    let have = await known.next()
    for await (const batch of batches) {
      for (const entry of batch) {
        const { path, cid } = entry
        while (have !== null && have.path < path) {
          ops.push(toDelete(have))
          have = await known.next()
          if (isFull()) yield { ops: take(), last: false }
        }
        const same = have !== null && have.path === path ? have : null
        const slash = path.indexOf('/')
        const collection = path.slice(0, slash)
        if (!wanted(collection)) {
          if (same !== null) ops.push(toDelete(same))
        } else if (same === null || !cidEquals(same.cid, cid)) {
          const read = content.read(cid, entry.bytes)
          ops.push(toWrite(entry, collection, path.slice(slash + 1), same?.cid ?? null, read))
        }
        if (same !== null) have = await known.next()
        if (isFull()) yield { ops: take(), last: false }
      }
    }
    while (have !== null) {
      ops.push(toDelete(have))
      have = await known.next()
      if (isFull()) yield { ops: take(), last: false }
    }
    yield { ops, last: true }
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

function toDelete({ path, cid }: StoredRecord): VerifiedOp {
  const slash = path.indexOf('/')
  return {
    action: 'delete',
    path,
    collection: path.slice(0, slash),
    rkey: path.slice(slash + 1),
    cid: null,
    record: null,
    recordBytes: null,
    prev: cid,
  }
}

function toWrite(
  { path, cid, isRepeat = false }: EncodedEntry,
  collection: string,
  rkey: string,
  prev: CID | null,
  { bytes, record, unread, isRepeat: wasRead }: Content,
): VerifiedOp {
  return {
    action: prev === null ? 'create' : 'update',
    path,
    collection,
    rkey,
    cid,
    record,
    recordBytes: bytes,
    prev,
    ...(unread === null ? {} : { unread }),
    ...(isRepeat || wasRead ? { isRepeat: true } : {}),
  }
}
