// The write side of the index: verified operations become rows. Everything here runs inside the transaction of the event.

import { cidEquals, cidFromBytes } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { type Provenance, VALIDITIES } from '../database/codes.ts'
import { createNames } from '../database/names.ts'
import type { Projections } from '../projections/store.ts'
import type { Examined } from './examine.ts'
import { createLogWriter, type LoggedEvent } from './log.ts'
import { type Before, createRows, type EventRows } from './rows.ts'
import { createSweeps, type Sweeps } from './sweeps.ts'
import type { Label } from './validity.ts'

/** The event that operations belong to. */
export type OpContext = {
  readonly did: string
  readonly rev: string
  readonly provenance: Provenance
  readonly source: string
  readonly seq: number | null
  /** ms since the epoch. */
  readonly at: number
}

/** An operation as it was applied: what the log and the live page show. */
export type AppliedOp = {
  /** Its number in the log; 0 for what an export brought that was there already. */
  logSeq: number
  readonly action: VerifiedOp['action']
  readonly collection: string
  readonly rkey: string
  readonly label: Label | null
  /** With its CID, and the record, which may not be decoded yet. */
  readonly op: VerifiedOp
}

/** Sums over what was applied. */
export type OpCounts = { creates: number; updates: number; deletes: number; records: number }

/** What became of the room of an account. `over`: the first record that had none, and how many there were. */
export type Room = {
  /** Bytes on disk that the account's rows take now, about. */
  readonly stored: number
  readonly over: { readonly path: string; readonly records: number } | null
}

/** Applies verified operations to the tables `records`, `links` and `log`. */
export type RecordWriter = Sweeps & {
  /**
   * An account that has used up its room keeps the places of its records without their content, and one that has used it up twice
   * gets no new places.
   * @param stored bytes on disk that the account's rows took until now, about
   * @returns what was applied, in order, with how many rows came and went.
   */
  apply(
    ops: readonly VerifiedOp[],
    context: OpContext,
    stored?: number,
  ): { applied: AppliedOp[]; counts: OpCounts; room: Room }
  /** Puts a record that was indexed before into the tables `records` and `links`, and nothing into the log. */
  restore(op: VerifiedOp, context: OpContext, label: Label): void
  /**
   * Writes a row of the log that is of no record, once for an event of a source, however often it is sent. An empty `rev`: none.
   * @param time what the source says, RFC 3339
   * @returns false: the row is there already
   */
  logOther(
    kind: 'identity' | 'account' | 'sync',
    context: OpContext,
    detail: string | null,
    time: string,
  ): boolean
  /** Removes up to `limit` records of an account with their links, fewer if they have many; returns how many were removed. */
  purge(did: string, limit: number): number
}

const LOGGED = `SELECT 1 FROM log_rows WHERE kind IN ('account', 'identity', 'sync') AND source = ? AND source_seq = ?
  AND kind = ? AND repo = ? AND rev IS ? AND detail IS ?`

/** A record that the account has no room for. */
const OVER: Examined = {
  label: { validity: 'too-costly', reason: 'the account has used up its room' },
  links: [],
}

/**
 * A writer on an open database.
 * @param quota bytes on disk that one account's rows may take, about
 * @param onLogged told of the newest number of the log once it is durable
 * @param projections the indexes that records are to be put into
 */
