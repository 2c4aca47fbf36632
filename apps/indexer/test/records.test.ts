import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject, type CID } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import { catalog } from '@avocet/lexicons/catalog'
import { beforeEach, describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { createExamine } from '../src/index/examine.ts'
import { createRecordWriter, type OpContext } from '../src/index/records.ts'
import { createJudge } from '../src/index/validity.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { recordJson } from '../src/queries/record-json.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { storedPaths } from '../src/sync/stored-paths.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const context: OpContext = { did, rev: '3kxyzabcdef22', provenance: 'live', source: 'test', seq: 1, at: 1000 }
const like = (uri: string): DataObject => ({
  $type: 'app.bsky.feed.like',
  subject: { uri, cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' },
  createdAt: '2026-01-02T03:04:05.678Z',
})

function op(
  action: VerifiedOp['action'],
  path: string,
  record: DataObject | null,
  prev: CID | null = null,
): VerifiedOp {
  const slash = path.indexOf('/')
  const recordBytes = record === null ? null : encode(record)
  return {
    action,
    path,
    collection: path.slice(0, slash),
    rkey: path.slice(slash + 1),
    cid: recordBytes === null ? null : cidForCbor(recordBytes),
    record,
    recordBytes,
    prev,
  }
}

let db: ReturnType<typeof openIndexDatabase>
let writer: ReturnType<typeof createRecordWriter>
beforeEach(() => {
  db = openIndexDatabase(null)
  writer = createRecordWriter(db, createExamine(createJudge(catalog)))
})
const apply = (...ops: VerifiedOp[]): ReturnType<typeof writer.apply>['counts'] =>
  db.transaction(() => writer.apply(ops, context)).counts
/** Of these targets, those that somebody points to. */
const targets = (...asked: string[]): string[] => {
  const links = createLinkReader(db)
  const found = asked.filter((target) => links.count(target) > 0)
  expect(db.prepare('SELECT count(*) AS n FROM links').get()).toEqual({ n: found.length })
  return found
}
const jsonOf = (bytes: Uint8Array | null): unknown => {
  const value = recordJson(bytes!, { left: 1000 })
  if (!value.ok) throw new Error(value.error)
  return JSON.parse(value.json)
}

describe('records', () => {
  test('create, update, delete: rows, links, log', () => {
    const first = op('create', 'app.bsky.feed.like/3kxyzabcdef22', like('at://did:plc:x/a.b.c/1'))
    expect(apply(first)).toEqual({ creates: 1, updates: 0, deletes: 0, records: 1 })
    const reader = createRecordReader(db)
    const row = reader.record(did, 'app.bsky.feed.like', '3kxyzabcdef22')!
    expect(row).toMatchObject({
      cid: String(first.cid),
      validity: 'valid',
      reason: null,
      provenance: 'live',
      indexed_at: 1000,
    })
    expect(jsonOf(row.bytes)).toEqual(like('at://did:plc:x/a.b.c/1'))
    expect(targets('at://did:plc:x/a.b.c/1', 'at://did:plc:y/a.b.c/2')).toEqual(['at://did:plc:x/a.b.c/1'])

    const second = op('update', first.path, like('at://did:plc:y/a.b.c/2'), first.cid)
    expect(apply(second)).toEqual({ creates: 0, updates: 1, deletes: 0, records: 0 })
    expect(targets('at://did:plc:x/a.b.c/1', 'at://did:plc:y/a.b.c/2')).toEqual(['at://did:plc:y/a.b.c/2'])
    expect(createLinkReader(db).count('at://did:plc:y/a.b.c/2')).toBe(1)

    expect(apply(op('delete', first.path, null, second.cid))).toEqual({
      creates: 0,
      updates: 0,
      deletes: 1,
      records: -1,
    })
    expect(targets()).toEqual([])
    expect(reader.record(did, 'app.bsky.feed.like', '3kxyzabcdef22')).toBeNull()

    expect(db.prepare('SELECT seq, action, cid, prev FROM log ORDER BY seq').all()).toEqual([
      { seq: 1, action: 'create', cid: String(first.cid), prev: null },
      { seq: 2, action: 'update', cid: String(second.cid), prev: String(first.cid) },
      { seq: 3, action: 'delete', cid: null, prev: String(second.cid) },
    ])
  })

  test('operations on what is not known yet: a repo seen first in the middle', () => {
    expect(apply(op('update', 'com.example.note/a', { a: 1 }))).toMatchObject({ updates: 1, records: 1 })
    expect(apply(op('delete', 'com.example.note/b', null))).toMatchObject({ deletes: 1, records: 0 })
    // A create of what an export has brought already changes nothing but the log.
    expect(apply(op('create', 'com.example.note/a', { a: 1 }))).toMatchObject({ creates: 1, records: 0 })
    expect(db.prepare('SELECT count(*) AS n FROM records').get()).toEqual({ n: 1 })
  })

  test('CIDs, bytes and odd names survive', () => {
    const record = {
      link: cidForCbor(encode({})),
      bytes: new Uint8Array([1, 2, 3]),
      __proto__x: 1,
      '': null,
      'a"b': '\u2028</script>',
    }
    apply(op('create', 'com.example.note/:~._-', record))
    const row = createRecordReader(db).record(did, 'com.example.note', ':~._-')!
    expect(jsonOf(row.bytes)).toEqual({
      link: { $link: String(record.link) },
      bytes: { $bytes: 'AQID' },
      __proto__x: 1,
      '': null,
      'a"b': '\u2028</script>',
    })
  })

  test('pages in both directions', () => {
    apply(...['a', 'b', 'c', 'd', 'e'].map((rkey) => op('create', `com.example.note/${rkey}`, { rkey })))
    const reader = createRecordReader(db)
    const page = (cursor: string | null, ascending: boolean): string[] =>
      [...reader.list({ did, collection: 'com.example.note', limit: 2, cursor, ascending })].map(
        ({ rkey }) => rkey,
      )
    expect([page(null, false), page('d', false), page('b', false)]).toEqual([['e', 'd'], ['c', 'b'], ['a']])
    expect([page(null, true), page('b', true), page('d', true)]).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(reader.collections(did)).toEqual(['com.example.note'])
  })

  test('stored paths come in the order of the tree', () => {
    const paths = ['com.ex.a/1', 'com.ex.a.b/1', 'com.ex.a-b/1', 'com.ex.ab/1', 'com.ex.a/2']
    apply(...paths.map((path) => op('create', path, { path })))
    const walked = [...storedPaths(db, did, createRecordReader(db).collections(did))].map(({ path }) => path)
    expect(walked).toEqual(paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })

  test('purge removes an account in chunks, links included', () => {
    apply(
      ...Array.from({ length: 25 }, (_, i) =>
        op('create', `app.bsky.feed.like/${i}`, like(`at://did:plc:x/a.b.c/${i}`)),
      ),
    )
    expect([writer.purge(did, 10), writer.purge(did, 10), writer.purge(did, 10)]).toEqual([10, 10, 5])
    expect(targets()).toEqual([])
  })
})

describe('what cannot be a record', () => {
  test('is not shown, is no delete, and is not new at each resync', () => {
    const path = 'app.bsky.feed.like/3kxyzabcdef22'
    const reader = createRecordReader(db)
    apply(op('create', path, like('at://did:plc:x/a.b.c/1')))
    const list = { ...op('update', path, null), cid: cidForCbor(encode([1])), recordBytes: encode([1]) }
    expect(apply(list)).toEqual({ creates: 0, updates: 1, deletes: 0, records: 0 })
    const row = reader.record(did, 'app.bsky.feed.like', '3kxyzabcdef22')!
    expect(row).toMatchObject({ validity: 'unreadable', cid: String(list.cid) })
    expect(recordJson(row.bytes!, { left: 10 })).toEqual({ ok: true, json: '[1]' })
    expect(targets()).toEqual([])
    expect(db.prepare('SELECT action, cid FROM log ORDER BY seq').all()).toMatchObject([
      { action: 'create' },
      { action: 'update', cid: String(list.cid) },
    ])
    expect([...storedPaths(db, did, reader.collections(did))]).toEqual([{ path, cid: list.cid }])
    // And a record again.
    apply(op('update', path, like('at://did:plc:x/a.b.c/2')))
    expect(targets('at://did:plc:x/a.b.c/2')).toEqual(['at://did:plc:x/a.b.c/2'])
    expect(apply(op('delete', path, null))).toMatchObject({ deletes: 1, records: -1 })
  })
})
