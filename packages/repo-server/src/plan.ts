import { findBlobs, formatCid, type DataObject } from '@avocet/data'
import { MAX_WRITES, prepareWrite, type Write } from '@avocet/repo'
import type { Did, Nsid } from '@avocet/syntax'

import type { BlobClaim, RecordChange } from './change.ts'
import { RepoServerError } from './error.ts'
import { recordLinks } from './links.ts'
import type { Awaitable, RecordReads, RecordRow } from './store.ts'

/** Whether a record's lexicon is known and obeyed; absent when the client asked not to check. */
export type ValidationStatus = 'valid' | 'unknown' | undefined

/** A record that may be written. */
export interface CheckedRecord {
  readonly record: DataObject
  readonly status: ValidationStatus
  /** CIDs of the blobs it refers to. */
  readonly blobs: readonly string[]
}

/** One change to a repository, its record already checked. */
export type RecordWrite =
  | {
      readonly action: 'create'
      readonly collection: string
      readonly rkey: string
      readonly record: CheckedRecord
      /** Replaces what already links to the same subject: as many as the commit has room for, the rest with the next. */
      readonly dedupe?: boolean
    }
  | {
      /** `put` creates or updates; `update` wants the record to be there. */
      readonly action: 'put' | 'update'
      readonly collection: string
      readonly rkey: string
      readonly record: CheckedRecord
      readonly swapRecord?: string | null | undefined
    }
  | {
      /** `discard` does nothing when there is no such record; `delete` wants it to be there. */
      readonly action: 'discard' | 'delete'
      readonly collection: string
      readonly rkey: string
      readonly swapRecord?: string | null | undefined
    }

/** One operation of a commit, and its record. */
export interface Step {
  readonly write: Write
  readonly collection: string
  readonly rkey: string
  readonly record: CheckedRecord | null
}

/** What some writes come to, by the rows as they stand. */
export interface Plan {
  readonly steps: readonly Step[]
  /** One per write: the record's CID, null for a deletion. */
  readonly cids: readonly (string | null)[]
}

/** The rows that writes are planned on. */
export interface PlanReads extends Pick<RecordReads, 'linking'> {
  get(did: Did, collection: string, rkey: string): Awaitable<Pick<RecordRow, 'cid'> | null>
}

/**
 * Turns what was asked into operations.
 * @throws RepoServerError `invalid-request` for two writes to one record, `invalid-swap`, `record-exists`, `record-not-found`;
 *   RepoError of `prepareWrite`
 */
export async function planWrites(
  did: Did,
  writes: readonly RecordWrite[],
  records: PlanReads,
): Promise<Plan> {
  const steps: Step[] = []
  const cids: (string | null)[] = []
  const paths = new Set<string>()
  // An imported archive may hold any number of records of one subject.
  let room = Math.max(0, MAX_WRITES - writes.length)
  for (const item of writes) {
    const { collection, rkey } = item
    const path = `${collection}/${rkey}`
    if (paths.has(path)) throw new RepoServerError('invalid-request', `Two writes to one record: ${path}`)
    paths.add(path)
    // At once on SQLite; the writes of one request come in their order.
    const current = await records.get(did, collection, rkey)
    if (item.action !== 'create') checkRecordSwap(current?.cid ?? null, item.swapRecord)
    checkPresence(did, item, current !== null)
    if (!('record' in item)) {
      cids.push(null)
      if (current !== null) steps.push(deletion(collection, rkey))
      continue
    }
    if (item.action === 'create' && item.dedupe === true) {
      for (const target of recordLinks(collection, item.record.record)) {
        const others = await records.linking(did, collection, target, room)
        room -= others.length
        for (const other of others) steps.push(deletion(collection, other))
      }
    }
    const action = current === null ? 'create' : 'update'
    const write = prepareWrite({ action, collection: collection as Nsid, rkey, record: item.record.record })
    const cid = formatCid(write.cid!)
    cids.push(cid)
    if (cid !== current?.cid) steps.push({ write, collection, rkey, record: item.record })
  }
  return { steps, cids }
}

function deletion(collection: string, rkey: string): Step {
  return {
    write: prepareWrite({ action: 'delete', collection: collection as Nsid, rkey }),
    collection,
    rkey,
    record: null,
  }
}

function checkPresence(did: Did, { action, collection, rkey }: RecordWrite, isThere: boolean): void {
  if (action === 'create' && isThere) {
    throw new RepoServerError('record-exists', `Record already exists: ${recordUri(did, collection, rkey)}`)
  }
  if ((action === 'update' || action === 'delete') && !isThere) {
    throw new RepoServerError(
      'record-not-found',
      `Could not locate record: ${recordUri(did, collection, rkey)}`,
    )
  }
}

/** null asks that there be no record; a CID asks for that version; undefined asks for nothing. */
function checkRecordSwap(current: string | null, swapRecord: string | null | undefined): void {
  if (swapRecord !== undefined && swapRecord !== current) {
    throw new RepoServerError('invalid-swap', `Record was at ${current ?? 'null'}`)
  }
}

/** By how many records a commit grows its repository. */
export function growth(steps: readonly Step[]): number {
  let count = 0
  for (const { write } of steps) count += write.action === 'create' ? 1 : write.action === 'delete' ? -1 : 0
  return count
}

/** What the records of a commit say of blobs. */
export function claimsOf(steps: readonly Step[]): BlobClaim[] {
  const claims: BlobClaim[] = []
  for (const { record } of steps) {
    if (record === null || record.blobs.length === 0) continue
    for (const { ref, mimeType, size } of findBlobs(record.record)) {
      claims.push({ cid: formatCid(ref), mimeType, size })
    }
  }
  return claims
}

/** What the operations of a commit change in the rows of records. */
export function recordChanges(steps: readonly Step[]): RecordChange[] {
  return steps.map(({ write, collection, rkey, record }) => ({
    collection,
    rkey,
    cid: write.cid === null ? null : formatCid(write.cid),
    links: record === null ? [] : recordLinks(collection, record.record),
    blobs: record === null ? [] : record.blobs,
    replaces: write.action !== 'create',
  }))
}

/** The address of a record. */
export function recordUri(did: Did, collection: string, rkey: string): `at://${string}` {
  return `at://${did}/${collection}/${rkey}`
}
