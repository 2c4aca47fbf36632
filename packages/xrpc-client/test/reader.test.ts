import { cidForRaw } from '@avocet/data'
import type { Query } from '@avocet/lexicon'
import { expect, it } from 'vitest'
import {
  createClient,
  decodeRecord,
  decodeRecords,
  getBlob,
  getRecord,
  getRepo,
  items,
  listRecords,
  pages,
  unwrap,
  uploadBlob,
  type RecordEntry,
} from '../src/index.ts'
import { catalog, json, listen } from './http.ts'

const list = catalog.method('com.example.list') as Query<
  { limit?: number; cursor?: string },
  { items: string[]; cursor?: string }
>
const note = catalog.record('com.example.note')!
const all = async <T>(iterable: AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of iterable) out.push(item)
  return out
}

it('walks a cursor method page by page, lazily, through empty pages', async () => {
  const answers = [{ items: ['a', 'b'], cursor: '1' }, { items: [], cursor: '2' }, { items: ['c'] }]
  await using server = await listen((_, response, count) => json(response, answers[(count - 1) % 3]))
  const client = createClient({ service: server.url })
  expect(await all(pages(client, list, { params: { limit: 2 } }))).toEqual(answers)
  expect(server.seen.map((seen) => seen.url.split('?')[1])).toEqual([
    'limit=2',
    'limit=2&cursor=1',
    'limit=2&cursor=2',
  ])
  expect(await all(items(client, list, 'items', {}))).toEqual(['a', 'b', 'c'])
  expect((await all(pages(client, list, { maxPages: 2 }))).length).toBe(2)
  const before = server.seen.length
  for await (const item of items(client, list, 'items', {})) if (item === 'a') break
  expect(server.seen.length).toBe(before + 1)
})

it('does not turn in circles', async () => {
  await using server = await listen((_, response) =>
    json(response, { items: [], cursor: 'same', records: [] }),
  )
  const client = createClient({ service: server.url })
  await expect(all(pages(client, list, {}))).rejects.toMatchObject({ code: 'invalid-response' })
  await expect(
    all(listRecords(client, { repo: 'did:web:x', collection: 'com.example.note' })),
  ).rejects.toThrow('cursor')
})

it('throws the failure of a page', async () => {
  await using server = await listen((_, response, count) =>
    count === 1 ? json(response, { items: ['a'], cursor: '1' }) : json(response, { error: 'BadCursor' }, 400),
  )
  const got: string[] = []
  const read = async (): Promise<void> => {
    for await (const item of items(createClient({ service: server.url }), list, 'items', {})) got.push(item)
  }
  await expect(read()).rejects.toMatchObject({ error: 'BadCursor' })
  expect(got).toEqual(['a'])
})

const entry = (rkey: string, value: object): RecordEntry =>
  ({ uri: `at://did:web:x/com.example.note/${rkey}`, cid: 'bafy', value }) as RecordEntry
const good = entry('a', { $type: 'com.example.note', text: 'ok' })
const bad = entry('b', { $type: 'com.example.note', text: 'far too long' })

it('lists records, and decodes them: one, and many with failures collected', async () => {
  await using server = await listen((seen, response) =>
    json(response, seen.url.includes('cursor=') ? { records: [bad] } : { records: [good], cursor: 'n' }),
  )
  const client = createClient({ service: server.url })
  const records = await all(
    listRecords(client, { repo: 'did:web:x', collection: 'com.example.note', reverse: true }),
  )
  expect(records).toEqual([good, bad])
  expect(server.seen[0]!.url).toBe(
    '/xrpc/com.atproto.repo.listRecords?repo=did%3Aweb%3Ax&collection=com.example.note&reverse=true&limit=100',
  )
  const decoded = decodeRecords(note, records)
  expect(decoded.records).toEqual([good])
  expect(decoded.failures).toMatchObject([
    { uri: bad.uri, issues: [{ path: '/text', code: 'too-many-graphemes' }] },
  ])
  expect(decodeRecord(note, good).value.$type).toBe('com.example.note')
  expect(() => decodeRecord(note, bad)).toThrow(expect.objectContaining({ code: 'invalid-response' }))
})

