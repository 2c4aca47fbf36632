// Bytes of blobs in several processes: a removal holds a lock of the account while it removes some, and takes place only while no upload
// stores any. An upload holds nothing but a row, which the transaction that notes the blob asks for: it may be as slow as it likes.

import { setTimeout as sleep } from 'node:timers/promises'

import type { PostgresDatabase, Queryable, Transaction } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import { RepoServerError } from '../error.ts'
import type { BlobTurns } from '../store.ts'
import { openBlobReads } from './reads.ts'

/** An upload that has not ended by then gives way to removals: its process may be gone. */
const TICKET_SECONDS = 60
/** How long an upload waits for removals of some blobs at most. */
const WAIT_MS = 30_000
/** Looks again whether they have ended; a part is random, so that those who wait do not look all at once. */
const LOOK_MS = 10
/** Removals that hold a connection at a time; the store of blobs may be slow. */
const REMOVALS = 2

const LOCK = 'hashtextextended($1, 11)'

/** Turns of those who store and remove bytes, by the tables in `db`. */
export function openBlobTurns(db: PostgresDatabase): BlobTurns {
  let free = REMOVALS
  const waiting: (() => void)[] = []
  const enter = (): Promise<void> | void => {
    if (free > 0) free--
    else return new Promise((resolve) => waiting.push(resolve))
  }
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }

  /** Does `work` while nobody uploads, or not at all. */
  const alone = async (did: Did, work: (tx: Transaction) => Promise<void>): Promise<boolean> => {
    await enter()
    try {
      return await db.transaction(async (tx) => {
        const [lock] = await tx.query(`SELECT pg_try_advisory_xact_lock(${LOCK}) AS mine`, [did])
        if (lock!['mine'] !== true) return false
        // Each statement sees what was committed before it: an upload either stands here, or has its row already.
        await tx.query('DELETE FROM blob_upload WHERE did = $1 AND until < clock_timestamp()', [did])
        const uploads = await tx.query('SELECT 1 FROM blob_upload WHERE did = $1 LIMIT 1', [did])
        if (uploads.length > 0) return false
        await work(tx)
        return true
      })
    } finally {
      leave()
    }
  }

  return {
    announce: async (did) => {
      for (const started = performance.now(); ;) {
        // Shared: uploads do not keep each other waiting. The lock ends after the row is seen.
        const [row] = await db.query(
          `INSERT INTO blob_upload (did, until) SELECT $1, clock_timestamp() + interval '${TICKET_SECONDS} s'
           WHERE pg_try_advisory_xact_lock_shared(${LOCK}) RETURNING ticket`,
          [did],
        )
        if (row !== undefined) return row['ticket'] as string
        if (performance.now() - started > WAIT_MS) {
          throw new RepoServerError('repo-busy', `Blobs of the account are being removed; did=${did}`)
        }
        await sleep(LOOK_MS * (1 + Math.random()))
      }
    },
    withdraw: async (ticket) => {
      await db.query('DELETE FROM blob_upload WHERE ticket = $1', [ticket])
    },
    remove: (did, cids, work) =>
      alone(did, async (tx) => {
        const known = await openBlobReads(tx).among(did, cids)
        await work(cids.filter((cid) => !known.has(cid)))
      }),
    removeAll: (did, work) => alone(did, () => work()),
  }
}

/** Whether the announcement of an upload still stands; if so it does until the transaction ends. */
export async function holdsTicket(tx: Queryable, ticket: string): Promise<boolean> {
  return (await tx.query('SELECT 1 FROM blob_upload WHERE ticket = $1 FOR UPDATE', [ticket])).length > 0
}
