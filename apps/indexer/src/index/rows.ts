// A record's row, its content and its links: written, replaced and taken out together. Everything here runs inside the transaction of
// the event.

import { type CID, cidEquals, cidFromBytes } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { type Provenance, PROVENANCES, VALIDITIES } from '../database/codes.ts'
import type { Names } from '../database/names.ts'
import { type Contents, costOf, createContents, type NewContent } from './contents.ts'
import type { Projections } from '../projections/store.ts'
import type { Examined } from './examine.ts'
import { createLinkCounts } from './link-counts.ts'
import { MAX_LINKS } from './links.ts'
import { countPointers, createTargetHash, eachPointer, packPointers } from './pointers.ts'

/** What the rows that one event writes share. */
export type EventRows = {
  readonly rev: string
  readonly provenance: Provenance
  /** ms since the epoch. */
  readonly at: number
  readonly repo: number
  readonly contents: Contents
  linksLeft: number
  /** Bytes on disk that the account's rows take, about, without what `contents` has grown by. */
  stored: number
  /** How many records more there are. */
  records: number
  /** The row that `put` wrote last. */
  row: number
}

/** What was at a path. */
export type Before = {
  readonly cid: Uint8Array
  /** The record, where no row has it any more. */
  readonly bytes: Uint8Array | null
}

/** A record as it stands. */
export type Row = {
  readonly id: number
  readonly collection: number
  readonly validity: number
  /** ms since the epoch. */
  readonly indexed_at: number
  readonly content: number | null
  readonly cid: Uint8Array
  readonly pointers: Uint8Array | null
  /** The record, where it stands in the row. */
  readonly bytes: Uint8Array | null
}

/** The tables `records`, `contents` and `links` of an open database. */
export type Rows = {
  begin(event: Pick<EventRows, 'rev' | 'provenance' | 'at' | 'repo' | 'stored'>): EventRows
  find(repo: number, collection: number, rkey: string): Row | undefined
  /**
   * Stores what is at a path now.
   * @param keepsBytes false: only its place and CID
   * @returns what was there
   */
  put(
    op: VerifiedOp,
    collection: number,
    examined: Examined,
    keepsBytes: boolean,
    event: EventRows,
  ): Before | null
  /**
   * Writes anew what is made of a stored record, where it is made otherwise now. Links of a record that repeats stay as they are.
   * @returns whether its label or its links were made otherwise
   */
  refresh(
    row: Row & { readonly reason: string | null },
    op: VerifiedOp,
    examined: Examined,
    event: EventRows,
  ): boolean
  /** Takes out what is at a path. @returns what was there */
  take(rkey: string, collection: number, event: EventRows): Before | null
  /** Takes out up to `limit` records of an account; returns how many. */
  purge(repo: number, limit: number): number
}

const INSERT = `INSERT INTO records (rev, indexed_at, validity, provenance, reason, content, cid, pointers, bytes, repo, collection, rkey)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repo, collection, rkey) DO NOTHING`
const UPDATE = `UPDATE records SET rev = ?, indexed_at = ?, validity = ?, provenance = ?, reason = ?, content = ?, cid = ?,
  pointers = ?, bytes = ? WHERE id = ?`
/** It is as it was when it came in: the time stays. */
const CONFIRM = 'UPDATE records SET rev = ?, validity = ?, provenance = ?, reason = ? WHERE id = ?'
const ROW =
  'SELECT id, collection, validity, indexed_at, content, cid, pointers, bytes FROM records WHERE repo = ?'
const LINK = 'INSERT OR IGNORE INTO links (target, path, collection, repo, record) VALUES (?, ?, ?, ?, ?)'
const UNLINK =
  'DELETE FROM links WHERE target = ? AND path = ? AND collection = ? AND repo = ? AND record = ?'

/** Largest record kept: what a commit may carry. An export may hold larger ones, of which the CID is kept. */
const MAX_RECORD_BYTES = 1_000_000
/** Links of one commit, or one part of an export. */
const MAX_EVENT_LINKS = 8192
/** Links of a record at a further path that it was not sent again for: its bytes were paid for once. */
const MAX_REPEATED_LINKS = 2
/** Further paths of one account that one record is linked from: one more costs its sender less than links take on the disk. */
const MAX_LINKED_PATHS = 1000

/** Bytes on disk of a record's row and its entry in the index, without its key, which stands in both. */
const RECORD_ROW = 120