it('refuses answers that are no records', async () => {
  const answers: unknown[] = [{}, { records: [{ uri: 'x' }] }, [], { records: 7 }]
  await using server = await listen((_, response, count) => json(response, answers[count - 1]))
  const client = createClient({ service: server.url })
  for (const _ of answers) {
    await expect(all(listRecords(client, { repo: 'did:web:x', collection: 'a.b.c' }))).rejects.toMatchObject({
      code: 'invalid-response',
    })
  }
})

it('gets one record; a missing or malformed one is a typed failure', async () => {
  const answers: [unknown, number][] = [
    [good, 200],
    [{ error: 'RecordNotFound', message: 'Could not locate record' }, 400],
    [{ uri: 'at://x' }, 200],
    [{ ...good, value: { n: 1.5 } }, 200],
  ]
  await using server = await listen((_, response, count) => json(response, ...answers[count - 1]!))
  const client = createClient({ service: server.url })
  const get = (): ReturnType<typeof getRecord> =>
    getRecord(client, { repo: 'did:web:x', collection: 'a.b.c', rkey: 'a' })
  expect(unwrap(await get())).toEqual(good)
  expect(await get()).toMatchObject({ ok: false, error: { code: 'response', error: 'RecordNotFound' } })
  expect(await get()).toMatchObject({ ok: false, error: { code: 'invalid-response' } })
  expect(await get()).toMatchObject({ ok: false, error: { code: 'invalid-response' } })
})

it('downloads a repository: bytes, or a stream', async () => {
  const car = new Uint8Array(300_000).map((_, i) => i)
  await using server = await listen((_, response) => void response.end(car))
  const client = createClient({ service: server.url })
  const download = async (): Promise<import('../src/index.ts').RepoDownload> =>
    unwrap(await getRepo(client, { did: 'did:web:x', since: '3jzfcijpj2z2a' }))
  expect(await (await download()).bytes()).toEqual(car)
  expect(server.seen[0]!.url).toBe('/xrpc/com.atproto.sync.getRepo?did=did%3Aweb%3Ax&since=3jzfcijpj2z2a')
  await expect((await download()).bytes(1000)).rejects.toMatchObject({ code: 'too-large' })
  let size = 0
  for await (const chunk of (await download()).stream) size += chunk.length
  expect(size).toBe(car.length)
})

it('checks the hash of a blob while it streams', async () => {
  const bytes = new Uint8Array(200_000).map((_, i) => i * 7)
  await using server = await listen((_, response, count) => {
    response.setHeader('content-type', 'image/png')
    response.end(count === 1 ? bytes : bytes.slice(1))
  })
  const client = createClient({ service: server.url })
  const where = { did: 'did:web:x', cid: cidForRaw(bytes) }
  const right = unwrap(await getBlob(client, where))
  expect(right.encoding).toBe('image/png')
  expect(await right.bytes()).toEqual(bytes)
  const wrong = unwrap(await getBlob(client, { ...where, cid: where.cid.toString() }))
  await expect(wrong.bytes()).rejects.toMatchObject({ code: 'wrong-hash' })
  const streamed = unwrap(await getBlob(client, where))
  let size = 0
  const read = async (): Promise<void> => {
    for await (const chunk of streamed.stream) size += chunk.length
  }
  await expect(read()).rejects.toMatchObject({ code: 'wrong-hash' })
  expect(size).toBe(bytes.length - 1)
})

it('uploads a blob from a stream', async () => {
  const link = { $link: cidForRaw(new Uint8Array([1])).toString() }
  await using server = await listen((seen, response, count) =>
    json(
      response,
      count === 1
        ? { blob: { $type: 'blob', ref: link, mimeType: 'video/mp4', size: seen.body.length } }
        : {},
    ),
  )
  const client = createClient({ service: server.url })
  const blob = unwrap(await uploadBlob(client, new Blob(['abc']).stream(), { encoding: 'video/mp4' }))
  expect(blob).toMatchObject({ $type: 'blob', mimeType: 'video/mp4', size: 3 })
  expect(blob.ref.toString()).toBe(link.$link)
  const odd = await uploadBlob(client, new Uint8Array(), { encoding: 'video/mp4' })
  expect(!odd.ok && odd.error.code).toBe('invalid-response')
})
