// One odd record among others: named by its URI and path, passed over, or let through.
import type { Query } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { createClient, getRecord, items, listRecords, type RecordFailure } from '../src/index.ts'
import { catalog, json, listen } from './http.ts'

const note = catalog.record('com.example.note')!
const list = catalog.method('com.example.list') as Query<
  { limit?: number; cursor?: string },
  { items: string[]; cursor?: string }
>
const entry = (rkey: string, value: unknown): { uri: string; cid: string; value: unknown } => ({
  uri: `at://did:web:x/com.example.note/${rkey}`,
  cid: 'bafy',
  value,
})
const fine = { $type: 'com.example.note', text: 'ok' }
const float = { ...fine, place: { lat: 52.37 } }
const oddities: readonly (readonly [string, unknown, string])[] = [
  ['a float', float, '/place/lat'],
  ['a number past the safe integers', { ...fine, n: 2 ** 60 }, '/n'],
  ['a link that is none', { ...fine, link: { $link: 'nothing' } }, '/link'],
  ['bytes that are none', { ...fine, bytes: { $bytes: '!' } }, '/bytes'],
  ['half of a surrogate pair', { ...fine, text: '\ud800' }, '/text'],
  ['no object', 'text', ''],
]
const where = { repo: 'did:web:x', collection: 'com.example.note' } as const

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of iterable) out.push(item)
  return out
}

describe('listRecords', () => {
  it('is lenient where the client is, unless told otherwise', async () => {
    await using server = await listen((_, response) =>
      json(response, { records: [entry('a', fine), entry('b', float)] }),
    )
    const client = createClient({ service: server.url, lenient: true })
    expect(await all(listRecords(client, where))).toMatchObject([{ value: fine }, { value: float }])
    const strict = all(listRecords(client, where, { lenient: false }))
    await expect(strict).rejects.toMatchObject({ code: 'invalid-response' })
  })

  it.each(oddities)('names the record and the place of %s', async (_, value, path) => {
    await using server = await listen((__, response) =>
      json(response, { records: [entry('a', fine), entry('b', value), entry('c', fine)] }),
    )
    const client = createClient({ service: server.url })
    const got: string[] = []
    const read = async (): Promise<void> => {
      for await (const { uri } of listRecords(client, where)) got.push(uri.slice(-1))
    }
    await expect(read()).rejects.toMatchObject({
      code: 'invalid-response',
      message: expect.stringContaining('at://did:web:x/com.example.note/b') as unknown,
      issues: [{ path, code: 'invalid-type' }],
    })
    expect(got).toEqual(['a'])
  })

  it.each(oddities)('gives the others where one has %s', async (_, value, path) => {
    await using server = await listen((__, response) =>
      json(response, { records: [entry('a', fine), entry('b', value), entry('c', fine)] }),
    )
    const failures: RecordFailure[] = []
    const onInvalid = (failure: RecordFailure): void => void failures.push(failure)
    const got = await all(listRecords(createClient({ service: server.url }), where, { onInvalid }))
    expect(got.map(({ uri }) => uri.slice(-1))).toEqual(['a', 'c'])
    expect(failures).toMatchObject([
      { uri: 'at://did:web:x/com.example.note/b', cid: 'bafy', issues: [{ path }] },
    ])
    expect(failures[0]!.value).toEqual(value)
  })

  it('lets odd values through when it is told to be lenient', async () => {
    await using server = await listen((_, response) =>
      json(response, { records: oddities.slice(0, 5).map(([, value], i) => entry(`${i}`, value)) }),
    )
    const client = createClient({ service: server.url })
    const values = (await all(listRecords(client, where, { lenient: true }))).map(({ value }) => value)
    expect(values).toEqual(oddities.slice(0, 5).map(([, value]) => value))
  })

  it('tells of what is no entry of a list at all, and goes on', async () => {
    await using server = await listen((_, response) =>
      json(response, { records: [{ uri: 'https://x', value: fine }, 7, entry('c', fine)] }),
    )
    const failures: RecordFailure[] = []
    const client = createClient({ service: server.url })
    const got = await all(listRecords(client, where, { onInvalid: (one) => failures.push(one) }))
    expect(got).toHaveLength(1)
    expect(failures.map(({ uri }) => uri)).toEqual(['https://x', ''])
  })
})

