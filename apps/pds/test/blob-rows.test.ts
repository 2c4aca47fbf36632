import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDiskBlobs } from '@avocet/blobs/disk'
import { formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { type Uploads, collectOrphans, createUploads } from '@avocet/repo-server'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { createBlobMeter } from '../src/operations/blob-meter.ts'
import { openSqliteStores, type SqliteStores } from '../src/stores/sqlite/stores.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const DAY = 24 * 60 * 60 * 1000

let folder: string
let stores: SqliteStores
let uploads: Uploads
let time: number
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-blobs-'))
  stores = await openSqliteStores(resolveConfig({ dataDirectory: folder }))
  time = Date.now()
  const { server, files } = stores
  uploads = createUploads({ store: server, files, limit: 1e6, now: () => time })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await stores.db.close()
  await rm(folder, { recursive: true, force: true })
})

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1')
}
const upload = async (text: string, type = 'text/plain'): Promise<string> =>
  formatCid((await uploads.upload(DID, chunks(text), type)).ref)
const refer = (rkey: string, rev: string, cids: string[]): Promise<string[]> =>
  stores.db.write(() => stores.blobs.release(DID, new Set(stores.blobs.refer(DID, 'a.b.c', rkey, rev, cids))))
const files = (): Promise<string[]> => readdir(join(folder, 'blobs', DID)).catch((): string[] => [])

test('what the bytes are is told by all that came, in however many pieces', async () => {
  for (const [pieces, mime] of [
    [['<', '!do', 'ctype html', '>'], 'text/html'],
    [['\x89P', 'NG\r\n', '\x1a\n', 'x'], 'image/png'],
    [[' '.repeat(300), '<sv', 'g xmlns="x">'], 'image/svg+xml'],
    [['plain', ' text'], 'text/plain'],
  ] as const) {
    expect((await uploads.upload(DID, chunks(...pieces), 'text/plain')).mimeType).toBe(mime)
  }
})

test('a type that says nothing, or is none, is that of bytes', async () => {
  for (const [declared, mime] of [
    ['*/*', 'application/octet-stream'],
    ['text', 'application/octet-stream'],
    ['text/<script>', 'application/octet-stream'],
    [null, 'application/octet-stream'],
    ['Text/Plain; charset=utf-8', 'text/plain'],
  ] as const) {
    const { mimeType } = await uploads.upload(DID, chunks(`x ${String(declared)}`), declared)
    expect([declared, mimeType]).toEqual([declared, mime])
  }
})

test.each([
  ['its bytes', 1],
  ['its name', 2],
])('an upload whose sync of %s fails is not acknowledged', async (_, nth) => {
  const probe = await open(join(folder, 'probe'), 'w')
  const prototype = Object.getPrototypeOf(probe) as { sync: () => Promise<void> }
  await probe.close()
  let syncs = 0
  vi.spyOn(prototype, 'sync').mockImplementation(() =>
    ++syncs === nth
      ? Promise.reject(Object.assign(new Error('EIO: fsync'), { code: 'EIO' }))
      : Promise.resolve(),
  )
  await expect(upload('some text')).rejects.toThrow('EIO: fsync')
  expect(stores.db.prepare('SELECT cid FROM blob').all()).toEqual([])
  // Nothing is at its place whose bytes may be lost.
  if (nth === 1) expect(await files()).toEqual([])
  expect(await readdir(join(folder, 'blobs', 'temporary'))).toEqual([])
})

test('an upload that nobody referred to goes after a day, counted from the last time it came', async () => {
  const cid = await upload('some text')
  time += DAY - 1000
  await upload('some text')
  time += DAY
  expect(await uploads.collect()).toBe(0)
  expect(await files()).toEqual([cid])
  time += 1001
  expect(await uploads.collect()).toBe(1)
  expect(await files()).toEqual([])
})

test('what an earlier process left of its uploads goes, one under way stays', async () => {
  const place = join(folder, 'blobs', 'temporary')
  await writeFile(join(place, 'old'), 'x')
  const reopened = await openDiskBlobs(join(folder, 'blobs'))
  await writeFile(join(place, 'fresh'), 'x')
  await reopened.clean()
  expect(await readdir(place)).toEqual(['fresh'])
})

test('files without a row are orphans only when an earlier process wrote them', async () => {
  const { cid } = await stores.files.put(DID, chunks('not noted yet'), 100)
  const begun = Date.now()
  const collect = (before: number): Promise<number> =>
    collectOrphans(() => [DID], stores.server, stores.files, uploads, before)
  expect(await collect(begun - DAY)).toBe(0)
  expect(await files()).toEqual([formatCid(cid)])
  expect(await collect(begun + DAY)).toBe(1)
  expect(await files()).toEqual([])
})

test('a file that loses its row while the account uploads goes when the upload ends', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  const gate = Promise.withResolvers<void>()
  const slow = uploads.upload(
    DID,
    (async function* () {
      await gate.promise
      yield Buffer.from('other text')
    })(),
    'text/plain',
  )
  await uploads.discard(DID, await refer('a', '3kbbbbbbbbbbb', []))
  expect(await files()).toContain(cid)
  gate.resolve()
  const other = formatCid((await slow).ref)
  expect(await files()).toEqual([other])
})

