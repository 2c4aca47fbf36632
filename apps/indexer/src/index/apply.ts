// One verified event, one set of rows. Called by the firehose inside the transaction that also stores the repo's head and the
// cursor, so that a crash leaves all of it or none.

import { formatCid } from '@avocet/data'
import {
  type FailureEvent,
  type FailureReason,
  REFUSED_FRAME_BYTES,
  type VerifiedEvent,
  type VerifiedOp,
} from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Projections } from '../projections/store.ts'
import type { Examined } from './examine.ts'
import {
  type AppliedOp,
  type OpContext,
  type OpCounts,
  type RecordWriter,
  type Room,
  createRecordWriter,
} from './records.ts'

/** What the rest of the indexer hears about an event once it is durable. */
export type IndexNotice =
  | { readonly kind: 'records'; readonly context: OpContext; readonly ops: readonly AppliedOp[] }
  | { readonly kind: 'failure'; readonly failure: FailureEvent; readonly at: number }
  | { readonly kind: 'account'; readonly did: string; readonly status: string | null; readonly at: number }
  | { readonly kind: 'identity'; readonly did: string; readonly handle: string | null; readonly at: number }

/** Applies events to the tables. */
export type EventApplier = {
  /** To be called inside a transaction of the database. */
  apply(event: VerifiedEvent): void
  /** How long the newest event of a source took from its `time` until it was indexed, ms; null before the first. */
  lagMs(source: string): number | null
  /** Removes records of deleted accounts, a chunk a transaction, until none are left. */
  purgeDeleted(signal: AbortSignal): Promise<void>
  /** Takes out what is not wanted any more, and makes anew what is made of records. */
  readonly records: Pick<RecordWriter, 'purge' | 'purgeUnwanted' | 'reindex'>
}

/** Reasons that are no fault of anybody: the event is not news, or its account is off. Counted, not kept. */
const EXPECTED: ReadonlySet<string> = new Set(['duplicate', 'account-inactive', 'desynchronized'])
/** Dead letters kept; older ones go. */
const MAX_DEAD_LETTERS = 10_000
/** Of the newest of them the frame is kept, its first 8 KiB: 8 MiB in all. */
const MAX_FRAMES = 1000
const PURGE_CHUNK = 200

/** Whether a failure says that something is wrong, rather than that an event was not needed. */
export function isFault(reason: string): boolean {
  return !EXPECTED.has(reason)
}

/**
 * An applier on an open database. `onNotice` is called after the commit of each event that changed something, in order.
 */
