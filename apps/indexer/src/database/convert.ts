// Rows of the first schema, moved into the second: a slice a transaction, so that a crash or a full disk loses none and the next
// start goes on.

import { encode } from '@avocet/cbor'
import { cidEquals, cidForCbor, DataError, type DataObject, fromJsonObject, parseCid } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { createExamine } from '../index/examine.ts'
import { createRecordWriter, type RecordWriter } from '../index/records.ts'
import type { Label } from '../index/validity.ts'
import { createNames, type Names } from './names.ts'

const SLICE = 500
/** The source of rows that have none in the new schema. */
const FIRST_SCHEMA = ''
const LOST: Label = { validity: 'too-costly', reason: 'its JSON was larger than what is looked at' }

type OldRecord = {
  id: number
  did: string
  collection: string
  rkey: string
  cid: string
  rev: string
  json: string
  validity: Label['validity']
  reason: string | null
  indexed_at: number
  provenance: 'live' | 'car'
}
type OldLog = { seq: number; did: string; collection: string | null; source: string } & Record<string, any>

/** Moves what is left of the first schema. @param onProgress told how many rows were moved, every so often */
export function convertFirstSchema(db: Database, onProgress: (rows: number) => void = () => {}): void {
  let moved = 0
  const slices = (table: string, move: () => number): void => {
    const exists = db.raw.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")
    if (exists.get(table) === undefined) return
    for (let rows = SLICE; rows > 0;) {
      rows = db.transaction(move)
      moved += rows
      if (rows > 0 && moved % (100 * SLICE) === 0) onProgress(moved)
    }
    db.raw.exec(`DROP TABLE ${table}`)
  }
  const writer = createRecordWriter(
    db,
    createExamine(() => LOST),
  )
  slices('records_v1', () => moveRecords(db, writer))
  const names = createNames(db)
  slices('log_v1', () => moveLog(db, names))
  if (moved > 0) onProgress(moved)
}

function moveRecords(db: Database, writer: RecordWriter): number {
  const rows = db.prepare('SELECT * FROM records_v1 ORDER BY id LIMIT ?').all(SLICE) as OldRecord[]
  const seen = new Set<string>()
  for (const row of rows) {
    const { did, collection, rkey, rev, provenance, indexed_at: at, validity, reason } = row
    const record = readJson(row.json)
    const recordBytes = record === null ? null : encode(record).slice()
    const cid = parseCid(row.cid)
    // What does not come back as what was signed is not kept: only its place and CID are.
    const isSame = recordBytes !== null && cidEquals(cidForCbor(recordBytes), cid)
    const op: VerifiedOp = {
      action: 'create',
      path: `${collection}/${rkey}`,
      collection,
      rkey,
      cid,
      record: isSame ? record : null,
      recordBytes: isSame ? recordBytes : null,
      prev: null,
      ...(seen.has(did + row.cid) ? { isRepeat: true } : {}),
    }
    seen.add(did + row.cid)
    const label: Label = isSame || row.json === 'null' ? { validity, reason } : LOST
    writer.restore(op, { did, rev, provenance, source: FIRST_SCHEMA, seq: null, at }, label)
  }
  const last = rows.at(-1)
  if (last !== undefined) db.prepare('DELETE FROM records_v1 WHERE id <= ?').run(last.id)
  return rows.length
}

function readJson(json: string): DataObject | null {
  try {
    return json === 'null' ? null : fromJsonObject(JSON.parse(json))
  } catch (error) {
    if (error instanceof DataError) return null
    throw error
  }
}

function moveLog(db: Database, names: Names): number {
  const rows = db.prepare('SELECT * FROM log_v1 ORDER BY seq LIMIT ?').all(SLICE) as OldLog[]
  const insert = db.prepare(
    `INSERT INTO log_rows (seq, at, kind, repo, rev, action, collection, rkey, cid, prev, provenance, source, source_seq, detail)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  for (const row of rows) {
    insert.run(
      row.seq,
      row['at'],
      row['kind'],
      names.add(row.did),
      row['rev'],
      row['action'],
      row.collection === null ? null : names.add(row.collection),
      row['rkey'],
      row['cid'],
      row['prev'],
      row['provenance'],
      names.add(row.source),
      row['source_seq'],
      row['detail'],
    )
  }
  const last = rows.at(-1)
  if (last !== undefined) db.prepare('DELETE FROM log_v1 WHERE seq <= ?').run(last.seq)
  return rows.length
}
