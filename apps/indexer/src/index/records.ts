// The write side of the index: verified operations become rows. Everything here runs inside the transaction of the event.

import { formatCid, type DataObject, fromJsonObject, toJson } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { findLinks } from './links.ts'
import type { Judge, Label } from './validity.ts'

/** How a row came to be known: from a verified commit of the stream, or from a verified export of the whole repo. */
export type Provenance = 'live' | 'car'

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
  readonly logSeq: number
  readonly action: VerifiedOp['action']
  readonly collection: string
  readonly rkey: string
  readonly cid: string | null
  readonly label: Label | null
  readonly record: DataObject | null
}

/** Sums over what was applied. */
export type OpCounts = { creates: number; updates: number; deletes: number; records: number }

/** Applies verified operations to the tables `records`, `links` and `log`. */
export type RecordWriter = {
  /** @returns what was applied, in order, with how many rows came and went. */
  apply(ops: readonly VerifiedOp[], context: OpContext): { applied: AppliedOp[]; counts: OpCounts }
  /** Removes up to `limit` records of an account with their links; returns how many were removed. */
  purge(did: string, limit: number): number
}

const INSERT = `INSERT INTO records (did, collection, rkey, cid, rev, json, validity, reason, indexed_at, provenance)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (did, collection, rkey) DO NOTHING`
const UPDATE = `UPDATE records SET cid = ?, rev = ?, json = ?, validity = ?, reason = ?, indexed_at = ?, provenance = ?
  WHERE did = ? AND collection = ? AND rkey = ?`
const SELECT = 'SELECT cid, json FROM records WHERE did = ? AND collection = ? AND rkey = ?'
const DELETE = 'DELETE FROM records WHERE did = ? AND collection = ? AND rkey = ?'
const LINK = 'INSERT OR IGNORE INTO links (target, collection, path, did, rkey) VALUES (?, ?, ?, ?, ?)'
const UNLINK = 'DELETE FROM links WHERE target = ? AND collection = ? AND path = ? AND did = ? AND rkey = ?'
const LOG = `INSERT INTO log (at, kind, did, rev, action, collection, rkey, cid, prev, provenance, source, source_seq)
  VALUES (?, 'record', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Of a block that cannot be a record: not an object, or outside of the data model. Its row says so and has no content. */
const UNREADABLE: Label = {
  validity: 'unreadable',
  reason: 'not a record: the block is no object of the data model',
}

/** A writer on an open database. */
export function createRecordWriter(db: Database, judge: Judge): RecordWriter {
  const insert = db.raw.prepare(INSERT)
  const update = db.raw.prepare(UPDATE)
  const select = db.raw.prepare(SELECT)
  const remove = db.raw.prepare(DELETE)
  const link = db.raw.prepare(LINK)
  const unlink = db.raw.prepare(UNLINK)
  const log = db.raw.prepare(LOG)

  const addLinks = (did: string, op: { collection: string; rkey: string }, record: DataObject): void => {
    for (const { target, path } of findLinks(record)) link.run(target, op.collection, path, did, op.rkey)
  }
  const removeLinks = (did: string, op: { collection: string; rkey: string }, json: string): void => {
    if (json === 'null') return
    for (const { target, path } of findLinks(fromJsonObject(JSON.parse(json) as unknown))) {
      unlink.run(target, op.collection, path, did, op.rkey)
    }
  }

  const applyOne = (op: VerifiedOp, context: OpContext, counts: OpCounts): AppliedOp => {
    const { did, rev, provenance, at } = context
    const { collection, rkey, record } = op
    const cid = op.cid === null ? null : formatCid(op.cid)
    let previous = op.prev === null ? null : formatCid(op.prev)
    let label: Label | null = null
    if (cid !== null) {
      // The repo holds something here that is no record: that is said of it, and it is not shown.
      label = record === null ? UNREADABLE : judge(collection, rkey, record)
      const json = record === null ? 'null' : JSON.stringify(toJson(record))
      const { validity, reason } = label
      let inserted = false
      if (op.action === 'create') {
        const { changes } = insert.run(
          did,
          collection,
          rkey,
          cid,
          rev,
          json,
          validity,
          reason,
          at,
          provenance,
        )
        inserted = changes === 1
      }
      if (!inserted) {
        const row = select.get(did, collection, rkey) as { cid: string; json: string } | undefined
        if (row === undefined) {
          insert.run(did, collection, rkey, cid, rev, json, validity, reason, at, provenance)
          inserted = true
        } else {
          previous ??= row.cid
          removeLinks(did, op, row.json)
          update.run(cid, rev, json, validity, reason, at, provenance, did, collection, rkey)
        }
      }
      if (inserted) counts.records++
      if (record !== null) addLinks(did, op, record)
    } else {
      const row = select.get(did, collection, rkey) as { cid: string; json: string } | undefined
      if (row !== undefined) {
        previous ??= row.cid
        removeLinks(did, op, row.json)
        remove.run(did, collection, rkey)
        counts.records--
      }
    }
    if (op.action === 'create') counts.creates++
    else if (op.action === 'update') counts.updates++
    else counts.deletes++
    const { lastInsertRowid } = log.run(
      at,
      did,
      rev,
      op.action,
      collection,
      rkey,
      cid,
      previous,
      provenance,
      context.source,
      context.seq,
    )
    return { logSeq: Number(lastInsertRowid), action: op.action, collection, rkey, cid, label, record }
  }

  return {
    apply(ops, context) {
      const counts: OpCounts = { creates: 0, updates: 0, deletes: 0, records: 0 }
      return { applied: ops.map((op) => applyOne(op, context, counts)), counts }
    },
    purge(did, limit) {
      const rows = db
        .prepare('SELECT collection, rkey, json FROM records WHERE did = ? LIMIT ?')
        .all(did, limit) as { collection: string; rkey: string; json: string }[]
      for (const row of rows) {
        removeLinks(did, row, row.json)
        remove.run(did, row.collection, row.rkey)
      }
      return rows.length
    },
  }
}
