// The event log in SQLite: one table beside the app's own, on the app's own handle, so that `append` joins its transaction.

import { type Database, migrate, type SchemaPart } from '@avocet/sqlite'
import { SequencerError } from './errors.ts'
import { encodeEvent } from './frame.ts'
import { createWatchers } from './watchers.ts'
import type { LoggedEvent, NewEvent, ReadLimit, Removal, SyncEventLog } from './types.ts'

/** Options of {@link openEventLog}. */
export type SqliteEventLogOptions = {
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  /** Rows deleted per transaction when the window moves on. Default 1000. */
  readonly pruneBatch?: number
}

// `time` and `did` stand before `frame`: SQLite then finds them without walking the frame's overflow pages.
const MIGRATIONS = [
  `CREATE TABLE event (
     seq INTEGER PRIMARY KEY,
     time INTEGER NOT NULL,
     did TEXT NOT NULL,
     size INTEGER NOT NULL,
     frame BLOB NOT NULL
   ) STRICT;
   CREATE INDEX event_did ON event (did, seq);
   CREATE TABLE event_log (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     newest INTEGER NOT NULL,
     oldest INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT;
   INSERT INTO event_log (id, newest, oldest, bytes) VALUES (1, 0, 1, 0);`,
]

/** The tables of the event log, and their newest version. */
export const EVENT_LOG_SCHEMA: SchemaPart = { name: 'event-log', version: MIGRATIONS.length }

/**
 * Opens (and makes, at first) the event log on this handle. `append` must be called inside a transaction of it
 * (`db.transaction`, `db.write`, a store's `alongside`); subscribers see the event once that transaction is durable.
 * @throws SequencerError `log-corrupt` when the table of events and its counter disagree
 */
export function openEventLog(db: Database, options: SqliteEventLogOptions = {}): SyncEventLog<Database> {
  const now = options.now ?? Date.now
  const pruneBatch = options.pruneBatch ?? 1000
  const watchers = createWatchers()
  migrate(db, EVENT_LOG_SCHEMA.name, MIGRATIONS)
  checkCounter(db)
  // What an earlier process committed may not have reached the disk yet; a commit of our own makes it do so.
  db.transaction(() => db.prepare('UPDATE event_log SET newest = newest').run())
  // A commit is readable on this handle before it is durable. Nothing is shown to subscribers that could still be lost
  // with the machine and its seq given out again, so reading stops here.
  let durable = readCounter(db).newest

  const append = (tx: Database, event: NewEvent): number => {
    const row = tx.prepare('SELECT newest FROM event_log WHERE id = 1').get()
    const seq = (row!['newest'] as number) + 1
    const frame = encodeEvent(event, seq)
    tx.prepare('INSERT INTO event (seq, time, did, size, frame) VALUES (?, ?, ?, ?, ?)').run(
      seq,
      now(),
      event.did,
      frame.length,
      frame,
    )
    tx.prepare('UPDATE event_log SET newest = ?, bytes = bytes + ? WHERE id = 1').run(seq, frame.length)
    tx.afterCommit(() => {
      if (seq > durable) durable = seq
      watchers.notify('append')
    })
    return seq
  }

  const read = (after: number, limit: ReadLimit): LoggedEvent[] => {
    const page: LoggedEvent[] = []
    let size = 0
    const rows = db
      .prepare('SELECT seq, frame FROM event WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?')
      .iterate(after, durable, limit.count)
    for (const row of rows) {
      const frame = row['frame'] as Uint8Array
      size += frame.length
      page.push({ seq: row['seq'] as number, frame })
      if (size >= limit.bytes) break
    }
    return page
  }

  const remove = (removal: Removal, tx?: Database): number => {
    const total = { rows: 0 }
    const most = ('did' in removal ? removal.limit : undefined) ?? Number.POSITIVE_INFINITY
    for (;;) {
      const size = Math.min(pruneBatch, most - total.rows)
      const batch =
        tx === undefined
          ? db.transaction(() => removeBatch(db, removal, size))
          : removeBatch(tx, removal, size)
      total.rows += batch
      if (batch < size || total.rows >= most) break
    }
    if (total.rows === 0) return 0
    if (tx === undefined) watchers.notify('remove')
    else tx.afterCommit(() => watchers.notify('remove'))
    return total.rows
  }

  const removeBatch = (handle: Database, removal: Removal, size: number): number => {
    const rows =
      'did' in removal
        ? handle
            .prepare('SELECT seq, size FROM event WHERE did = ? AND seq < ? ORDER BY seq LIMIT ?')
            .all(removal.did, removal.before ?? Number.MAX_SAFE_INTEGER, size)
        : expired(handle, removal)
    if (rows.length === 0) return 0
    let bytes = 0
    const drop = handle.prepare('DELETE FROM event WHERE seq = ?')
    for (const row of rows) {
      drop.run(row['seq'] as number)
      bytes += row['size'] as number
    }
    handle.prepare('UPDATE event_log SET bytes = bytes - ? WHERE id = 1').run(bytes)
    if (!('did' in removal)) {
      handle.prepare('UPDATE event_log SET oldest = ? WHERE id = 1').run((rows.at(-1)!['seq'] as number) + 1)
    }
    return rows.length
  }

  const expired = (
    handle: Database,
    window: { readonly olderThan?: number; readonly maxBytes?: number },
  ): Record<string, unknown>[] => {
    const rows: Record<string, unknown>[] = []
    let left = readCounter(handle).bytes
    for (const row of handle
      .prepare('SELECT seq, time, size FROM event ORDER BY seq LIMIT ?')
      .iterate(pruneBatch)) {
      const old = window.olderThan !== undefined && (row['time'] as number) < window.olderThan
      if (!old && !(window.maxBytes !== undefined && left > window.maxBytes)) break
      left -= row['size'] as number
      rows.push(row)
    }
    return rows
  }

  return {
    append,
    read,
    bounds: () => ({ oldest: readCounter(db).oldest, newest: durable }),
    remove,
    watch: watchers.add,
  }
}

/**
 * Leaves a gap of `by` numbers after a restore from a backup: what was sent after the backup was made had numbers that must
 * never be given out again, and subscribers' cursors there stay valid. Call it before the log is opened.
 * @returns the new newest seq
 * @throws SequencerError `invalid-option` when `by` is not a positive integer
 */
export function advanceSeq(db: Database, by = 1_000_000): number {
  if (!Number.isSafeInteger(by) || by <= 0) {
    throw new SequencerError('invalid-option', `seq margin is a positive integer; by=${by}`)
  }
  migrate(db, EVENT_LOG_SCHEMA.name, MIGRATIONS)
  return db.transaction(
    () =>
      db.prepare('UPDATE event_log SET newest = newest + ? WHERE id = 1 RETURNING newest').get(by)![
        'newest'
      ] as number,
  )
}

function readCounter(db: Database): { newest: number; oldest: number; bytes: number } {
  const row = db.prepare('SELECT newest, oldest, bytes FROM event_log WHERE id = 1').get()
  if (row === undefined) throw new SequencerError('log-corrupt', 'event log has no counter row')
  return row as { newest: number; oldest: number; bytes: number }
}

function checkCounter(db: Database): void {
  const last = db.prepare('SELECT max(seq) AS seq FROM event').get()!['seq'] as number | null
  const { newest } = readCounter(db)
  if (last !== null && last > newest) {
    throw new SequencerError('log-corrupt', `event above the counter; seq=${last} newest=${newest}`)
  }
}
