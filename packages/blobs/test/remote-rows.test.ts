// One suite for the rows of remote blobs: in memory, SQLite and Postgres.
import { openDatabase as openPostgres } from '@avocet/postgres'
import { openDatabase as openSqlite } from '@avocet/sqlite'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createMemoryRemoteRows, type RemoteBlob, type RemoteBlobRows } from '../src/index.ts'
import { openRemoteRows as openPostgresRows } from '../src/postgres.ts'
import { openRemoteRows as openSqliteRows } from '../src/sqlite.ts'
import { cidOf, DID, OTHER } from './store-conformance.ts'

type Opened = {
  rows: RemoteBlobRows
  reopen: () => RemoteBlobRows | Promise<RemoteBlobRows>
  close(): unknown
}

const server = await startPostgres()
afterAll(() => server?.close())
let schemas = 0

const stores: Record<string, () => Opened | Promise<Opened>> = {
  memory: () => {
    const rows = createMemoryRemoteRows()
    return { rows, reopen: () => rows, close: () => {} }
  },
  sqlite: () => {
    const db = openSqlite({ path: ':memory:' })
    return { rows: openSqliteRows(db), reopen: () => openSqliteRows(db), close: () => db.close() }
  },
  postgres: async () => {
    const schema = `remote_${process.pid}_${schemas++}`
    await using admin = openPostgres({ url: server!.url, poolSize: 1 })
    await admin.query(`CREATE SCHEMA ${schema}`)
    const db = openPostgres({ url: server!.url, schema, poolSize: 5 })
    return { rows: await openPostgresRows(db), reopen: () => openPostgresRows(db), close: () => db.close() }
  },
}

const blob = (name: string, fields: Partial<RemoteBlob> = {}): RemoteBlob => ({
  url: `https://example.com/${name}`,
  cid: cidOf(name),
  size: 5_000_000_000,
  mimeType: 'video/mp4',
  durationMs: 1234.5,
  etag: `"${name}"`,
  lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT',
  checkedAt: 1_760_000_000_000,
  state: 'there',
  ...fields,
})
const A = blob('a')
const BARE = blob('bare', { durationMs: null, etag: null, lastModified: null })

for (const kind of Object.keys(stores)) {
  describe.skipIf(kind === 'postgres' && server === null)(`rows in ${kind}`, () => {
    let rows: RemoteBlobRows
    let opened: Opened
    beforeEach(async () => {
      opened = await stores[kind]!()
      rows = opened.rows
    })
    afterEach(() => opened.close())

    test('a blob is found by its URL, and by its CID for the accounts that refer to it', async () => {
      await rows.save(A, null)
      await rows.save(BARE, DID)
      expect([await rows.byUrl(A.url), await rows.byUrl(BARE.url)]).toEqual([A, BARE])
      expect(await rows.byUrl('https://example.com/A')).toBeNull()
      expect(await rows.byCid(DID, A.cid)).toBeNull()
      await rows.save(A, DID)
      await rows.save(A, DID)
      expect([await rows.byCid(DID, A.cid), await rows.byCid(OTHER, A.cid)]).toEqual([A, null])
      rows = await opened.reopen()
      expect(await rows.byCid(DID, A.cid)).toEqual(A)
    })

    test('what is there now takes the place of what was', async () => {
      await rows.save(A, DID)
      const next = blob('b', {
        url: A.url,
        size: 1,
        state: 'changed',
        etag: null,
        checkedAt: A.checkedAt + 1,
      })
      await rows.save(next, null)
      expect([await rows.byUrl(A.url), await rows.byCid(DID, A.cid)]).toEqual([next, null])
      expect(await rows.byCid(DID, next.cid)).toEqual(next)
    })

    test('of several URLs one that is there is given, the one asked for last', async () => {
      const at = (path: string, state: RemoteBlob['state'], later: number): RemoteBlob =>
        blob('a', { url: `https://example.com/${path}`, state, checkedAt: A.checkedAt + later })
      await rows.save(at('gone', 'gone', 9), DID)
      expect(await rows.byCid(DID, A.cid)).toMatchObject({ state: 'gone' })
      for (const [path, later] of [
        ['first', 1],
        ['newest', 5],
        ['middle', 3],
      ] as const) {
        await rows.save(at(path, 'there', later), DID)
      }
      await rows.save(at('changed', 'changed', 8), DID)
      expect(await rows.byCid(DID, A.cid)).toMatchObject({ url: 'https://example.com/newest' })
    })

    test('what is due comes by age, and what nobody refers to goes', async () => {
      for (const [index, name] of ['d', 'b', 'c', 'a', 'e'].entries()) {
        await rows.save(blob(name, { checkedAt: 1000 + index }), name === 'c' ? null : DID)
      }
      const due = async (before: number, limit: number): Promise<string[]> =>
        (await rows.due(before, limit)).map(({ url }) => url.at(-1)!)
      expect(await due(1000, 10)).toEqual([])
      expect(await due(1003, 10)).toEqual(['d', 'b'])
      expect(await rows.byUrl('https://example.com/c')).toBeNull()
      expect([await due(1005, 3), await due(1005, 10)]).toEqual([
        ['d', 'b', 'a'],
        ['d', 'b', 'a', 'e'],
      ])
      await rows.save(blob('fresh', { checkedAt: 2000 }), null)
      await due(2000, 10)
      expect(await rows.byUrl('https://example.com/fresh')).not.toBeNull()
    })

    test('an account forgets one blob, or all; others keep theirs', async () => {
      const again = blob('a', { url: 'https://example.com/again' })
      for (const did of [DID, OTHER]) for (const one of [A, again, BARE]) await rows.save(one, did)
      await rows.forget(DID, A.cid)
      await rows.forget(DID, cidOf('unknown'))
      expect([await rows.byCid(DID, A.cid), await rows.byCid(DID, BARE.cid)]).toEqual([null, BARE])
      await rows.forget(DID, null)
      await rows.forget(DID, A.cid)
      expect(await rows.byCid(DID, BARE.cid)).toBeNull()
      expect([await rows.byCid(OTHER, A.cid), await rows.byCid(OTHER, BARE.cid)]).toEqual([
        expect.objectContaining({ cid: A.cid }),
        BARE,
      ])
      expect(await rows.byUrl(A.url)).toEqual(A)
      await rows.save(A, DID)
      expect(await rows.byCid(DID, A.cid)).toEqual(A)
    })

    test('an account of thousands is forgotten whole', async () => {
      await Promise.all(Array.from({ length: 1100 }, (_, index) => rows.save(blob(`n${index}`), DID)))
      await rows.forget(DID, null)
      const left = await Promise.all([0, 499, 500, 1000, 1099].map((n) => rows.byCid(DID, cidOf(`n${n}`))))
      expect(left).toEqual([null, null, null, null, null])
    })
  })
}
