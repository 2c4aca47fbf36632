import type { Transaction } from '@avocet/postgres'
import { InactiveRepo, RepoError } from '@avocet/repo'
import type { PostgresRepoStore } from '@avocet/repo-postgres'
import type { NewEvent } from '@avocet/sequencer'
import type { PostgresEventLog } from '@avocet/sequencer/postgres'

import type { CommitChange, Outcome, RemovalChange, RepoServerChange, UploadChange } from '../change.ts'
import { refuseBytes, refuseClaim, refuseStatus } from '../refusals.ts'
import { toBlobRow } from '../stored-rows.ts'
import { openBlobReads } from './reads.ts'
import { addBlob, lockAccount, releaseBlobs, writeRecords } from './rows.ts'

/** Events of a former account that go with the transaction that removes it. */
const EVENTS = 100

/** What changes go to. */
export interface Tables {
  readonly repos: PostgresRepoStore
  readonly log: PostgresEventLog
  /** Appends events, last in the transaction: readers of the log wait for it from then on. Returns their numbers. */
  append(tx: Transaction, events: readonly NewEvent[]): Promise<number[]>
}

/** Applies a change in the transaction that is open. Unless the outcome is `applied`, nothing was written. */
export async function applyTo(tables: Tables, tx: Transaction, change: RepoServerChange): Promise<Outcome> {
  const { did } = change
  await lockAccount(tx, did)
  switch (change.type) {
    case 'commit':
      return applyCommit(tables, tx, change)
    case 'status': {
      const repos = tables.repos.open(tx)
      if ((await repos.getHead(did)) !== null) await repos.setStatus(did, change.status)
      return applied(await tables.append(tx, change.events))
    }
    case 'removal':
      return applyRemoval(tables, tx, change)
    case 'upload':
      return applyUpload(tx, change)
    case 'takedown': {
      const { subject, ref } = change
      const found =
        'cid' in subject
          ? await tx.query('UPDATE blob SET takedown_ref = $3 WHERE did = $1 AND cid = $2 RETURNING 1', [
              did,
              subject.cid,
              ref,
            ])
          : await tx.query(
              `UPDATE record SET takedown_ref = $4 WHERE collection = $2 AND rkey = $3
                 AND owner = (SELECT id FROM record_set WHERE did = $1 AND state = 'live') RETURNING 1`,
              [did, subject.collection, subject.rkey, ref],
            )
      if (found.length > 0) return applied([])
      const code = 'cid' in subject ? 'blob-not-found' : 'record-not-found'
      return { status: 'refused', code, message: 'Subject not found' }
    }
    default:
      return applied(await tables.append(tx, change.events))
  }
}

const applied = (seqs: readonly number[], orphans: readonly string[] = []): Outcome => ({
  status: 'applied',
  seqs,
  orphans,
})

async function applyCommit(tables: Tables, tx: Transaction, change: CommitChange): Promise<Outcome> {
  const { did, commit, claims, status } = change
  if (claims.length > 0) {
    // Locked, so that none of them is collected before this transaction ends.
    const rows = await tx.query(
      'SELECT * FROM blob WHERE did = $1 AND cid = ANY ($2::text[]) ORDER BY cid FOR UPDATE',
      [did, claims.map(({ cid }) => cid)],
    )
    const known = new Map(rows.map((row) => [row['cid'], toBlobRow(row)]))
    for (const claim of claims) {
      const refusal = refuseClaim(claim, known.get(claim.cid) ?? null)
      if (refusal !== null) return refusal
    }
  }
  const repos = tables.repos.open(tx)
  try {
    await repos.apply(commit, change.onlyWhile)
  } catch (error) {
    if (error instanceof InactiveRepo) return refuseStatus(error.status, did, change.onlyWhile)!
    if (error instanceof RepoError && error.code === 'head-moved') return { status: 'stale' }
    throw error
  }
  if (status !== undefined && status !== 'active' && commit.prevCommit === null) {
    await repos.setStatus(did, status)
  }
  if (change.records.length === 0) return applied(await tables.append(tx, change.events))
  const dropped = await writeRecords(tx, did, commit.rev, change.records)
  const orphans = await releaseBlobs(tx, did, [...new Set(dropped)])
  return applied(await tables.append(tx, change.events), orphans)
}

async function applyRemoval(
  tables: Tables,
  tx: Transaction,
  { did, events }: RemovalChange,
): Promise<Outcome> {
  await tables.repos.open(tx).remove(did)
  await tx.query("UPDATE record_set SET state = 'dropped' WHERE did = $1 AND state = 'live'", [did])
  const seqs = await tables.append(tx, events)
  const [own] = await tx.query('SELECT coalesce(max(seq), 0) AS newest FROM event WHERE did = $1', [did])
  const before = seqs.at(-1) ?? Number(own!['newest']) + 1
  // Of an account that wrote little lately nothing is left to replay from here on.
  await tables.log.remove({ did, before, limit: EVENTS }, tx)
  await tx.query(
    `INSERT INTO departure (did, before_seq) VALUES ($1, $2)
     ON CONFLICT (did) DO UPDATE SET before_seq = excluded.before_seq, blobs_gone = false`,
    [did, before],
  )
  return applied(seqs)
}

async function applyUpload(tx: Transaction, { did, blob, now, maxBytes }: UploadChange): Promise<Outcome> {
  const blobs = openBlobReads(tx)
  if (maxBytes !== Infinity) {
    const isNew = (await blobs.get(did, blob.cid)) === null
    // Uploads side by side each found room.
    if ((await blobs.bytes(did)) + (isNew ? blob.size : 0) > maxBytes) return refuseBytes(maxBytes)
  }
  await addBlob(tx, did, blob, now)
  return applied([])
}
