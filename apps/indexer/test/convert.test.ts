// A database of the first schema, opened by this version.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject, formatCid, toJson } from '@avocet/data'
import { migrate, openDatabase } from '@avocet/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { migrations } from '../src/database/schema.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { recordJson } from '../src/queries/record-json.ts'
import { createRecordReader } from '../src/queries/records.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const target = 'at://did:plc:x/a.b.c/1'
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-convert-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const note = (i: number): DataObject => ({
  $type: 'com.example.note',
  i: i % 100,
  bytes: new Uint8Array([i % 50]),
  target,
})

/** As the first version left it: `count` notes, one record that is unreadable, one whose JSON is not what was signed. */
function writeFirstSchema(count: number): void {
  const db = openDatabase({ path: join(folder, 'indexer.sqlite') })
  migrate(db, 'indexer', migrations.slice(0, 1))
  const record = db.raw.prepare(
    `INSERT INTO records (did, collection, rkey, cid, rev, json, validity, reason, indexed_at, provenance)
     VALUES (?, ?, ?, ?, '3kxyzabcdef22', ?, ?, NULL, 7, 'live')`,
  )
  const log = db.raw.prepare(
    `INSERT INTO log (at, kind, did, rev, action, collection, rkey, cid, provenance, source, source_seq)
     VALUES (7, 'record', ?, '3kxyzabcdef22', 'create', ?, ?, ?, 'live', 'relay', ?)`,
  )
  db.transaction(() => {
    for (let i = 0; i < count; i++) {
      const cid = formatCid(cidForCbor(encode(note(i))))
      const rkey = String(i).padStart(6, '0')
      record.run(did, 'com.example.note', rkey, cid, JSON.stringify(toJson(note(i))), 'unknown')
      log.run(did, 'com.example.note', rkey, cid, i)
    }
    const list = formatCid(cidForCbor(encode([1])))
    record.run(did, 'com.example.list', 'a', list, 'null', 'unreadable')
    record.run(did, 'com.example.list', 'b', list, '{"other":1}', 'unknown')
    log.run('did:plc:other', 'com.example.list', 'a', list, count)
  })
  db.close()
}

test('keeps every record, link and row of the log, and none of the JSON', () => {
  writeFirstSchema(1203)
  const told: number[] = []
  const db = openIndexDatabase(folder, (rows) => void told.push(rows))
  try {
    expect(told.at(-1)).toBe(1205 + 1204)
    const reader = createRecordReader(db)
    const rows = [
      ...reader.list({ did, collection: 'com.example.note', limit: 9999, cursor: null, ascending: true }),
    ]
    expect(rows).toHaveLength(1203)
    for (const [i, row] of rows.entries()) {
      expect(row).toMatchObject({
        rkey: String(i).padStart(6, '0'),
        cid: formatCid(cidForCbor(encode(note(i)))),
        validity: 'unknown',
        indexed_at: 7,
        provenance: 'live',
      })
      const value = recordJson(row.bytes!, { left: 100 })
      expect(value.ok && JSON.parse(value.json)).toEqual(toJson(note(i)))
    }
    // 1203 notes of 100 kinds: those alike in a slice of 500 are kept once beside the first, and every one of them links.
    expect(createLinkReader(db).count(target)).toBe(1203)
    expect(db.prepare('SELECT sum(uses) AS uses, count(*) AS n FROM contents').get()).toEqual({
      uses: 400 + 400 + 103,
      n: 100,
    })
    expect(reader.record(did, 'com.example.list', 'a')).toMatchObject({ validity: 'unreadable', bytes: null })
    expect(reader.record(did, 'com.example.list', 'b')).toMatchObject({ validity: 'too-costly', bytes: null })
    const log = db
      .prepare('SELECT seq, at, kind, did, action, collection, rkey, source, source_seq FROM log')
      .all()
    expect(log).toHaveLength(1204)
    expect(log[1203]).toEqual({
      seq: 1204,
      at: 7,
      kind: 'record',
      did: 'did:plc:other',
      action: 'create',
      collection: 'com.example.list',
      rkey: 'a',
      source: 'relay',
      source_seq: 1203,
    })
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%v1'").all()
    expect(tables).toEqual([])
  } finally {
    db.close()
  }
})

test('goes on where it was when it is stopped between two slices', () => {
  writeFirstSchema(60_000)
  const stop = new Error('stopped')
  expect(() =>
    openIndexDatabase(folder, () => {
      throw stop
    }),
  ).toThrow(expect.objectContaining({ cause: stop }))
  const between = openDatabase({ path: join(folder, 'indexer.sqlite') })
  const left = Number(between.prepare('SELECT count(*) AS n FROM records_v1').get()!['n'])
  expect(left).toBe(60_002 - 50_000)
  between.close()
  const db = openIndexDatabase(folder)
  expect(db.prepare('SELECT count(*) AS n, count(DISTINCT rkey) AS keys FROM records').get()).toEqual({
    n: 60_002,
    keys: 60_002,
  })
  expect(db.prepare('SELECT count(*) AS n FROM log').get()).toEqual({ n: 60_001 })
  db.close()
})
