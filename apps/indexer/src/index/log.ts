// The log's write side: what happened gets a number, a time of its own, and its place by bytes. Everything here runs inside the
// transaction of the event.

import { type CID, formatCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import type { Provenance } from '../database/codes.ts'

/** The event that rows belong to, by the ids of names. */
export type LoggedEvent = {
  readonly repo: number
  readonly source: number
  /** Empty: none. */
  readonly rev: string
  readonly provenance: Provenance
  /** The source's number of the event. */
  readonly seq: number | null
  /** ms since the epoch. */
  readonly at: number
}

/** A record's change. */
export type LoggedChange = {
  readonly action: 'create' | 'update' | 'delete'
  readonly collection: number
  readonly rkey: string
  readonly cid: CID | null
  readonly previous: CID | null
  /** What was there, where no other row has it any more. */
  readonly previousBytes: Uint8Array | null
  /** The record's row; null for a delete. */
  readonly record: number | null
  /** By the numbers of `VALIDITIES`; null for a delete. */
  readonly validity: number | null
}

/** Writes rows of the log. Each returns its number. */
export type LogWriter = {
  change(event: LoggedEvent, change: LoggedChange): number
  /** @param time what the source says, RFC 3339 */
  other(
    kind: 'identity' | 'account' | 'sync',
    event: LoggedEvent,
    detail: string | null,
    time: string | null,
  ): number
  /**
   * One row for `count` records that an export brought, whose rows have ids one after the other from `record` on. Their numbers end
   * with that of the row; the first one is returned.
   */
  brought(event: LoggedEvent, record: number, count: number): number
}

/** Bytes on disk of a row without its texts and what was there. */
const ROW = 80

// What most rows lack is left out of their statement: to bind a value costs as much as to store one.
const INSERT_CREATE = `INSERT INTO log_rows (at, kind, repo, rev, action, collection, rkey, cid, prev, provenance, source, source_seq,
    us, bytes_until, validity, record)
  VALUES (?, 'record', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_CHANGE = `INSERT INTO log_rows (at, kind, repo, rev, action, collection, rkey, cid, prev, provenance, source, source_seq,
    us, bytes_until, validity, record, prev_bytes)
  VALUES (?, 'record', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_OTHER = `INSERT INTO log_rows (at, kind, repo, rev, provenance, source, source_seq, detail, time, us, bytes_until)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_SPAN = `INSERT INTO log_rows (seq, at, kind, repo, rev, provenance, source, source_seq, us, bytes_until, record, span)
  VALUES ((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'log_rows') + ?, ?, 'resync', ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/**
 * A writer on an open database.
 * @param onLogged told of the newest number once it is durable
 */
export function createLogWriter(db: Database, onLogged: (seq: number) => void = () => {}): LogWriter {
  const insertCreate = db.raw.prepare(INSERT_CREATE)
  const insertChange = db.raw.prepare(INSERT_CHANGE)
  const insertOther = db.raw.prepare(INSERT_OTHER)
  const insertSpan = db.raw.prepare(INSERT_SPAN)
  const newest = db.raw.prepare(
    'SELECT us, bytes_until FROM log_rows WHERE us IS NOT NULL ORDER BY seq DESC LIMIT 1',
  )
  let us = 0
  let bytes = 0
  let rollbacks = -1

  /** What the newest row says, which a rollback changes. */
  const readNewest = (): void => {
    if (rollbacks === db.rollbacks()) return
    rollbacks = db.rollbacks()
    const row = newest.get()
    us = Number(row?.['us'] ?? 0)
    bytes = Number(row?.['bytes_until'] ?? 0)
  }

  /** A time that no other event has, later than those before, whatever the clock does. @param count how many events share the row */
  const tick = (at: number, cost: number, count = 1): void => {
    readNewest()
    us = Math.max(at * 1000, us + 1) + count - 1
    bytes += ROW + cost
  }

  const written = (rowid: number | bigint): number => {
    const seq = Number(rowid)
    db.afterCommit(() => onLogged(seq))
    return seq
  }

  return {
    change({ repo, source, rev, provenance, seq, at }, change) {
      const { action, collection, rkey, cid, previous, previousBytes, record, validity } = change
      const cidText = cid === null ? null : formatCid(cid)
      const previousText = previous === null ? null : formatCid(previous)
      const texts = rkey.length + (cidText?.length ?? 0) + (previousText?.length ?? 0)
      tick(at, texts + (previousBytes?.length ?? 0))
      const values = [
        at,
        repo,
        rev,
        action,
        collection,
        rkey,
        cidText,
        previousText,
        provenance,
        source,
        seq,
        us,
        bytes,
        validity,
        record,
      ]
      const { lastInsertRowid } =
        previousBytes === null ? insertCreate.run(...values) : insertChange.run(...values, previousBytes)
      return written(lastInsertRowid)
    },
    other(kind, { repo, source, rev, provenance, seq, at }, detail, time) {
      tick(at, (detail?.length ?? 0) + (time?.length ?? 0))
      const { lastInsertRowid } = insertOther.run(
        at,
        kind,
        repo,
        rev === '' ? null : rev,
        provenance,
        source,
        seq,
        detail,
        time,
        us,
        bytes,
      )
      return written(lastInsertRowid)
    },
    brought({ repo, source, rev, provenance, seq, at }, record, count) {
      tick(at, 0, count)
      const { lastInsertRowid } = insertSpan.run(
        count,
        at,
        repo,
        rev,
        provenance,
        source,
        seq,
        us,
        bytes,
        record,
        count,
      )
      return written(lastInsertRowid) - count + 1
    },
  }
}