export function createEventApplier(options: {
  readonly db: Database
  readonly examine: (op: VerifiedOp) => Examined
  /** Operations of other collections are left out; their commits count all the same. */
  readonly isWanted: (collection: string) => boolean
  /** Bytes on disk that the rows of one account may take, about. */
  readonly quota?: number
  /** The indexes that records are put into; default: none. */
  readonly projections?: Projections
  readonly now: () => number
  readonly onNotice: (notice: IndexNotice) => void
  /** Told of the newest number of the log, once it is durable. */
  readonly onLogged?: (seq: number) => void
}): EventApplier {
  const { db, isWanted, now, onNotice } = options
  const { examine, quota, onLogged, projections } = options
  const records = createRecordWriter(db, examine, quota, onLogged, projections)
  const lags = new Map<string, number>()
  const addOps = db.raw.prepare(
    `UPDATE totals SET commits = commits + ?, resyncs = resyncs + ?, creates = creates + ?, updates = updates + ?,
     deletes = deletes + ?, records = records + ?`,
  )
  const setHead = db.raw.prepare(
    `INSERT INTO accounts (did, head, rev, updated_at, stored) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (did) DO UPDATE SET head = excluded.head, rev = excluded.rev, updated_at = excluded.updated_at,
       stored = excluded.stored`,
  )
  const getStored = db.raw.prepare('SELECT stored FROM accounts WHERE did = ?')
  const getHandle = db.raw.prepare('SELECT handle FROM accounts WHERE did = ?')
  const setStored = db.raw.prepare(
    `INSERT INTO accounts (did, updated_at, stored) VALUES (?, ?, ?)
     ON CONFLICT (did) DO UPDATE SET stored = excluded.stored`,
  )
  const countFailure = db.raw.prepare(
    `INSERT INTO failures (reason, count, last_at) VALUES (?, 1, ?)
     ON CONFLICT (reason) DO UPDATE SET count = count + 1, last_at = excluded.last_at`,
  )
  const addDeadLetter = db.raw.prepare(
    `INSERT INTO dead_letters (at, did, source, source_seq, reason, message, frame_length, frame)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const dropFrame = db.raw.prepare('UPDATE dead_letters SET frame = NULL WHERE id = ?')
  const trimDeadLetters = db.raw.prepare('DELETE FROM dead_letters WHERE id <= ?')

  const notify = (notice: IndexNotice): void => db.afterCommit(() => onNotice(notice))

  const applyOps = (event: Extract<VerifiedEvent, { kind: 'commit' | 'resync' }>): void => {
    const context: OpContext = {
      did: event.did,
      rev: event.rev,
      provenance: event.kind === 'commit' ? 'live' : 'car',
      source: event.source,
      seq: event.seq,
      at: now(),
    }
    // What a resync takes out is of use whatever is wanted: what is not any more goes.
    const ops = event.ops.filter(
      ({ collection, cid }) => isWanted(collection) || (cid === null && event.kind === 'resync'),
    )
    const unread = ops.filter((op) => op.unread !== undefined)
    if (unread.length > 0) reportUnread(event, unread)
    const before = storedOf(event.did)
    const { applied, counts, room } = records.apply(ops, context, before)
    if (room.over !== null) reportOver(event, room.over)
    if (event.kind === 'commit' || event.last) {
      setHead.run(event.did, formatCid(event.commit), event.rev, context.at, room.stored)
    } else if (room.stored !== before) {
      setStored.run(event.did, context.at, room.stored)
    }
    addTotals(event.kind === 'commit' ? 1 : 0, event.kind === 'resync' && event.last ? 1 : 0, counts)
    if (event.kind === 'commit') lags.set(event.source, Math.max(0, context.at - Date.parse(event.time)))
    if (applied.length > 0) notify({ kind: 'records', context, ops: applied })
  }

  /** One letter for each kind, however many records there are: letters are bounded, and others' must not be pushed out. */
  const reportUnread = (
    event: Extract<VerifiedEvent, { kind: 'commit' | 'resync' }>,
    unread: readonly VerifiedOp[],
  ): void => {
    const { source, seq, did } = event
    const costly = unread.filter((op) => op.unread === 'too-costly')
    const malformed = unread.filter((op) => op.unread !== 'too-costly')
    const letter = (reason: FailureReason, what: string, [first]: readonly VerifiedOp[], n: number): void => {
      if (first === undefined) return
      const message = `${what}; path=${first.path.slice(0, 600)} records=${n}`
      applyFailure({ kind: 'failure', source, seq, did, reason, message })
    }
    letter('record-malformed', 'the repo holds something that is no record', malformed, malformed.length)
    letter('too-costly', 'content is kept as bytes and not looked at', costly, costly.length)
  }

  const handleOf = (did: string): string | null =>
    (getHandle.get(did)?.['handle'] as string | null | undefined) ?? null

  const storedOf = (did: string): number => Number(getStored.get(did)?.['stored'] ?? 0)

  const reportOver = (
    { source, seq, did }: Extract<VerifiedEvent, { kind: 'commit' | 'resync' }>,
    { path, records: n }: NonNullable<Room['over']>,
  ): void => {
    const message = `account has used up its room on disk; path=${path.slice(0, 600)} records=${n}`
    applyFailure({ kind: 'failure', source, seq, did, reason: 'too-costly', message })
  }

  const logOther = (
    kind: 'account' | 'identity' | 'sync',
    event: Extract<VerifiedEvent, { kind: 'account' | 'identity' | 'sync' }>,
    at: number,
    detail: string | null,
  ): boolean => {
    const { did, source, seq } = event
    const rev = event.kind === 'sync' ? event.rev : ''
    return records.logOther(kind, { did, rev, provenance: 'live', source, seq, at }, detail, event.time)
  }

  const addTotals = (commits: number, resyncs: number, counts: OpCounts): void => {
    addOps.run(commits, resyncs, counts.creates, counts.updates, counts.deletes, counts.records)
  }

  const applyFailure = (failure: FailureEvent): void => {
    const at = now()
    countFailure.run(failure.reason, at)
    if (isFault(failure.reason)) {
      const { lastInsertRowid } = addDeadLetter.run(
        at,
        failure.did,
        failure.source,
        failure.seq,
        failure.reason,
        failure.message.slice(0, 2000),
        failure.frame?.length ?? null,
        failure.frame?.bytes.subarray(0, REFUSED_FRAME_BYTES) ?? null,
      )
      dropFrame.run(Number(lastInsertRowid) - MAX_FRAMES)
      const oldest = Number(lastInsertRowid) - MAX_DEAD_LETTERS
      if (oldest > 0) trimDeadLetters.run(oldest)
    }
    notify({ kind: 'failure', failure, at })
  }

  const apply = (event: VerifiedEvent): void => {
    const at = now()
    switch (event.kind) {
      case 'commit':
      case 'resync':
        return applyOps(event)
      case 'failure':
        return applyFailure(event)
      case 'account': {
        const status = event.active ? null : (event.status ?? 'deactivated')
        db.prepare(
          `INSERT INTO accounts (did, status, updated_at) VALUES (?, ?, ?)
           ON CONFLICT (did) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at`,
        ).run(event.did, status, at)
        if (status === 'deleted') db.prepare('INSERT OR IGNORE INTO purges (did) VALUES (?)').run(event.did)
        else db.prepare('DELETE FROM purges WHERE did = ?').run(event.did)
        // What is sent again behind a kill was told.
        if (!logOther('account', event, at, status ?? 'active')) return
        db.raw.exec('UPDATE totals SET accounts = accounts + 1')
        return notify({ kind: 'account', did: event.did, status, at })
      }
      case 'identity': {
        // A handle belongs to one account at a time: whoever proved it last has it.
        if (event.handle !== null) {
          db.prepare('UPDATE accounts SET handle = NULL WHERE handle = ? AND did <> ?').run(
            event.handle,
            event.did,
          )
        }
        // What could not be looked up now is as it was.
        if (event.uncertain !== true) {
          db.prepare(
            `INSERT INTO accounts (did, handle, handle_checked_at, updated_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (did) DO UPDATE SET handle = excluded.handle, handle_checked_at = excluded.handle_checked_at,
               updated_at = excluded.updated_at`,
          ).run(event.did, event.handle, at, at)
        }
        const handle = event.uncertain === true ? handleOf(event.did) : event.handle
        if (!logOther('identity', event, at, handle)) return
        db.raw.exec('UPDATE totals SET identities = identities + 1')
        return notify({ kind: 'identity', did: event.did, handle: event.handle, at })
      }
      case 'sync':
        if (event.unchanged) {
          setHead.run(event.did, formatCid(event.commit), event.rev, at, storedOf(event.did))
        }
        if (logOther('sync', event, at, null)) db.raw.exec('UPDATE totals SET syncs = syncs + 1')
        return
      case 'info':
        return
    }
  }

  const purgeDeleted = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      if (signal.aborted) return
      const more = await db.write(() => {
        const row = db.prepare('SELECT did FROM purges LIMIT 1').get() as { did: string } | undefined
        if (row === undefined) return false
        const removed = records.purge(row.did, PURGE_CHUNK)
        addTotals(0, 0, { creates: 0, updates: 0, deletes: 0, records: -removed })
        if (removed < PURGE_CHUNK) {
          db.prepare('DELETE FROM purges WHERE did = ?').run(row.did)
          db.prepare('UPDATE dead_letters SET frame = NULL WHERE did = ?').run(row.did)
          db.prepare(
            'UPDATE accounts SET head = NULL, rev = NULL, handle = NULL, stored = 0 WHERE did = ?',
          ).run(row.did)
        }
        return true
      })
      if (!more) return
    }
  }

  return { apply, lagMs: (source) => lags.get(source) ?? null, purgeDeleted, records }
}
