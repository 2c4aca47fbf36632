import type { BlobStore } from '@avocet/blobs'
import type { SyncEventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { BlobIndex } from '../blobs/blob-index.ts'
import type { RecordSets } from '../repos/record-sets.ts'
import { createSweeper } from '../repos/sweeper.ts'

/**
 * Removing what accounts leave behind. An account is gone with the transaction that notes it here; its rows, files and
 * events go afterwards, some at a time, also after a restart.
 */
export interface Removals {
  /** Notes that an account is gone, in the transaction in which it goes. @param seq of the event that says so */
  note(did: Did, seq: number): void
  /** Removes what is noted. Resolves when nothing is left; what fails is tried again by the next call. */
  run(): Promise<void>
  /** Resolves when no blob of a former account of this DID is left, so that another may be made. */
  blobsGone(did: Did): Promise<void>
}

/** Rows of blobs, and events, that go in one transaction. */
const BLOBS = 500
const EVENTS = 100

/** What removals compose. */
export interface RemovalParts {
  readonly db: Database
  readonly sets: RecordSets
  readonly blobs: BlobIndex
  readonly files: BlobStore
  readonly log: SyncEventLog<Database>
}

/** Removals from the stores of this server. */
export function createRemovals({ db, sets, blobs, files, log }: RemovalParts): Removals {
  const noted = (did: Did): { before: number; blobsGone: boolean } | null => {
    const row = db.prepare('SELECT before_seq, blobs_gone FROM account_removal WHERE did = ?').get(did)
    if (row === undefined) return null
    return { before: row['before_seq'] as number, blobsGone: row['blobs_gone'] !== 0 }
  }

  const removeBlobs = async (did: Did): Promise<void> => {
    await files.removeAll(did)
    const some = (): boolean => {
      if (blobs.removeSome(did, BLOBS) === BLOBS) return true
      db.prepare('UPDATE account_removal SET blobs_gone = 1 WHERE did = ?').run(did)
      return false
    }
    while (await db.write(some));
  }

  const removeEvents = async (did: Did): Promise<void> => {
    for (;;) {
      const before = noted(did)?.before
      if (before === undefined) return
      const removed = await db.write(() => log.remove({ did, before, limit: EVENTS }, db))
      if (removed < EVENTS) return
    }
  }

  const sweeper = createSweeper(async () => {
    const row = db.prepare('SELECT did, before_seq FROM account_removal LIMIT 1').get()
    if (row === undefined) return false
    const did = row['did'] as Did
    await blobsGone(did)
    await removeEvents(did)
    await db.write(() => {
      // Another account of the DID may have come and gone meanwhile: then there is more to do.
      db.prepare('DELETE FROM account_removal WHERE did = ? AND before_seq = ?').run(did, row['before_seq']!)
    })
    return true
  })

  const removing = new Map<Did, Promise<void>>()
  const blobsGone: Removals['blobsGone'] = async (did) => {
    if (noted(did)?.blobsGone !== false) return
    const running = removing.get(did) ?? removeBlobs(did).finally(() => removing.delete(did))
    removing.set(did, running)
    await running
  }

  return {
    note: (did, seq) => {
      sets.drop(did)
      // Of an account that wrote little lately nothing is left to replay from here on.
      log.remove({ did, before: seq, limit: EVENTS }, db)
      db.prepare(
        `INSERT INTO account_removal (did, before_seq) VALUES (?, ?)
         ON CONFLICT (did) DO UPDATE SET before_seq = excluded.before_seq, blobs_gone = 0`,
      ).run(did, seq)
    },
    run: async () => {
      await Promise.all([sweeper.run(), sets.sweep()])
    },
    blobsGone,
  }
}
