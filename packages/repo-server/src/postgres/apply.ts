import type { PostgresDatabase, Transaction } from '@avocet/postgres'

import type { CommitChange, Outcome, RemovalChange, RepoServerChange, UploadChange } from '../change.ts'
import { refuseBytes, refuseClaim } from '../refusals.ts'
import { commitTo } from './commit.ts'
import { toBlobRow } from '../stored-rows.ts'
import { openBlobReads } from './reads.ts'
import { holdsTicket } from './blob-turns.ts'
import { addBlob, lockAccount } from './rows.ts'
import type { Tables } from './tables.ts'

/** Events of a former account that go with the transaction that removes it. */
const EVENTS = 100

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

/** A commit in a transaction of its own, of a writer whose turn it is. */
export async function applyInTurn(
  db: PostgresDatabase,
  tables: Tables,
  change: CommitChange,
  ticket: string,
): Promise<Outcome> {
  if (change.claims.length > 0) return db.transaction((tx) => applyCommit(tables, tx, change, ticket))
  // One statement is a transaction by itself.
  const { outcome, done } = await commitTo(tables, db, change, ticket)
  done()
  return outcome
}

async function applyCommit(
  tables: Tables,
  tx: Transaction,
  change: CommitChange,
  ticket: string | null = null,
): Promise<Outcome> {
  await lockAccount(tx, change.did)
  const { did, claims } = change
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
  const { outcome, done } = await commitTo(tables, tx, change, ticket)
  tx.afterCommit(done)
  return outcome
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

async function applyUpload(tx: Transaction, change: UploadChange): Promise<Outcome> {
  const { did, blob, now, maxBytes, ticket } = change
  if (ticket !== undefined && !(await holdsTicket(tx, ticket))) {
    const message = `The blob took too long to store; did=${did} cid=${blob.cid}`
    return { status: 'refused', code: 'repo-busy', message }
  }
  const blobs = openBlobReads(tx)
  if (maxBytes !== Infinity) {
    const isNew = (await blobs.get(did, blob.cid)) === null
    // Uploads side by side each found room.
    if ((await blobs.bytes(did)) + (isNew ? blob.size : 0) > maxBytes) return refuseBytes(maxBytes)
  }
  await addBlob(tx, did, blob, now)
  return applied([])
}