it('getRecord names the record, and reads it when it is told to be lenient', async () => {
  await using server = await listen((_, response) => json(response, entry('b', float)))
  const client = createClient({ service: server.url })
  const strict = await getRecord(client, { ...where, rkey: 'b' })
  expect(strict).toMatchObject({
    ok: false,
    error: { code: 'invalid-response', issues: [{ path: '/place/lat' }] },
  })
  expect(!strict.ok && strict.error.message).toContain('at://did:web:x/com.example.note/b')
  const lenient = await getRecord(client, { ...where, rkey: 'b' }, { lenient: true })
  expect(lenient).toMatchObject({ ok: true, value: { value: float } })
})

describe('a call', () => {
  const odd = { items: ['a', 7, 'c'] }

  it('is refused for one odd item, with its place', async () => {
    await using server = await listen((_, response) => json(response, odd))
    const result = await createClient({ service: server.url }).call(list)
    expect(result).toMatchObject({ ok: false, error: { issues: [{ path: '/items/1' }] } })
    await expect(all(items(createClient({ service: server.url }), list, 'items', {}))).rejects.toMatchObject({
      code: 'invalid-response',
    })
  })

  it('gives the answer as it is and says what is odd, when it is told to be lenient', async () => {
    await using server = await listen((_, response) => json(response, { items: ['a', 7, 'c'], at: 1.5 }))
    const result = await createClient({ service: server.url, lenient: true }).call(list)
    expect(result).toMatchObject({
      ok: true,
      value: { items: ['a', 7, 'c'], at: 1.5 },
      issues: [{ path: '/items/1', code: 'invalid-type' }],
    })
    await using good = await listen((_, response) => json(response, { items: ['a'] }))
    const clean = await createClient({ service: good.url }).call(list, { lenient: true })
    expect(clean).not.toHaveProperty('issues')
  })

  it('gives the items of a list that fit, and tells of the others', async () => {
    await using server = await listen((_, response) => json(response, odd))
    const told: unknown[] = []
    const options = { onInvalid: (failure: unknown) => told.push(failure) }
    const got = await all(items(createClient({ service: server.url }), list, 'items', options))
    expect(got).toEqual(['a', 'c'])
    expect(told).toMatchObject([{ index: 1, value: 7, issues: [{ path: '' }] }])
  })

  it('passes over no item that nobody can judge: what is wrong beside the items ends the list', async () => {
    await using server = await listen((_, response) => json(response, { items: ['a'], cursor: 7 }))
    const told: unknown[] = []
    const options = { onInvalid: (failure: unknown) => told.push(failure) }
    const read = all(items(createClient({ service: server.url }), list, 'items', options))
    await expect(read).rejects.toMatchObject({ code: 'invalid-response', issues: [{ path: '/cursor' }] })
    expect(told).toEqual([])
  })

  it('judges every item of a page, however many are odd', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => (i === 999 ? 'last' : i))
    await using server = await listen((_, response) => json(response, { items: many }))
    let told = 0
    const options = { onInvalid: () => (told += 1) }
    expect(await all(items(createClient({ service: server.url }), list, 'items', options))).toEqual(['last'])
    expect(told).toBe(999)
  })
})

it('decodeRecord judges what a lenient reading gave', async () => {
  await using server = await listen((_, response) =>
    json(response, entry('b', { ...fine, text: 'far too long' })),
  )
  const result = await getRecord(
    createClient({ service: server.url }),
    { ...where, rkey: 'b' },
    { lenient: true },
  )
  expect(result.ok && note.validate(result.value.value).ok).toBe(false)
})
