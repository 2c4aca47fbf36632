// The write side of the index: verified operations become rows. Everything here runs inside the transaction of the event.

import { type CID, cidEquals, cidFromBytes, formatCid } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { type Provenance, PROVENANCES, VALIDITIES } from '../database/codes.ts'
import { createNames } from '../database/names.ts'
import { type Contents, createContents, type NewContent } from './contents.ts'
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

/** Applies verified operations to the tables `records`, `links` and `log`. */
export type RecordWriter = {
  /** @returns what was applied, in order, with how many rows came and went. */
  apply(ops: readonly VerifiedOp[], context: OpContext): { applied: AppliedOp[]; counts: OpCounts }
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
const ROW = 'SELECT id, collection, validity, content, cid, pointers FROM records WHERE repo = ?'
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

/** A writer on an open database. */
export function createRecordWriter(db: Database, examine: (op: VerifiedOp) => Examined): RecordWriter {
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
    const bytes = recordBytes !== null && recordBytes.length <= MAX_RECORD_BYTES ? recordBytes : null
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
      }
    }
    counts.records++
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
    return before
  }

  const applyOne = (op: VerifiedOp, shared: Shared): AppliedOp => {
    const { context, counts, repo, source } = shared
    const { rev, provenance, at, seq } = context
    const { action, collection, rkey } = op
    const name = names.add(collection)
    const cid = op.cid === null ? null : formatCid(op.cid)
    let label: Label | null = null
    let before: string | null
    if (cid === null) before = take(rkey, name, shared)
    else {
      const known = examined(op, examine)
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

  const share = (context: OpContext): Shared => {
    const repo = names.add(context.did)
    return {
      context,
      counts: { creates: 0, updates: 0, deletes: 0, records: 0 },
      repo,
      source: names.add(context.source),
      contents: openContents(repo),
      linksLeft: MAX_EVENT_LINKS,
      brought: null,
    }
  }

  return {
    apply(ops, context) {
      if (ops.length === 0) return { applied: [], counts: { creates: 0, updates: 0, deletes: 0, records: 0 } }
      const shared = share(context)
      const applied = ops.map((op) => applyOne(op, shared))
      shared.contents.settle()
      return { applied, counts: shared.counts }
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