test('an upload made again outlives the record that had it, as an upload, until a record refers to it', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  time += 3 * DAY
  expect(await upload('some text')).toBe(cid)
  expect(stores.blobs.get(DID, cid)).toMatchObject({ permanent: true })
  expect(stores.blobs.counts(DID)).toEqual({ expected: 1, imported: 1 })
  // Its deletion came between the upload and the record that the upload is for.
  expect(await refer('a', '3kbbbbbbbbbbb', [])).toEqual([])
  expect(stores.blobs.get(DID, cid)).toMatchObject({ permanent: false })
  expect(await files()).toEqual([cid])
  await refer('b', '3kccccccccccc', [cid])
  expect(stores.blobs.get(DID, cid)).toMatchObject({ permanent: true })
  // That record used the upload up.
  expect(await refer('b', '3kddddddddddd', [])).toEqual([cid])
  expect(stores.blobs.get(DID, cid)).toBeNull()
})

test('an upload made again for no record goes after a day', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  await upload('some text')
  await refer('a', '3kbbbbbbbbbbb', [])
  time += DAY
  expect(await uploads.collect()).toBe(0)
  time += 1
  expect(await uploads.collect()).toBe(1)
  expect(await files()).toEqual([])
})

test('a blob of two records that was uploaded for the second goes with the last', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  await upload('some text')
  await refer('b', '3kbbbbbbbbbbb', [cid])
  expect(await refer('a', '3kccccccccccc', [])).toEqual([])
  expect(await refer('b', '3kddddddddddd', [])).toEqual([cid])
})

test('a blob that was uploaded again, then taken down, stays so when its record goes', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  await upload('some text')
  await stores.db.write(() => stores.blobs.takedown(DID, cid, 'x'))
  expect(await refer('a', '3kbbbbbbbbbbb', [])).toEqual([])
  time += 2 * DAY
  expect(await uploads.collect()).toBe(0)
  expect(stores.blobs.get(DID, cid)).toMatchObject({ takedownRef: 'x' })
})

test('lists leave out what came by the revision asked from, and what was taken down', async () => {
  const [first, second, third] = [await upload('one'), await upload('two'), await upload('three')]
  await refer('a', '3kaaaaaaaaaaa', [first])
  await refer('b', '3kbbbbbbbbbbb', [second])
  await refer('c', '3kccccccccccc', [third])
  const page = (options: object = {}): string[] => stores.blobs.page(DID, { after: '', limit: 9, ...options })
  expect(page()).toEqual([first, second, third].toSorted())
  expect(page({ since: '3kbbbbbbbbbbb' })).toEqual([third])
  expect(page({ since: '3kaaaaaaaaaaa' })).toEqual([second, third].toSorted())
  expect(page({ limit: 2 })).toEqual(page().slice(0, 2))
  expect(page({ after: page()[1]! })).toEqual(page().slice(2))
  await stores.db.write(() => stores.blobs.takedown(DID, second, 'x'))
  expect(page()).toEqual([first, third].toSorted())
  expect(stores.blobs.counts(DID)).toEqual({ expected: 3, imported: 3 })
})

test('a blob that was taken down outlives its record, so that it cannot come back', async () => {
  const cid = await upload('some text')
  await refer('a', '3kaaaaaaaaaaa', [cid])
  await stores.db.write(() => stores.blobs.takedown(DID, cid, 'x'))
  expect(await refer('a', '3kbbbbbbbbbbb', [])).toEqual([])
  await expect(upload('some text')).rejects.toMatchObject({ code: 'invalid-request' })
  expect(stores.blobs.get(DID, cid)).toMatchObject({ takedownRef: 'x' })
})

test('the bytes of all blobs are summed up in pages, and not again within ten minutes', async () => {
  const insert = stores.db.prepare(
    'INSERT INTO blob (did, cid, mime_type, size, created_at) VALUES (?, ?, ?, ?, 0)',
  )
  await stores.db.write(() => {
    for (let n = 0; n < 4500; n++) insert.run(DID, `c${n}`, 'text/plain', 2)
  })
  let now = 0
  const meter = createBlobMeter(
    () => stores.vitals.blobBytes(),
    () => now,
  )
  expect(await meter()).toBe(9000)
  await stores.db.write(() => void insert.run(DID, 'more', 'text/plain', 1000))
  now += 10 * 60 * 1000 - 1
  const prepare = vi.spyOn(stores.db, 'prepare')
  expect(await meter()).toBe(9000)
  expect(prepare).not.toHaveBeenCalled()
  now += 1
  // The look that finds it old does not wait; a later one has the new sum.
  expect(await meter()).toBe(9000)
  await expect.poll(meter).toBe(10_000)
})

test('files of an account go with it, those of another stay', async () => {
  await upload('some text')
  const other: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
  await uploads.upload(other, chunks('more text'), 'text/plain')
  await stores.files.removeAll(DID)
  expect(await files()).toEqual([])
  expect(await readdir(join(folder, 'blobs', other))).toHaveLength(1)
  expect((await stat(join(folder, 'blobs', other))).mode & 0o777).toBe(0o700)
})