export function createRecordWriter(
  db: Database,
  examine: (op: VerifiedOp) => Examined,
  quota: number = Infinity,
  onLogged?: (seq: number) => void,
  projections: Projections | null = null,
): RecordWriter {
  const log = createLogWriter(db, onLogged)
  const logged = db.raw.prepare(LOGGED)
  const names = createNames(db)
  const rows = createRows(db, names, projections)

  /** What the operations of one event share. */
  type Shared = {
    readonly counts: OpCounts
    readonly logged: LoggedEvent
    readonly rows: EventRows
    over: { readonly path: string; records: number } | null
    /** Records that an export brought, in rows with ids one after the other, until they are logged. */
    brought: { readonly first: number; readonly ops: AppliedOp[] } | null
    /** The collection looked up last: an export has one after the other. */
    collection: { readonly name: string; readonly id: number } | null
  }

  const usedBy = ({ rows: { stored, contents } }: Shared): number => stored + contents.grown

  const findName = (collection: string, shared: Shared): number | null => {
    if (shared.collection?.name === collection) return shared.collection.id
    const id = usedBy(shared) < 2 * quota ? names.add(collection) : names.find(collection)
    if (id !== null) shared.collection = { name: collection, id }
    return id
  }

  /** What is kept of a record: all of it, its place, or nothing. What has a place already keeps it. */
  const roomFor = (
    op: VerifiedOp,
    collection: number | null,
    shared: Shared,
  ): 'all' | 'place' | 'nothing' => {
    if (op.cid === null || usedBy(shared) < quota) return 'all'
    const row = collection === null ? undefined : rows.find(shared.rows.repo, collection, op.rkey)
    if (row !== undefined && cidEquals(cidFromBytes(row.cid), op.cid)) return 'all'
    shared.over ??= { path: op.path, records: 0 }
    shared.over.records++
    return usedBy(shared) < 2 * quota || row !== undefined ? 'place' : 'nothing'
  }

  const applyOne = (op: VerifiedOp, shared: Shared): AppliedOp | null => {
    const { action, collection, rkey } = op
    const name = findName(collection, shared)
    const room = roomFor(op, name, shared)
    if (name === null || room === 'nothing') return null
    let label: Label | null = null
    let before: Before | null
    if (op.cid === null) before = rows.take(rkey, name, shared.rows)
    else {
      const known = room === 'all' ? examine(op) : OVER
      label = known.label
      before = rows.put(op, name, known, known !== OVER, shared.rows)
    }
    shared.counts[COUNTED[action]]++
    const done: AppliedOp = { logSeq: 0, action, collection, rkey, label, op }
    const isBrought = action === 'create' && shared.logged.provenance === 'car'
    if (isBrought && before === null) bring(done, shared)
    else if (!isBrought || !cidEquals(cidFromBytes(before!.cid), op.cid!))
      done.logSeq = logChange(op, name, before, label, shared)
    return done
  }

  /** What an export brings is in the tables: a row of the log for each would double what a backfill writes. */
  const bring = (done: AppliedOp, shared: Shared): void => {
    const { brought } = shared
    const { row } = shared.rows
    if (brought !== null && row === brought.first + brought.ops.length) brought.ops.push(done)
    else {
      logBrought(shared)
      shared.brought = { first: row, ops: [done] }
    }
  }

  const logBrought = (shared: Shared): void => {
    const { brought } = shared
    if (brought === null) return
    const first = log.brought(shared.logged, brought.first, brought.ops.length)
    for (const [i, done] of brought.ops.entries()) done.logSeq = first + i
    shared.brought = null
  }

  const logChange = (
    op: VerifiedOp,
    collection: number,
    before: Before | null,
    label: Label | null,
    shared: Shared,
  ): number =>
    log.change(shared.logged, {
      action: op.action,
      collection,
      rkey: op.rkey,
      cid: op.cid,
      previous: op.prev ?? (before === null ? null : cidFromBytes(before.cid)),
      previousBytes: before?.bytes ?? null,
      record: op.cid === null ? null : shared.rows.row,
      validity: label === null ? null : VALIDITIES.indexOf(label.validity),
    })

  const share = (context: OpContext, stored = 0): Shared => {
    const { rev, provenance, seq, at } = context
    const repo = names.add(context.did)
    return {
      counts: { creates: 0, updates: 0, deletes: 0, records: 0 },
      logged: { repo, source: names.add(context.source), rev, provenance, seq, at },
      rows: rows.begin({ rev, provenance, at, repo, stored }),
      over: null,
      brought: null,
      collection: null,
    }
  }

  return {
    ...createSweeps(db, rows, examine),
    apply(ops, context, stored = 0) {
      if (ops.length === 0) {
        const counts = { creates: 0, updates: 0, deletes: 0, records: 0 }
        return { applied: [], counts, room: { stored, over: null } }
      }
      const { made } = names
      const shared = share(context, stored)
      const applied: AppliedOp[] = []
      for (const op of ops) {
        const done = applyOne(op, shared)
        if (done !== null) applied.push(done)
      }
      logBrought(shared)
      shared.rows.contents.settle()
      const counts = { ...shared.counts, records: shared.rows.records }
      // Names stay, whatever becomes of the records that needed them.
      const room = { stored: Math.max(0, usedBy(shared)) + names.made - made, over: shared.over }
      return { applied, counts, room }
    },
    restore(op, context, label) {
      const shared = share(context)
      const { links } = examine(op)
      rows.put(op, names.add(op.collection), { label, links }, true, shared.rows)
      shared.rows.contents.settle()
    },
    logOther(kind, context, detail, time) {
      const repo = names.add(context.did)
      const source = names.add(context.source)
      const { seq, rev, provenance, at } = context
      // A source that numbers anew may use a number again, for something else.
      const known =
        seq === null ? undefined : logged.get(source, seq, kind, repo, rev === '' ? null : rev, detail)
      if (known !== undefined) return false
      log.other(kind, { repo, source, rev, provenance, seq, at }, detail, time)
      return true
    },
    purge(did, limit) {
      const repo = names.find(did)
      return repo === null ? 0 : rows.purge(repo, limit)
    },
  }
}

const COUNTED = { create: 'creates', update: 'updates', delete: 'deletes' } as const
