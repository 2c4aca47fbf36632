import type { PostgresDatabase } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import type { StoreUpkeep } from '../store.ts'
import type { Tables } from './tables.ts'
import { lockAccount } from './rows.ts'
import { sweepSets } from './sweeping.ts'

/** Rows that go in one transaction. */
const BLOBS = 500
const EVENTS = 100

/** The chores of the tables in `db`. @param filling sets that this process is filling */
export function openUpkeep(db: PostgresDatabase, tables: Tables, filling: ReadonlySet<string>): StoreUpkeep {
  const removeEvents = async (): Promise<void> => {
    for (const row of await db.query('SELECT did, before_seq FROM departure WHERE blobs_gone')) {
      const [did, before] = [row['did'] as Did, Number(row['before_seq'])]
      const removal = { did, before, limit: EVENTS }
      while ((await tables.log.remove(removal)) === EVENTS);
      // Another account of the DID may have come and gone meanwhile: then there is more to do.
      await db.query('DELETE FROM departure WHERE did = $1 AND before_seq = $2 AND blobs_gone', [did, before])
    }
  }

  return {
    expireUploads: async (before) => {
      const rows = await db.query(
        `DELETE FROM blob WHERE (did, cid) IN (SELECT did, cid FROM blob WHERE permanent = 0 AND created_at < $1
           ORDER BY did, cid FOR UPDATE SKIP LOCKED) RETURNING did, cid`,
        [before],
      )
      return rows.map((row) => ({ did: row['did'] as Did, cid: row['cid'] as string }))
    },
    departed: async () =>
      (await db.query('SELECT did FROM departure WHERE NOT blobs_gone')).map((row) => row['did'] as Did),
    forgetBlobs: (did) =>
      db.transaction(async (tx) => {
        await lockAccount(tx, did)
        const gone = await tx.query(
          `DELETE FROM blob WHERE did = $1 AND EXISTS (SELECT 1 FROM departure WHERE did = $1 AND NOT blobs_gone)
             AND cid IN (SELECT cid FROM blob WHERE did = $1 LIMIT ${BLOBS}) RETURNING 1`,
          [did],
        )
        if (gone.length === BLOBS) return true
        await tx.query('UPDATE departure SET blobs_gone = true WHERE did = $1', [did])
        return false
      }),
    sweep: async () => {
      await db.query("DELETE FROM write_turn WHERE until < clock_timestamp() - interval '1 minute'")
      await db.query("DELETE FROM blob_upload WHERE until < clock_timestamp() - interval '1 day'")
      await Promise.all([sweepSets(db), removeEvents()])
    },
    discardStaged: async () => {
      // Another process may be filling one: what nobody touched for an hour, nobody fills.
      await db.query(
        `UPDATE record_set SET state = 'dropped' WHERE state = 'staged' AND touched < now() - interval '1 hour'
           AND NOT id = ANY ($1::bigint[])`,
        [[...filling]],
      )
    },
  }
}
