import { formatCid } from '@avocet/data'
import {
  applyWrites,
  prepareWrite,
  toCommitEvent,
  type CommitData,
  type RepoHead,
  type RepoStore,
  type Write,
} from '@avocet/repo'
import type { EventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did, Nsid, Tid, TidClock } from '@avocet/syntax'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Quotas } from '../accounts/quotas.ts'
import type { BlobIndex } from '../blobs/blob-index.ts'
import type { Uploads } from '../blobs/uploads.ts'
import { PdsError } from '../errors.ts'
import { recordLinks } from './links.ts'
import type { KeyedLock } from './locks.ts'
import type { RecordIndex } from './record-index.ts'
import { revAfter } from './revs.ts'
import type { Signers } from './signers.ts'
import { checkBlobs, type CheckedRecord } from './validation.ts'

/** One change to a repository, its record already checked. */
export type RecordWrite =
  | {
      readonly action: 'create'
      readonly collection: string
      readonly rkey: string
      readonly record: CheckedRecord
      /** Replaces what already links to the same subject. */
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

/** What became of the writes: `commit` is null when nothing had to change. */
export interface WriteOutcome {
  readonly commit: { readonly cid: string; readonly rev: Tid } | null
  /** One per write: the record's CID, null for a deletion. */
  readonly cids: readonly (string | null)[]
}

/** Writes records: one commit, its rows and its event are one transaction. */
export interface RepoWriter {
  /**
   * @throws PdsError `invalid-swap`, `record-exists`, `record-not-found`, `blob-not-found`, `repo-not-found`,
   *   `account-deactivated`, `account-takendown`, `rev-ahead`, `quota-exceeded`; RepoError of `applyWrites`
   */
  write(did: Did, writes: readonly RecordWrite[], swapCommit?: string | null): Promise<WriteOutcome>
}

/** What a writer composes. */
export interface WriterParts {
  readonly store: RepoStore<Database>
  readonly log: EventLog<Database>
  readonly accounts: AccountStore
  readonly records: RecordIndex
  readonly blobs: BlobIndex
  readonly uploads: Uploads
  readonly quotas: Pick<Quotas, 'checkRecords' | 'noteCommit'>
  readonly signers: Signers
  readonly locks: KeyedLock
  readonly tids: TidClock
}

/** A writer; writes to one repository run in the order they came, those to different ones side by side. */
export function createRepoWriter(parts: WriterParts): RepoWriter {
  const { store, log, accounts, records, blobs, uploads, quotas, signers, locks, tids } = parts

  /** Makes the commit; null when nothing has to change. Its snapshot is closed before anything is written. */
  const prepare = async (
    did: Did,
    writes: readonly RecordWrite[],
    swapCommit: string | null | undefined,
  ): Promise<{ commit: CommitData | null; plan: ReturnType<typeof planWrites> }> => {
    await using snapshot = await store.snapshot(did)
    if (snapshot === null) throw new PdsError('repo-not-found', `Could not find repo for DID: ${did}`)
    const { head } = snapshot
    checkSwap(head, swapCommit)
    const plan = planWrites(did, writes, records)
    for (const { record } of plan.steps) {
      if (record !== null && record.blobs.length > 0) checkBlobs(did, record.record, blobs)
    }
    if (plan.steps.length === 0) return { commit: null, plan }
    await quotas.checkRecords(did, head.rev, added(plan.steps))
    const commit = await applyWrites({
      did,
      head,
      store: snapshot,
      writes: plan.steps.map((step) => step.write),
      signer: signers.get(did),
      rev: revAfter(tids, did, head.rev),
    })
    return { commit, plan }
  }

  const write = async (
    did: Did,
    writes: readonly RecordWrite[],
    swapCommit: string | null | undefined,
    orphans: string[],
  ): Promise<WriteOutcome> => {
    refuseInactive(accounts, did)
    const { commit, plan } = await prepare(did, writes, swapCommit)
    if (commit === null) return { commit, cids: plan.cids }
    const event = toCommitEvent(commit, new Date().toISOString() as `${string}T${string}`)
    await store.apply(commit, (db) => {
      // The account may have been deactivated while the commit was being made.
      refuseInactive(accounts, did)
      for (const { record } of plan.steps) {
        // An upload that nobody referred to for a day may have been collected since.
        if (record !== null && record.blobs.length > 0) checkBlobs(did, record.record, blobs)
      }
      const dropped = plan.steps.flatMap((step) => writeRows(did, step, commit, records, blobs))
      // Only now: what one record of the commit no longer refers to, another may.
      orphans.push(...blobs.release(did, new Set(dropped)))
      void log.append(db, { did, type: '#commit', body: event })
    })
    // Every commit but the first has one before it.
    quotas.noteCommit(did, commit.since!, commit.rev, added(plan.steps))
    return { commit: { cid: formatCid(commit.commit), rev: commit.rev }, cids: plan.cids }
  }

  return {
    write: async (did, writes, swapCommit) => {
      const orphans: string[] = []
      const outcome = await locks.run(did, () => write(did, writes, swapCommit, orphans))
      // The next write of the repository does not wait for the store of blobs.
      if (orphans.length > 0) await uploads.discard(did, orphans)
      return outcome
    },
  }
}

/** By how many records a commit grows its repository. */
function added(steps: readonly Step[]): number {
  let count = 0
  for (const { write } of steps) count += write.action === 'create' ? 1 : write.action === 'delete' ? -1 : 0
  return count
}

/** One operation of the commit and the rows it changes. */
interface Step {
  readonly write: Write
  readonly collection: string
  readonly rkey: string
  readonly record: CheckedRecord | null
}

/** Turns what was asked into operations, against the rows as they stand (the caller holds the repository's lock). */
function planWrites(
  did: Did,
  writes: readonly RecordWrite[],
  records: RecordIndex,
): { steps: Step[]; cids: (string | null)[] } {
  const steps: Step[] = []
  const cids: (string | null)[] = []
  const paths = new Set<string>()
  for (const item of writes) {
    const { collection, rkey } = item
    const path = `${collection}/${rkey}`
    if (paths.has(path)) throw new PdsError('invalid-request', `Two writes to one record: ${path}`)
    paths.add(path)
    const current = records.get(did, collection, rkey)
    const uri = `at://${did}/${collection}/${rkey}`
    if (item.action !== 'create') checkRecordSwap(current?.cid ?? null, item.swapRecord)
    if (!('record' in item)) {
      cids.push(null)
      if (current === null) {
        if (item.action === 'discard') continue
        throw new PdsError('record-not-found', `Could not locate record: ${uri}`)
      }
      steps.push(deletion(collection, rkey))
      continue
    }
    if (item.action === 'create' && current !== null) {
      throw new PdsError('record-exists', `Record already exists: ${uri}`)
    }
    if (item.action === 'update' && current === null) {
      throw new PdsError('record-not-found', `Could not locate record: ${uri}`)
    }
    if (item.action === 'create' && item.dedupe === true) {
      for (const target of recordLinks(collection, item.record.record)) {
        for (const other of records.linking(did, collection, target)) steps.push(deletion(collection, other))
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

/** The rows of one operation; returns the CIDs of blobs that the record no longer refers to. */
function writeRows(
  did: Did,
  step: Step,
  commit: CommitData,
  records: RecordIndex,
  blobs: BlobIndex,
): string[] {
  const { collection, rkey, record, write } = step
  if (record === null) {
    records.remove(did, collection, rkey)
    return blobs.refer(did, collection, rkey, commit.rev, [])
  }
  const row = { collection, rkey, cid: formatCid(write.cid!), rev: commit.rev }
  const isNew = write.action === 'create'
  records.put(did, row, recordLinks(collection, record.record), !isNew)
  if (isNew && record.blobs.length === 0) return []
  return blobs.refer(did, collection, rkey, commit.rev, record.blobs)
}

function refuseInactive(accounts: AccountStore, did: Did): void {
  const account = accounts.get(did)
  if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
  const status = accountStatus(account)
  if (status.active) return
  if (status.status === 'takendown') throw new PdsError('account-takendown', 'Account has been taken down')
  throw new PdsError('account-deactivated', 'Account is deactivated')
}

function checkSwap(head: RepoHead, swapCommit: string | null | undefined): void {
  const current = formatCid(head.commit)
  if (swapCommit !== undefined && swapCommit !== null && swapCommit !== current) {
    throw new PdsError('invalid-swap', `Commit was at ${current}`)
  }
}

/** null asks that there be no record; a CID asks for that version; undefined asks for nothing. */
function checkRecordSwap(current: string | null, swapRecord: string | null | undefined): void {
  if (swapRecord !== undefined && swapRecord !== current) {
    throw new PdsError('invalid-swap', `Record was at ${current ?? 'null'}`)
  }
}

/** The address of a record. */
export function recordUri(did: Did, collection: string, rkey: string): `at://${string}` {
  return `at://${did}/${collection}/${rkey}`
}
