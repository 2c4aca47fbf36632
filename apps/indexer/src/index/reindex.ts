// Labels and links made anew from the records that are stored, a slice in a transaction, while everything else goes on. Where it stands is
// durable.

import type { Database } from '@avocet/sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { RecordWriter } from './records.ts'

/** How far it is. */
export type ReindexStatus = {
  readonly startedAt: number
  /** Records that were looked at, and those of which something was not as it is made now. */
  readonly looked: number
  readonly changed: number
  /** From 0 to 1, about. */
  readonly progress: number
  /** ms since the epoch; null: under way. */
  readonly finishedAt: number | null
}

/** Making anew. */
export type Reindexing = {
  /** The last one; null: there was none. */
  status(): ReindexStatus | null
  /** Begins at the first record; durable when it resolves. One under way begins anew. */
  start(): Promise<ReindexStatus>
  /** Goes on until it is at the end, or `signal`. */
  run(signal: AbortSignal): Promise<void>
}

/** Records looked at in one transaction, and the bytes of them after which it ends. */
const SLICE = 100
const SLICE_BYTES = 1024 * 1024
/** Between two, so that it takes at most about half of the thread. */
const PAUSE_MS = 5

type Row = {
  started_at: number
  position: number
  until: number
  looked: number
  changed: number
  finished_at: number | null
}

/** On an open database. */
export function createReindexing(
  db: Database,
  records: Pick<RecordWriter, 'reindex'>,
  now: () => number,
): Reindexing {
  const find = (): Row | undefined =>
    db.prepare('SELECT started_at, position, until, looked, changed, finished_at FROM reindexing').get() as
      | Row
      | undefined

  const status = (): ReindexStatus | null => {
    const row = find()
    if (row === undefined) return null
    const { started_at: startedAt, finished_at: finishedAt, looked, changed, position, until } = row
    const progress = finishedAt !== null || until === 0 ? 1 : Math.min(1, position / until)
    return { startedAt, looked, changed, progress, finishedAt }
  }

  const underWay = (): Row | null => {
    const row = find()
    return row === undefined || row.finished_at !== null ? null : row
  }

  /** @returns whether there is more */
  const slice = (): boolean => {
    const row = underWay()
    if (row === null) return false
    const { looked, changed, position } = records.reindex(row.position, row.until, SLICE, SLICE_BYTES)
    db.prepare(
      'UPDATE reindexing SET position = ?, looked = looked + ?, changed = changed + ?, finished_at = ?',
    ).run(position, looked, changed, position >= row.until ? now() : null)
    return position < row.until
  }

  return {
    status,
    async start() {
      await db.write(() => {
        // What comes from now on is made as it is to be.
        const until = Number(db.prepare('SELECT coalesce(max(id), 0) AS id FROM records').get()?.['id'])
        db.prepare(
          `INSERT OR REPLACE INTO reindexing (id, started_at, position, until, looked, changed, finished_at)
           VALUES (1, ?, 0, ?, 0, 0, ?)`,
        ).run(now(), until, until === 0 ? now() : null)
      })
      return status()!
    },
    async run(signal) {
      while (!signal.aborted && underWay() !== null && (await db.write(slice))) await delay(PAUSE_MS)
    },
  }
}
