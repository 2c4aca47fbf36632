import type { PostgresDatabase, Transaction } from '@avocet/postgres'
import { RepoError } from '@avocet/repo'
import type { Did, Tid } from '@avocet/syntax'

import type { Outcome, Replacement, StagedRecord, Staging } from '../change.ts'
import { refuseStatus, type Refusal } from '../refusals.ts'
import type { Tables } from './tables.ts'
import { addLinks, addReferences } from './rows.ts'

/** Begins to fill a set. @param dropped called when there are rows to be removed: what it replaced, or its own */
export async function beginStaging(
  db: PostgresDatabase,
  tables: Tables,
  did: Did,
  filling: Set<string>,
  dropped: () => void,
): Promise<Staging> {
  const [row] = await db.query("INSERT INTO record_set (did, state) VALUES ($1, 'staged') RETURNING id", [
    did,
  ])
  const set = String(row!['id'])
  filling.add(set)
  let open = true

  const swap = async (tx: Transaction, replacement: Replacement, hadRepo: boolean): Promise<number[]> => {
    const { onlyWhile, status, events } = replacement
    const repos = tables.repos.open(tx)
    const now = hadRepo ? (await repos.getHead(did))!.status : status
    const refusal = onlyWhile === undefined ? null : refuseStatus(now, did, onlyWhile)
    if (refusal !== null) throw new Refused(refusal)
    if (!hadRepo && status !== 'active') await repos.setStatus(did, status)
    await adoptSet(tx, did, set)
    return now === 'active' ? tables.append(tx, events) : []
  }

  return {
    add: async (rev, records) => {
      await db.transaction((tx) => stageRecords(tx, did, set, rev, records))
    },
    adopt: async (replacement) => {
      const { head, blocks } = replacement
      let seqs: readonly number[] = []
      const before = await tables.repos.getHead(did)
      try {
        await tables.repos.replace(head, blocks, async (tx) => {
          seqs = await swap(tx, replacement, before !== null)
        })
      } catch (error) {
        if (error instanceof Refused) return error.refusal
        throw error
      }
      open = false
      filling.delete(set)
      dropped()
      return { status: 'applied', seqs, orphans: [] } satisfies Outcome
    },
    discard: async () => {
      if (!open) return
      open = false
      await db.query("UPDATE record_set SET state = 'dropped' WHERE id = $1", [set])
      filling.delete(set)
      dropped()
    },
  }
}

/**
 * Makes a staged set the one that is served. Decisions about records stay with those that are still there.
 * @throws RepoError `head-moved` for a set that was given up
 */
async function adoptSet(tx: Transaction, did: Did, set: string): Promise<void> {
  const former = `(SELECT id FROM record_set WHERE did = $1 AND state = 'live')`
  await tx.query(
    `UPDATE record SET takedown_ref = old.takedown_ref FROM record old
     WHERE record.owner = $2 AND old.owner = ${former} AND old.takedown_ref IS NOT NULL
       AND old.collection = record.collection AND old.rkey = record.rkey`,
    [did, set],
  )
  await tx.query("UPDATE record_set SET state = 'dropped' WHERE did = $1 AND state = 'live'", [did])
  const adopted = await tx.query(
    "UPDATE record_set SET state = 'live' WHERE id = $1 AND state = 'staged' RETURNING 1",
    [set],
  )
  // Another process took it for one that nobody fills any more, and may have removed some of it.
  if (adopted.length === 0) {
    throw new RepoError('head-moved', `what was brought in was given up meanwhile; did=${did}`)
  }
}

async function stageRecords(
  tx: Transaction,
  did: Did,
  set: string,
  rev: Tid,
  records: readonly StagedRecord[],
): Promise<void> {
  await tx.query(
    `INSERT INTO record (owner, collection, rkey, cid, rev)
     SELECT $1, r.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS r`,
    [
      set,
      records.map(({ collection }) => collection),
      records.map(({ rkey }) => rkey),
      records.map(({ cid }) => cid),
      records.map(({ rev: own = rev }) => own),
    ],
  )
  await addLinks(tx, set, records)
  await addReferences(tx, did, set, rev, records)
  await tx.query('UPDATE record_set SET touched = now() WHERE id = $1', [set])
}

/** Undoes a transaction. */
class Refused extends RepoError {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super('inactive-repo', refusal.message)
    this.refusal = refusal
  }
}
