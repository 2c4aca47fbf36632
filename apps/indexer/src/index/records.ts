// The write side of the index: verified operations become rows. Everything here runs inside the transaction of the event.

import { type CID, cidEquals, cidFromBytes, formatCid } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { type Provenance, PROVENANCES, VALIDITIES } from '../database/codes.ts'
import { createNames } from '../database/names.ts'
import { type Contents, costOf, createContents, type NewContent } from './contents.ts'
import { type Examined, examined } from './examine.ts'
import { MAX_LINKS } from './links.ts'
import { countPointers, createTargetHash, eachPointer, packPointers } from './pointers.ts'
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
  readonly cid: string | null
  readonly label: Label | null
  /** With the record, which may not be decoded yet. */
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
  /** Writes a row of the log that is of no record: kind `identity`, `account` or `sync`. An empty `rev`: none. */
  logOther(kind: string, context: OpContext, detail: string | null): void
  /** Removes up to `limit` records of an account with their links, fewer if they have many; returns how many were removed. */
  purge(did: string, limit: number): number
}

const INSERT = `INSERT INTO records (rev, indexed_at, validity, provenance, reason, content, cid, pointers, bytes, repo, collection, rkey)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repo, collection, rkey) DO NOTHING`
const UPDATE = `UPDATE records SET rev = ?, indexed_at = ?, validity = ?, provenance = ?, reason = ?, content = ?, cid = ?,
  pointers = ?, bytes = ? WHERE id = ?`
const CONFIRM =
  'UPDATE records SET rev = ?, indexed_at = ?, validity = ?, provenance = ?, reason = ? WHERE id = ?'
const ROW = `SELECT id, collection, validity, content, cid, pointers, coalesce(length(bytes), 0) AS size
  FROM records WHERE repo = ?`
const SELECT = `${ROW} AND collection = ? AND rkey = ?`
const LINK = 'INSERT OR IGNORE INTO links (target, path, collection, repo, record) VALUES (?, ?, ?, ?, ?)'
const UNLINK =
  'DELETE FROM links WHERE target = ? AND path = ? AND collection = ? AND repo = ? AND record = ?'
