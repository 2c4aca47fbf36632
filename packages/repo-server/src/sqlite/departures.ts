import type { SyncEventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { BlobIndex } from './blob-index.ts'
import { createSweeper } from './sweeper.ts'

/** Repositories that went, with blobs and events still to be removed: also after a restart. */
export interface Departures {
  /** Notes one, in the transaction in which it goes. @param seq of the event that says so; those below it go */
  note(did: Did, seq: number): void
  /** DIDs with blobs still here. */
  withBlobs(): Did[]
  /** Removes some rows of blobs; whether there are more. */
  forgetBlobs(did: Did): Promise<boolean>
  /** Removes the events of those whose blobs are gone. */
  removeEvents(): Promise<void>
}

/** Rows of blobs, and events, that go in one transaction. */
const BLOBS = 500
const EVENTS = 100

/** The departures in `db`, which must carry `RECORD_MIGRATIONS`. */
export function openDepartures(db: Database, blobs: BlobIndex, log: SyncEventLog<Database>): Departures {
  const forgetSome = (did: Did): boolean => {
    const row = db.prepare('SELECT 1 FROM account_removal WHERE did = ? AND blobs_gone = 0').get(did)
    if (row === undefined) return false
    if (blobs.removeSome(did, BLOBS) === BLOBS) return true
    db.prepare('UPDATE account_removal SET blobs_gone = 1 WHERE did = ?').run(did)
    return false
  }

  const removeSomeEvents = (did: Did): boolean => {
    const row = db.prepare('SELECT before_seq FROM account_removal WHERE did = ?').get(did)
    if (row === undefined) return false
    const before = row['before_seq'] as number
    if (log.remove({ did, before, limit: EVENTS }, db) === EVENTS) return true
    // Another account of the DID may have come and gone meanwhile: then there is more to do.
    db.prepare('DELETE FROM account_removal WHERE did = ? AND before_seq = ? AND blobs_gone = 1').run(
      did,
      before,
    )
    return false
  }

  const sweeper = createSweeper(async () => {
    const row = db.prepare('SELECT did FROM account_removal WHERE blobs_gone = 1 LIMIT 1').get()
    if (row === undefined) return false
    while (await db.write(() => removeSomeEvents(row['did'] as Did)));
    return true
  })

  return {
    note: (did, seq) => {
      // Of an account that wrote little lately nothing is left to replay from here on.
      log.remove({ did, before: seq, limit: EVENTS }, db)
      db.prepare(
        `INSERT INTO account_removal (did, before_seq) VALUES (?, ?)
         ON CONFLICT (did) DO UPDATE SET before_seq = excluded.before_seq, blobs_gone = 0`,
      ).run(did, seq)
    },
    withBlobs: () =>
      db
        .prepare('SELECT did FROM account_removal WHERE blobs_gone = 0')
        .all()
        .map((row) => row['did'] as Did),
    forgetBlobs: (did) => db.write(() => forgetSome(did)),
    removeEvents: () => sweeper.run(),
  }
}
