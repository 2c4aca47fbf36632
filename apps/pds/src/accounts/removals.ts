import type { SyncEventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { BlobFiles } from '../blobs/blob-files.ts'
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
  readonly files: BlobFiles
  readonly log: SyncEventLog<Database>
}

/** Removals from the stores of this server. */
export function createRemovals({ db, sets, blobs, files, log }: RemovalParts): Removals {
  /** Accounts whose blobs are gone, in this process, since they were noted. */
  const withoutBlobs = new Set<Did>()
  const noted = (did: Did): number | null => {
    const row = db.prepare('SELECT before_seq FROM account_removal WHERE did = ?').get(did)
    return row === undefined ? null : (row['before_seq'] as number)
  }

  const removeBlobs = async (did: Did): Promise<void> => {
    if (withoutBlobs.has(did)) return
    await files.removeAll(did)
    while ((await db.write(() => blobs.removeSome(did, BLOBS))) === BLOBS);
    withoutBlobs.add(did)
  }

  const removeEvents = async (did: Did): Promise<void> => {
    for (;;) {
      const before = noted(did)
      if (before === null) return
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
      if (noted(did) === null) withoutBlobs.delete(did)
    })
    return true
  })

  const removing = new Map<Did, Promise<void>>()
  const blobsGone: Removals['blobsGone'] = async (did) => {
    if (noted(did) === null) return
    const running = removing.get(did) ?? removeBlobs(did).finally(() => removing.delete(did))
    removing.set(did, running)
    await running
  }

  return {
    note: (did, seq) => {
      sets.drop(did)
      withoutBlobs.delete(did)
      // Of an account that wrote little lately nothing is left to replay from here on.
      log.remove({ did, before: seq, limit: EVENTS }, db)
      db.prepare(
        `INSERT INTO account_removal (did, before_seq) VALUES (?, ?)
         ON CONFLICT (did) DO UPDATE SET before_seq = excluded.before_seq`,
      ).run(did, seq)
    },
    run: async () => {
      await Promise.all([sweeper.run(), sets.sweep()])
    },
    blobsGone,
  }
}