const LOG = `INSERT INTO log_rows (at, kind, repo, rev, action, collection, rkey, cid, prev, provenance, source, source_seq, detail)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Largest record kept: what a commit may carry. An export may hold larger ones, of which the CID is kept. */
const MAX_RECORD_BYTES = 1_000_000
/** Links of one commit, or one part of an export. */
const MAX_EVENT_LINKS = 8192
/** Links of a record at a further path that it was not sent again for: its bytes were paid for once. */
const MAX_REPEATED_LINKS = 2

/** Bytes on disk of a record's row and its entry in the index, without its key, which stands in both. */
const RECORD_ROW = 120

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
  const insert = db.raw.prepare(INSERT)
  const update = db.raw.prepare(UPDATE)
  const confirm = db.raw.prepare(CONFIRM)
  const select = db.raw.prepare(SELECT)
  const remove = db.raw.prepare('DELETE FROM records WHERE id = ?')
  const link = db.raw.prepare(LINK)
  const unlink = db.raw.prepare(UNLINK)
  const log = db.raw.prepare(LOG)
  const names = createNames(db)
  const openContents = createContents(db)
  const hash = createTargetHash(db)

  /** What the operations of one event share. */
  type Shared = {
    readonly context: OpContext
    readonly counts: OpCounts
    readonly repo: number
    readonly source: number
    readonly contents: Contents
    linksLeft: number
    /** Bytes on disk that the account's rows take, about, without what `contents` has grown by. */
    stored: number
    over: { readonly path: string; records: number } | null
    /** The row of the log for all that an export brought. */
    brought: number | null
  }
  type Content = NewContent & { readonly id: number | null }
  type Row = {
    readonly id: number
    readonly collection: number
    readonly validity: number
    readonly content: number | null
    readonly cid: Uint8Array
    readonly pointers: Uint8Array | null
    /** Bytes of the record, where it stands in the row. */
    readonly size: number
  }

  /** Takes out what the row points to. @returns the CID of its record */
  const removeLinks = (row: Row, { repo, contents }: Pick<Shared, 'repo' | 'contents'>): string => {
    const { id, collection, content, cid } = row
    const pointers = content === null ? row.pointers : contents.release(content)
    eachPointer(pointers, MAX_LINKS, (target, path) => {
      unlink.run(target, path, collection, repo, id)
    })
    return formatCid(cidFromBytes(cid))
  }

  /** Stores what is at a path now. @returns the CID of what was there */
  const put = (
    op: VerifiedOp,
    collection: number,
    { label, links }: Examined,
    shared: Shared,
  ): string | null => {
    const { context, counts, repo } = shared
    const { rkey, recordBytes } = op
    const validity = VALIDITIES.indexOf(label.validity)
    const provenance = PROVENANCES.indexOf(context.provenance)
    const about = [context.rev, context.at, validity, provenance, label.reason] as const
    const isKept = label !== OVER.label && recordBytes !== null && recordBytes.length <= MAX_RECORD_BYTES
    const bytes = isKept ? recordBytes : null
    const make = (): NewContent => ({ bytes, pointers: packPointers(links, hash, names) })
    const own = (stored: Content) =>
      [stored.id, op.cid!.bytes, stored.id === null ? stored.pointers : null, stored.bytes] as const
    const insertRow = (content: Content) => insert.run(...about, ...own(content), repo, collection, rkey)
    // What comes once stands in its row: its bytes were paid for. What repeats is shared, however often it does.
    let content: Content | null = bytes !== null && op.isRepeat === true ? null : { id: null, ...make() }
    let id: number | null = null
    if (content !== null && op.action === 'create') {
      const { changes, lastInsertRowid } = insertRow(content)
      if (changes === 1) id = Number(lastInsertRowid)
    }
    let before: string | null = null
    if (id === null) {
      const row = select.get(repo, collection, rkey) as Row | undefined
      if (row !== undefined && isSame(row, op.cid!, validity)) {
        // The same record again, as when an export has brought it already: its links are there.
        confirm.run(...about, row.id)
        return formatCid(op.cid!)
      }
      content ??= { ...shared.contents.use(op.cid!, make), bytes: null }
      if (row === undefined) {
        id = Number(insertRow(content).lastInsertRowid)
      } else {
        before = removeLinks(row, shared)
        update.run(...about, ...own(content), row.id)
        id = row.id
        counts.records--
        shared.stored -= rowCost(rkey, row)
      }
    }
    counts.records++
    shared.stored += rowCost(rkey, rowOf(content!))
    const { pointers } = content!
    const most = Math.min(op.isRepeat === true ? MAX_REPEATED_LINKS : MAX_LINKS, shared.linksLeft)
    shared.linksLeft -= Math.min(most, countPointers(pointers))
    eachPointer(pointers, most, (target, path) => {
      link.run(target, path, collection, repo, id)
    })
    return before
  }

  const take = (rkey: string, collection: number, shared: Shared): string | null => {
    const { repo, counts } = shared
    const row = select.get(repo, collection, rkey) as Row | undefined
    if (row === undefined) return null
    const before = removeLinks(row, shared)
    remove.run(row.id)
    counts.records--
    shared.stored -= rowCost(rkey, row)
    return before
  }

  const usedBy = ({ stored, contents }: Shared): number => stored + contents.grown

  /** What is kept of a record: all of it, its place, or nothing. What has a place already keeps it. */
  const roomFor = (
    op: VerifiedOp,
    collection: number | null,
    shared: Shared,
  ): 'all' | 'place' | 'nothing' => {
    if (op.cid === null || usedBy(shared) < quota) return 'all'
    const row = collection === null ? undefined : select.get(shared.repo, collection, op.rkey)
    if (row !== undefined && cidEquals(cidFromBytes(row['cid'] as Uint8Array), op.cid)) return 'all'
    shared.over ??= { path: op.path, records: 0 }
    shared.over.records++
    return usedBy(shared) < 2 * quota || row !== undefined ? 'place' : 'nothing'
  }

  const applyOne = (op: VerifiedOp, shared: Shared): AppliedOp | null => {
    const { context, counts, repo, source } = shared
    const { rev, provenance, at, seq } = context
    const { action, collection, rkey } = op
    const name = usedBy(shared) < 2 * quota ? names.add(collection) : names.find(collection)
    const room = roomFor(op, name, shared)
    if (name === null || room === 'nothing') return null
    const cid = op.cid === null ? null : formatCid(op.cid)
    let label: Label | null = null
    let before: string | null
    if (cid === null) before = take(rkey, name, shared)
    else {
      const known = room === 'all' ? examined(op, examine) : OVER
      label = known.label
      before = put(op, name, known, shared)
    }
    counts[`${action}s`]++
    let logSeq: number
    if (action === 'create' && provenance === 'car') {
      // What an export brings is in the tables: a row of the log for each would double what a backfill writes.
      shared.brought ??= writeLog('resync', shared, null)
      logSeq = shared.brought
    } else {
      const previous = op.prev === null ? before : formatCid(op.prev)
      const { lastInsertRowid } = log.run(
        at,
        'record',
        repo,
        rev,
        action,
        name,
        rkey,
        cid,
        previous,
        provenance,
        source,
        seq,
        null,
      )
      logSeq = Number(lastInsertRowid)
    }
    return { logSeq, action, collection, rkey, cid, label, op }
  }

  const writeLog = (
    kind: string,
    { context, repo, source }: Pick<Shared, 'context' | 'repo' | 'source'>,
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
    const repo = names.add(context.did)
    return {
      context,
      counts: { creates: 0, updates: 0, deletes: 0, records: 0 },
      repo,
      source: names.add(context.source),
      contents: openContents(repo),
      linksLeft: MAX_EVENT_LINKS,
      stored,
      over: null,
      brought: null,
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
      const applied = ops.map((op) => applyOne(op, shared)).filter((op) => op !== null)
      shared.contents.settle()
      // Names stay, whatever becomes of the records that needed them.
      const room = { stored: Math.max(0, usedBy(shared)) + names.made - made, over: shared.over }
      return { applied, counts: shared.counts, room }
    },
    restore(op, context, label) {
      const shared = share(context)
      put(op, names.add(op.collection), { ...examine(op), label }, shared)
      shared.contents.settle()
    },
    logOther(kind, context, detail) {
      writeLog(kind, { context, repo: names.add(context.did), source: names.add(context.source) }, detail)
    },
    purge(did, limit) {
      const repo = names.find(did)
      if (repo === null) return 0
      const rows = db.prepare(`${ROW} LIMIT ?`).all(repo, limit) as Row[]
      const contents = openContents(repo)
      for (const row of rows) {
        removeLinks(row, { repo, contents })
        remove.run(row.id)
      }
      return rows.length
    },
  }
}

/** Whether a row holds this record, and as much of it is known as now. */
function isSame(row: { cid: Uint8Array; validity: number }, cid: CID, validity: number): boolean {
  const isNewsOfIt = VALIDITIES[row.validity] === 'too-costly' && VALIDITIES[validity] !== 'too-costly'
  return !isNewsOfIt && cidEquals(cidFromBytes(row.cid), cid)
}

/** Bytes on disk of a row, about. What stands in `contents` is counted there. */
function rowCost(rkey: string, { size, pointers }: { size: number; pointers: Uint8Array | null }): number {
  return RECORD_ROW + 2 * rkey.length + costOf(size, pointers)
}

/** What of a record stands in its row. */
function rowOf({ id, bytes, pointers }: NewContent & { id: number | null }): Parameters<typeof rowCost>[1] {
  return id === null ? { size: bytes?.length ?? 0, pointers } : { size: 0, pointers: null }
}
