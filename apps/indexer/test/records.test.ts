import { encode } from '@avocet/cbor'
import { cidForCbor, cidFromBytes, type DataObject } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import { catalog } from '@avocet/lexicons/catalog'
import { beforeEach, describe, expect, test } from 'vitest'
import { createNames } from '../src/database/names.ts'
import { openIndexDatabase } from '../src/database/open.ts'
import { createExamine } from '../src/index/examine.ts'
import { createRecordWriter, type OpContext } from '../src/index/records.ts'
import { createJudge } from '../src/index/validity.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { recordJson } from '../src/queries/record-json.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { storedPaths } from '../src/sync/stored-paths.ts'
import { opOf as op } from './support/tables.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const context: OpContext = { did, rev: '3kxyzabcdef22', provenance: 'live', source: 'test', seq: 1, at: 1000 }
const like = (uri: string): DataObject => ({
  $type: 'app.bsky.feed.like',
  subject: { uri, cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' },
  createdAt: '2026-01-02T03:04:05.678Z',
})

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

describe('a record that stands at several paths', () => {
  const note = { text: 'x'.repeat(100_000), by: 'did:plc:x', to: 'did:plc:y', cc: 'did:plc:z' }
  const repeated = (path: string): VerifiedOp => ({ ...op('create', path, note), isRepeat: true })
  const contents = (): unknown => db.prepare('SELECT uses, length(bytes) AS bytes FROM contents').all()
  const bytes = encode(note).length
  const pages = (): number => Number(db.prepare('PRAGMA page_count').get()!['page_count'])

  test('is stored at most twice, and read everywhere', () => {
    const empty = pages()
    const paths = Array.from({ length: 600 }, (_, i) => `com.example.note/${String(i).padStart(3, '0')}`)
    apply(op('create', paths[0]!, note), ...paths.slice(1, 300).map(repeated))
    // The next part of the same export.
    apply(...paths.slice(300).map(repeated))
    expect(contents()).toEqual([{ uses: 599, bytes }])
    expect(db.prepare('SELECT count(*) AS n FROM records WHERE bytes IS NOT NULL').get()).toEqual({ n: 1 })
    const reader = createRecordReader(db)
    for (const path of ['000', '001', '599']) {
      expect(jsonOf(reader.record(did, 'com.example.note', path)!.bytes)).toEqual(note)
    }
    const listed = db.prepare('SELECT DISTINCT length(bytes) AS bytes, validity, provenance FROM record_list')
    expect(listed.all()).toEqual([{ bytes, validity: 'unknown', provenance: 'live' }])
    expect(
      [...storedPaths(db, did, ['com.example.note'])].map(({ path, cid }) => `${path} ${String(cid)}`),
    ).toEqual(paths.map((path) => `${path} ${String(repeated(path).cid)}`))
    expect((pages() - empty) * 4096).toBeLessThan(3 * bytes + 600 * 150)
  })

  test('goes with its last path, and its links with it', () => {
    apply(
      op('create', 'com.example.note/a', note),
      repeated('com.example.note/b'),
      repeated('com.example.note/c'),
    )
    const links = createLinkReader(db)
    // At paths that it was not sent for, the first two.
    expect(['did:plc:x', 'did:plc:y', 'did:plc:z'].map((target) => links.count(target))).toEqual([3, 3, 1])
    // Again in the same event as one goes, and over one that is there.
    apply(
      repeated('com.example.note/d'),
      op('delete', 'com.example.note/b', null),
      repeated('com.example.note/d'),
      repeated('com.example.note/e'),
    )
    expect(contents()).toEqual([{ uses: 3, bytes }])
    apply(op('update', 'com.example.note/c', { a: 1 }), op('delete', 'com.example.note/d', null))
    expect(contents()).toEqual([{ uses: 1, bytes }])
    apply({ ...op('update', 'com.example.note/a', note), isRepeat: true })
    expect(contents()).toEqual([{ uses: 1, bytes }])
    expect(writer.purge(did, 10)).toBe(3)
    expect(contents()).toEqual([])
    expect(targets('did:plc:x', 'did:plc:y', 'did:plc:z')).toEqual([])
  })

  test('stays when its last path goes in the event that puts it at another', () => {
    apply(op('create', 'com.example.note/a', note), repeated('com.example.note/b'))
    apply(repeated('com.example.note/c'), op('delete', 'com.example.note/b', null))
    expect(contents()).toEqual([{ uses: 1, bytes }])
    expect(jsonOf(createRecordReader(db).record(did, 'com.example.note', 'c')!.bytes)).toEqual(note)
  })

  test('is none of another account', () => {
    apply(op('create', 'com.example.note/a', note), repeated('com.example.note/b'))
    const other = { ...context, did: 'did:plc:abcdefghijklmnopqrstuvwx' }
    db.transaction(() => writer.apply([repeated('com.example.note/a')], other))
    expect(contents()).toEqual([
      { uses: 1, bytes },
      { uses: 1, bytes },
    ])
    writer.purge(did, 10)
    expect(contents()).toEqual([{ uses: 1, bytes }])
  })
})

test('what was too costly beside others, and is not by itself, gets its links', () => {
  const whole = op('create', 'app.bsky.feed.like/3kxyzabcdef22', like('at://did:plc:x/a.b.c/1'))
  apply({ ...whole, record: null, unread: 'too-costly' })
  expect(targets('at://did:plc:x/a.b.c/1')).toEqual([])
  expect(apply({ ...whole, action: 'update' })).toMatchObject({ updates: 1, records: 0 })
  expect(targets('at://did:plc:x/a.b.c/1')).toEqual(['at://did:plc:x/a.b.c/1'])
  const row = createRecordReader(db).record(did, 'app.bsky.feed.like', '3kxyzabcdef22')
  expect(row).toMatchObject({ validity: 'valid', reason: null })
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
    // Its bytes are kept, and not read for those who ask: nobody gets to see them.
    expect(row.bytes).toBe(null)
    expect(db.prepare('SELECT bytes FROM record_list').get()).toEqual({ bytes: encode([1]) })
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

describe('content', () => {
  const path = (rkey: string): string => `com.example.note/${rkey}`
  const rows = (table: string): number => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])

  test('that was sent for each path is in the row of each', () => {
    const record = like('at://did:plc:x/a.b.c/1')
    apply(op('create', path('a'), record), op('create', path('b'), record))
    expect([rows('records'), rows('contents')]).toEqual([2, 0])
    apply(op('delete', path('a'), null))
    expect(jsonOf(createRecordReader(db).record(did, 'com.example.note', 'b')!.bytes)).toEqual(record)
  })

  test('that is written again is as it was, links too', () => {
    const first = op('create', path('a'), like('at://did:plc:x/a.b.c/1'))
    apply(first)
    expect(apply({ ...first, action: 'update' })).toEqual({ creates: 0, updates: 1, deletes: 0, records: 0 })
    expect(targets('at://did:plc:x/a.b.c/1')).toHaveLength(1)
    expect(rows('records')).toBe(1)
    apply(op('delete', path('a'), null))
    expect([rows('records'), rows('links')]).toEqual([0, 0])
  })

  test('is told apart by the whole CID, not by the part that finds it', () => {
    const [one, two] = [op('create', path('a'), { n: 1 }), op('create', path('b'), { n: 2 })]
    // A hash that begins as that of the other.
    const alike = two.cid!.bytes.slice()
    alike.set(one.cid!.bytes.subarray(0, 8))
    apply({ ...one, isRepeat: true }, { ...two, cid: cidFromBytes(alike), isRepeat: true })
    const reader = createRecordReader(db)
    expect(['a', 'b'].map((rkey) => jsonOf(reader.record(did, 'com.example.note', rkey)!.bytes))).toEqual([
      { n: 1 },
      { n: 2 },
    ])
  })

  test('of a million bytes is kept, of one more only the CID', () => {
    const sized = (length: number): DataObject => {
      const empty = encode({ bytes: new Uint8Array(100_000) }).length - 100_000
      return { bytes: new Uint8Array(length - empty) }
    }
    apply(op('create', path('most'), sized(1_000_000)), op('create', path('over'), sized(1_000_001)))
    const reader = createRecordReader(db)
    const bytesOf = (rkey: string): number | undefined =>
      reader.record(did, 'com.example.note', rkey)!.bytes?.length
    expect([bytesOf('most'), bytesOf('over')]).toEqual([1_000_000, undefined])
    expect(reader.record(did, 'com.example.note', 'over')!.cid).toBe(
      String(cidForCbor(encode(sized(1_000_001)))),
    )
  })
})

describe('links cost what they are worth', () => {
  const links = (): number => Number(db.prepare('SELECT count(*) AS n FROM links').get()!['n'])
  const pointing = (n: number, salt: number): DataObject => ({
    list: Array.from({ length: n }, (_, i) => `did:web:a${i}.b${salt}.example.com`),
    pad: new Uint8Array(20_000),
  })

  test('a record at a second path has two of its links there', () => {
    const record = pointing(10, 0)
    apply(op('create', 'com.example.note/a', record))
    expect(links()).toBe(10)
    apply({ ...op('create', 'com.example.note/b', record), isRepeat: true })
    expect(links()).toBe(12)
    apply(op('delete', 'com.example.note/a', null))
    expect(links()).toBe(2)
    apply(op('delete', 'com.example.note/b', null))
    expect(links()).toBe(0)
  })

  test('a record is linked from a thousand further paths of an account, over all its events', () => {
    const record = { to: 'did:plc:x' }
    const further = (from: number, to: number): VerifiedOp[] =>
      Array.from({ length: to - from }, (_, i) => ({
        ...op('create', `com.example.note/${from + i}`, record),
        isRepeat: true,
      }))
    apply(op('create', 'com.example.note/first', record), ...further(0, 600))
    expect(links()).toBe(601)
    apply(...further(600, 999))
    expect(links()).toBe(1000)
    apply(...further(999, 1001))
    expect(links()).toBe(1001)
    apply(...further(1001, 1003))
    expect(links()).toBe(1001)
    // A path that goes makes room for another.
    apply(...[1, 2, 3, 4].map((n) => op('delete', `com.example.note/${n}`, null)), ...further(1003, 1005))
    expect(links()).toBe(998)
    while (writer.purge(did, 500) > 0);
    expect(links()).toBe(0)
  })

  test('one event has 8192', () => {
    const many = Array.from({ length: 34 }, (_, i) => op('create', `com.example.note/${i}`, pointing(250, i)))
    apply(...many)
    expect(links()).toBe(8192)
    apply(op('create', 'com.example.note/next', pointing(250, 100)))
    expect(links()).toBe(8442)
  })
})

test('an account is found by its handle, however it is written, and by its DID alone as it is', () => {
  db.prepare("INSERT INTO accounts (did, handle, updated_at) VALUES (?, 'ada.example', 1)").run(did)
  const reader = createRecordReader(db)
  expect([
    reader.account('Ada.Example')?.did,
    reader.account(did)?.handle,
    reader.account(did.toUpperCase()),
  ]).toEqual([did, 'ada.example', null])
})

describe('the log', () => {
  const rows = (): unknown[] =>
    db
      .prepare('SELECT kind, action, rkey, prev FROM log ORDER BY seq')
      .all()
      .map((row) => ({ ...row }))
  const brought: OpContext = { ...context, provenance: 'car', seq: null }

  test('has one row for all that an export brings anew, and one for each change of it', () => {
    const old = op('create', 'com.example.note/a', { n: 0 })
    apply(old, op('create', 'com.example.note/b', { n: 0 }))
    const { applied } = db.transaction(() =>
      writer.apply(
        [
          op('update', 'com.example.note/a', { n: 1 }),
          op('delete', 'com.example.note/b', null),
          op('create', 'com.example.note/c', { n: 1 }),
          op('create', 'com.example.note/d', { n: 1 }),
        ],
        brought,
      ),
    )
    expect(rows().slice(2)).toEqual([
      { kind: 'record', action: 'update', rkey: 'a', prev: String(old.cid) },
      { kind: 'record', action: 'delete', rkey: 'b', prev: String(old.cid) },
      { kind: 'resync', action: null, rkey: null, prev: null },
    ])
    expect(applied.map(({ logSeq }) => logSeq)).toEqual([3, 4, 5, 6])
  })

  test('says of a change what the commit says was there', () => {
    const said = cidForCbor(encode({ other: true }))
    apply(op('create', 'com.example.note/a', { n: 0 }), op('update', 'com.example.note/a', { n: 1 }, said))
    expect(rows().at(-1)).toMatchObject({ action: 'update', prev: String(said) })
  })
})

describe('names', () => {
  test('that a transaction added are not known when it is rolled back', () => {
    const names = createNames(db)
    expect(() =>
      db.transaction(() => {
        names.add('com.example.a')
        throw new Error('rolled back')
      }),
    ).toThrow('rolled back')
    expect(names.find('com.example.a')).toBe(null)
    db.transaction(() => names.add('com.example.b'))
    const id = db.transaction(() => names.add('com.example.a'))
    expect(db.prepare('SELECT id FROM names WHERE name = ?').get('com.example.a')).toEqual({ id })
    expect([names.find('com.example.a'), names.add('com.example.a')]).toEqual([id, id])
  })

  test('fifty thousand are remembered; with one more it begins anew', () => {
    const names = createNames(db)
    const first = db.transaction(() => {
      const id = names.add('n0')
      for (let i = 1; i < 50_000; i++) names.add(`n${i}`)
      return id
    })
    // Only who remembers them knows them now.
    db.raw.exec('DELETE FROM names')
    expect(names.find('n0')).toBe(first)
    const more = db.transaction(() => names.add('n50000'))
    expect([names.find('n0'), names.find('n50000')]).toEqual([null, more])
  })
})

test('stored paths of more than one page, each once', () => {
  const rkeys = Array.from({ length: 2000 }, (_, i) => String(i).padStart(5, '0'))
  apply(...rkeys.map((rkey) => op('create', `com.example.note/${rkey}`, { rkey })))
  apply(op('create', 'com.example.other/a', {}))
  expect(
    [...storedPaths(db, did, ['com.example.note', 'com.example.other'])].map(({ path }) => path),
  ).toEqual([...rkeys.map((rkey) => `com.example.note/${rkey}`), 'com.example.other/a'])
})
