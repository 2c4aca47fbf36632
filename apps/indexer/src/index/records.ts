// The write side of the index: verified operations become rows. Everything here runs inside the transaction of the event.

import { cidEquals, cidFromBytes, formatCid } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Provenance } from '../database/codes.ts'
import { createNames } from '../database/names.ts'
import { type Examined, examined } from './examine.ts'
import { createRows, type EventRows } from './rows.ts'
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
  /** Its row in the log; of a record that an export brought, that of all of them. */
  readonly logSeq: number
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
export type RecordWriter = {
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
   * @returns false: the row is there already
   */
  logOther(kind: 'identity' | 'account' | 'sync', context: OpContext, detail: string | null): boolean
  /** Removes up to `limit` records of an account with their links, fewer if they have many; returns how many were removed. */
  purge(did: string, limit: number): number
}

const LOG = `INSERT INTO log_rows (at, kind, repo, rev, action, collection, rkey, cid, prev, provenance, source, source_seq, detail)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

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
 */
export function createRecordWriter(
  db: Database,
  examine: (op: VerifiedOp) => Examined,
  quota: number = Infinity,
): RecordWriter {
  const log = db.raw.prepare(LOG)
  const logged = db.raw.prepare(LOGGED)
  const names = createNames(db)
  const rows = createRows(db, names)

  /** What the operations of one event share. */
  type Shared = {
    readonly context: OpContext
    readonly counts: OpCounts
    readonly source: number
    readonly rows: EventRows
    over: { readonly path: string; records: number } | null
    /** The row of the log for all that an export brought. */
    brought: number | null
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
    let before: Uint8Array | null
    if (op.cid === null) before = rows.take(rkey, name, shared.rows)
    else {
      const known = room === 'all' ? examined(op, examine) : OVER
      label = known.label
      before = rows.put(op, name, known, known !== OVER, shared.rows)
    }
    shared.counts[COUNTED[action]]++
    let logSeq: number
    if (action === 'create' && shared.context.provenance === 'car') {
      // What an export brings is in the tables: a row of the log for each would double what a backfill writes.
      shared.brought ??= writeLog('resync', shared, null)
      logSeq = shared.brought
    } else {
      logSeq = logRecord(op, name, before, shared)
    }
    return { logSeq, action, collection, rkey, label, op }
  }

  const logRecord = (op: VerifiedOp, name: number, before: Uint8Array | null, shared: Shared): number => {
    const { rev, provenance, at, seq } = shared.context
    const previous = op.prev ?? (before === null ? null : cidFromBytes(before))
    const { lastInsertRowid } = log.run(
      at,
      'record',
      shared.rows.repo,
      rev,
      op.action,
      name,
      op.rkey,
      op.cid === null ? null : formatCid(op.cid),
      previous === null ? null : formatCid(previous),
      provenance,
      shared.source,
      seq,
      null,
    )
    return Number(lastInsertRowid)
  }

  const writeLog = (
    kind: string,
    { context, rows: { repo }, source }: WhereLogged,
    detail: string | null,
  ): number => {
    const { at, rev, provenance, seq } = context
    const { lastInsertRowid } = log.run(
      at,
      kind,
      repo,
      rev === '' ? null : rev,
      null,
      null,
      null,
      null,
      null,
      provenance,
      source,
      seq,
      detail,
    )
    return Number(lastInsertRowid)
  }

  const share = (context: OpContext, stored = 0): Shared => {
    const { rev, provenance, at } = context
    const repo = names.add(context.did)
    return {
      context,
      counts: { creates: 0, updates: 0, deletes: 0, records: 0 },
      source: names.add(context.source),
      rows: rows.begin({ rev, provenance, at, repo, stored }),
      over: null,
      brought: null,
      collection: null,
    }
  }

  return {
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
    logOther(kind, context, detail) {
      const repo = names.add(context.did)
      const source = names.add(context.source)
      const { seq, rev } = context
      // A source that numbers anew may use a number again, for something else.
      const known =
        seq === null ? undefined : logged.get(source, seq, kind, repo, rev === '' ? null : rev, detail)
      if (known !== undefined) return false
      writeLog(kind, { context, rows: { repo }, source }, detail)
      return true
    },
    purge(did, limit) {
      const repo = names.find(did)
      return repo === null ? 0 : rows.purge(repo, limit)
    },
  }
}

type WhereLogged = {
  readonly context: OpContext
  readonly rows: { readonly repo: number }
  readonly source: number
}

const COUNTED = { create: 'creates', update: 'updates', delete: 'deletes' } as const