/** A writer of rows, and of the indexes that there are. */
export function createRows(db: Database, names: Names, projections: Projections | null): Rows {
  const insert = db.raw.prepare(INSERT)
  const update = db.raw.prepare(UPDATE)
  const confirm = db.raw.prepare(CONFIRM)
  const select = db.raw.prepare(`${ROW} AND collection = ? AND rkey = ?`)
  const some = db.raw.prepare(`${ROW} LIMIT ?`)
  const remove = db.raw.prepare('DELETE FROM records WHERE id = ?')
  const relabel = db.raw.prepare('UPDATE records SET validity = ?, reason = ?, pointers = ? WHERE id = ?')
  const link = db.raw.prepare(LINK)
  const unlink = db.raw.prepare(UNLINK)
  const linkCounts = createLinkCounts(db)
  const openContents = createContents(db)
  const hash = createTargetHash(db)

  const find = (repo: number, collection: number, rkey: string): Row | undefined =>
    select.get(repo, collection, rkey) as Row | undefined

  /** @returns the record, where no other row has it */
  const removeLinks = (row: Row, repo: number, contents: Contents): Uint8Array | null => {
    const { id, collection, content } = row
    const { bytes, pointers } = content === null ? row : contents.release(content)
    eachPointer(pointers, MAX_LINKS, (target, path) => {
      const { changes } = unlink.run(target, path, collection, repo, id)
      if (changes === 1) linkCounts.removed({ target, path, collection }, repo, id)
    })
    return bytes
  }

  const insertLinks = (
    id: number,
    collection: number,
    pointers: Uint8Array | null,
    isRepeat: boolean,
    event: EventRows,
  ): void => {
    if (pointers === null) return
    const most = Math.min(isRepeat ? MAX_REPEATED_LINKS : MAX_LINKS, event.linksLeft)
    event.linksLeft -= Math.min(most, countPointers(pointers))
    eachPointer(pointers, most, (target, path) => {
      const { changes } = link.run(target, path, collection, event.repo, id)
      if (changes === 1) linkCounts.added({ target, path, collection }, event.repo, id)
    })
  }

  /** A row of its own. @returns its id; null if something is at the path */
  const insertRow = (
    { cid, rkey }: VerifiedOp,
    collection: number,
    { label }: Examined,
    content: number | null,
    { bytes, pointers }: NewContent,
    event: EventRows,
  ): number | null => {
    const { changes, lastInsertRowid } = insert.run(
      event.rev,
      event.at,
      VALIDITIES.indexOf(label.validity),
      PROVENANCES.indexOf(event.provenance),
      label.reason,
      content,
      cid!.bytes,
      pointers,
      bytes,
      event.repo,
      collection,
      rkey,
    )
    return changes === 1 ? Number(lastInsertRowid) : null
  }

  const project = (
    record: number,
    op: VerifiedOp,
    collection: number,
    { label, projected }: Examined,
    event: EventRows,
    indexedAt = event.at,
  ): void => {
    if (projections?.has(collection) !== true) return
    const known = projections.project(op, projected)
    if (known === null) return
    const own = { author: event.repo, validity: VALIDITIES.indexOf(label.validity), indexedAt }
    event.stored += projections.put(record, own, known)
  }

  const unproject = (record: number, collection: number): number =>
    projections?.has(collection) === true ? projections.remove(record) : 0

  const added = (rkey: string, own: NewContent, event: EventRows): void => {
    event.records++
    event.stored += rowCost(rkey, own.bytes?.length ?? 0, own.pointers)
  }

  /** What comes once stands in its row: its bytes were paid for. What repeats is shared, however often it does. */
  const put: Rows['put'] = (op, collection, examined, keepsBytes, event) => {
    const { rkey, recordBytes, isRepeat = false } = op
    const bytes =
      keepsBytes && recordBytes !== null && recordBytes.length <= MAX_RECORD_BYTES ? recordBytes : null
    const isShared = isRepeat && bytes !== null
    if (!isShared && op.action === 'create') {
      const own = { bytes, pointers: packPointers(examined.links, hash, names) }
      const id = insertRow(op, collection, examined, null, own, event)
      if (id !== null) {
        event.row = id
        added(rkey, own, event)
        insertLinks(id, collection, own.pointers, isRepeat, event)
        if (bytes !== null) project(id, op, collection, examined, event)
        return null
      }
    }
    return putOver(op, collection, examined, bytes, isShared, event)
  }

  /** The same where something may be at the path, or where the content may be there. */
  const putOver = (
    op: VerifiedOp,
    collection: number,
    examined: Examined,
    bytes: Uint8Array | null,
    isShared: boolean,
    event: EventRows,
  ): Before | null => {
    const { repo, contents } = event
    const { label, links } = examined
    const cid = op.cid!
    const validity = VALIDITIES.indexOf(label.validity)
    const provenance = PROVENANCES.indexOf(event.provenance)
    const row = find(repo, collection, op.rkey)
    if (row !== undefined && isSame(row, cid, validity)) {
      // The same record again, as when an export has brought it already: its links are there.
      confirm.run(event.rev, validity, provenance, label.reason, row.id)
      if (row.validity !== validity && projections?.has(collection) === true) {
        projections.move(row.id, { author: repo, validity, indexedAt: row.indexed_at })
      }
      event.row = row.id
      return { cid: row.cid, bytes: null }
    }
    const make = (): NewContent => ({ bytes, pointers: packPointers(links, hash, names) })
    const stored = isShared ? contents.use(cid, make) : null
    const own = stored === null ? make() : NOTHING
    const pointers = stored === null ? own.pointers : stored.pointers
    let id: number
    let before: Before | null = null
    if (row === undefined) {
      id = insertRow(op, collection, examined, stored?.id ?? null, own, event)!
    } else {
      id = row.id
      before = { cid: row.cid, bytes: removeLinks(row, repo, contents) }
      update.run(
        event.rev,
        event.at,
        validity,
        provenance,
        label.reason,
        stored?.id ?? null,
        cid.bytes,
        own.pointers,
        own.bytes,
        id,
      )
      event.records--
      event.stored -= rowCost(op.rkey, row.bytes?.length ?? 0, row.pointers) + unproject(id, collection)
    }
    event.row = id
    added(op.rkey, own, event)
    if (stored === null || stored.uses < MAX_LINKED_PATHS) {
      insertLinks(id, collection, pointers, op.isRepeat === true, event)
    }
    if (bytes !== null) project(id, op, collection, examined, event)
    return before
  }

  return {
    begin: (event) => ({
      ...event,
      contents: openContents(event.repo),
      linksLeft: MAX_EVENT_LINKS,
      records: 0,
      row: 0,
    }),
    find,
    put,
    refresh(row, op, examined, event) {
      const { label, links } = examined
      event.stored -= unproject(row.id, row.collection)
      project(row.id, op, row.collection, examined, event, row.indexed_at)
      const validity = VALIDITIES.indexOf(label.validity)
      const isShared = row.content !== null
      const pointers = isShared ? row.pointers : packPointers(links, hash, names)
      const isLinked = Buffer.compare(pointers ?? NO_BYTES, row.pointers ?? NO_BYTES) === 0
      if (isLinked && row.validity === validity && row.reason === label.reason) return false
      if (!isLinked) removeLinks(row, event.repo, event.contents)
      relabel.run(validity, label.reason, pointers, row.id)
      event.stored += costOf(0, pointers) - costOf(0, row.pointers)
      if (!isLinked) insertLinks(row.id, row.collection, pointers, false, event)
      return true
    },
    take(rkey, collection, event) {
      const row = find(event.repo, collection, rkey)
      if (row === undefined) return null
      const bytes = removeLinks(row, event.repo, event.contents)
      remove.run(row.id)
      event.records--
      event.stored -= rowCost(rkey, row.bytes?.length ?? 0, row.pointers) + unproject(row.id, collection)
      return { cid: row.cid, bytes }
    },
    purge(repo, limit) {
      const rows = some.all(repo, limit) as Row[]
      const contents = openContents(repo)
      for (const row of rows) {
        removeLinks(row, repo, contents)
        unproject(row.id, row.collection)
        remove.run(row.id)
      }
      return rows.length
    },
  }
}

const NO_BYTES = new Uint8Array(0)
const NOTHING: NewContent = { bytes: null, pointers: null }

/** Whether a row holds this record, and as much of it is known as now. */
function isSame(row: { cid: Uint8Array; validity: number }, cid: CID, validity: number): boolean {
  const isNewsOfIt = VALIDITIES[row.validity] === 'too-costly' && VALIDITIES[validity] !== 'too-costly'
  return !isNewsOfIt && cidEquals(cidFromBytes(row.cid), cid)
}

/** Bytes on disk of a row, about. What stands in `contents` is counted there. */
function rowCost(rkey: string, size: number, pointers: Uint8Array | null): number {
  return RECORD_ROW + 2 * rkey.length + costOf(size, pointers)
}
