// What the XRPC methods answer: of whom, how much at once, and where it goes on.

import { encode } from '@avocet/cbor'
import type { DataObject, DataValue } from '@avocet/data'
import { openState } from '@avocet/firehose/sqlite'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createXrpc } from '../src/http/xrpc.ts'
import type { Identities } from '../src/identity/identities.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createRepoReader } from '../src/queries/repos.ts'
import { openTables, opOf, REV, type Tables } from './support/tables.ts'

const ada: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const ben: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const NOTE = 'com.example.note'

let tables: Tables
let described: Awaited<ReturnType<Identities['describe']>>
beforeEach(() => {
  tables = openTables()
  described = null
})
afterEach(() => tables[Symbol.dispose]())

type Answer = { status: number; body: Record<string, any> }
async function ask(method: string, params: Record<string, string>): Promise<Answer> {
  const records = createRecordReader(tables.db)
  const router = createXrpc({
    records,
    repos: createRepoReader(tables.db, () => tables.now),
    identities: { describe: async () => described } as unknown as Identities,
    findAccount: async (actor) => records.account(actor),
    onError: (error) => {
      throw error
    },
  })
  const response = await router.fetch(
    new Request(`http://index.example/xrpc/${method}?${new URLSearchParams(params).toString()}`),
  )
  return { status: response.status, body: (await response.json()) as Record<string, any> }
}
const get = (rkey: string, params: Record<string, string> = {}): Promise<Answer> =>
  ask('com.atproto.repo.getRecord', { repo: ada, collection: NOTE, rkey, ...params })
const list = (params: Record<string, string> = {}): Promise<Answer> =>
  ask('com.atproto.repo.listRecords', { repo: ada, collection: NOTE, ...params })
const keysOf = ({ body }: Answer): string[] =>
  body['records'].map(({ uri }: { uri: string }) => uri.slice(uri.lastIndexOf('/') + 1))
const write = (notes: Record<string, DataObject | Uint8Array>): void =>
  tables.commit(
    ada,
    Object.entries(notes).map(([rkey, note]) => opOf('create', `${NOTE}/${rkey}`, note)),
  )

/** An account that is not active, and what is said of its records and of itself. */
const INACTIVE: [status: string, error: string][] = [
  ['takendown', 'RepoTakendown'],
  ['suspended', 'RepoSuspended'],
  ['deactivated', 'RepoDeactivated'],
  ['throttled', 'RepoDeactivated'],
  ['deleted', 'RepoNotFound'],
]

describe.each(INACTIVE)('an account that is %s', (status, error) => {
  beforeEach(() => {
    write({ a: { a: 1 } })
    tables.account(ada, status)
  })

  test('shows nothing', async () => {
    expect(await get('a')).toMatchObject({ status: 400, body: { error: 'RecordNotFound' } })
    expect(await list()).toMatchObject({ status: 400, body: { error } })
    expect(await ask('com.atproto.repo.describeRepo', { repo: ada })).toMatchObject({
      status: 400,
      body: { error },
    })
  })

  test('is said to be so', async () => {
    const said = { did: ada, active: false, status }
    expect((await ask('com.atproto.sync.getRepoStatus', { did: ada })).body).toEqual(said)
    expect((await ask('com.atproto.sync.listRepos', {})).body['repos']).toMatchObject([said])
    tables.account(ada, null)
    expect(keysOf(await list())).toEqual(['a'])
  })
})

test('an account that is not indexed', async () => {
  expect(await get('a')).toMatchObject({ status: 400, body: { error: 'RecordNotFound' } })
  expect(await list()).toMatchObject({ status: 400, body: { error: 'RepoNotFound' } })
  expect(await ask('com.atproto.sync.getRepoStatus', { did: ada })).toMatchObject({
    status: 400,
    body: { error: 'RepoNotFound' },
  })
})

describe('getRecord', () => {
  test('gives the version that is asked for, or none', async () => {
    write({ a: { a: 1 } })
    const { body } = await get('a')
    expect(body).toEqual({ uri: `at://${ada}/${NOTE}/a`, cid: expect.any(String), value: { a: 1 } })
    expect((await get('a', { cid: body['cid'] })).body).toEqual(body)
    const other = opOf('create', `${NOTE}/b`, { b: 1 }).cid!.toString()
    expect(await get('a', { cid: other })).toMatchObject({ status: 400, body: { error: 'RecordNotFound' } })
  })

  test('says of what is no record that there is none, and of what is too costly that it is', async () => {
    write({ list: encode([1]).slice(), many: { list: [] } })
    tables.commit(ada, [
      { ...opOf('create', `${NOTE}/costly`, encode({ a: 1 }).slice()), unread: 'too-costly' },
    ])
    tables.resync(ada, [opOf('create', `${NOTE}/large`, { text: 'x'.repeat(1_000_001) })])
    expect(await get('list')).toMatchObject({ status: 400, body: { error: 'RecordNotFound' } })
    expect(await get('costly')).toMatchObject({ status: 400, body: { error: 'RecordTooCostly' } })
    expect(await get('large')).toMatchObject({ status: 400, body: { error: 'RecordTooCostly' } })
  })

  test('shows records of up to 50 000 values', async () => {
    const values = (n: number): DataObject => ({ list: Array.from({ length: n - 2 }, () => 1) })
    write({ most: values(50_000), over: values(50_001) })
    expect((await get('most')).status).toBe(200)
    expect(await get('over')).toMatchObject({ status: 400, body: { error: 'RecordTooCostly' } })
  })
})

describe('listRecords', () => {
  /** All keys, page by page, with the sizes of the pages. */
  async function pages(params: Record<string, string>): Promise<[keys: string[], sizes: number[]]> {
    const keys: string[] = []
    const sizes: number[] = []
    for (let cursor = ''; ;) {
      const answer = await list({ ...params, ...(cursor === '' ? {} : { cursor }) })
      expect(answer.status).toBe(200)
      const page = keysOf(answer)
      keys.push(...page)
      sizes.push(page.length)
      cursor = answer.body['cursor'] ?? ''
      if (cursor === '') return [keys, sizes]
    }
  }

  test('goes from the newest key to the oldest, or back, each once; the last page says that it is', async () => {
    write({ a: { a: 1 }, b: { a: 2 }, c: { a: 3 }, d: { a: 4 } })
    expect(await pages({ limit: '2' })).toEqual([
      ['d', 'c', 'b', 'a'],
      [2, 2],
    ])
    expect(await pages({ limit: '3', reverse: 'true' })).toEqual([
      ['a', 'b', 'c', 'd'],
      [3, 1],
    ])
  })

  test('passes by a thousand rows without content, then says where it goes on', async () => {
    const notes: Record<string, DataObject | Uint8Array> = { z: { a: 1 }, a: { a: 2 } }
    for (let i = 0; i < 1500; i++) notes[`m${i}`] = encode([i]).slice()
    write(notes)
    const first = await list({ limit: '2' })
    expect(keysOf(first)).toEqual(['z'])
    expect(first.body['cursor']).toEqual(expect.any(String))
    expect(await pages({ limit: '2' })).toEqual([
      ['z', 'a'],
      [1, 1],
    ])
  })

  test('ends an answer after a megabyte', async () => {
    const text = 'x'.repeat(600_000)
    write({ a: { text, n: 1 }, b: { text, n: 2 }, c: { text, n: 3 }, d: { text, n: 4 }, e: { n: 5 } })
    expect(await pages({ limit: '100' })).toEqual([
      ['e', 'd', 'c', 'b', 'a'],
      [3, 2],
    ])
  })

  test('ends an answer after 50 000 values: a record that has no room begins the next', async () => {
    const values = (n: number, last: DataValue): DataObject => ({
      list: Array.from({ length: n - 2 }, () => last),
    })
    write({
      a: values(30_000, 1),
      b: values(30_000, 2),
      c: values(50_000, 3),
      d: values(50_001, 4),
      e: { n: 5 },
    })
    // `d` is never shown: alone it has more values than an answer may.
    expect(await pages({ limit: '100' })).toEqual([
      ['e', 'c', 'b', 'a'],
      [1, 1, 1, 1],
    ])
  })
})

describe('listRepos', () => {
  test('is in pages, in the order of DIDs, without accounts of which nothing is indexed', async () => {
    for (const name of ['c', 'a', 'b'])
      tables.commit(`did:web:${name}.example`, [opOf('create', `${NOTE}/a`, { a: 1 })])
    tables.account('did:web:aa.example', null)
    const page = async (cursor?: string): Promise<Answer['body']> =>
      (await ask('com.atproto.sync.listRepos', { limit: '2', ...(cursor === undefined ? {} : { cursor }) }))
        .body
    const first = await page()
    expect(first).toMatchObject({
      cursor: 'did:web:b.example',
      repos: [{ did: 'did:web:a.example', rev: REV, active: true }, { did: 'did:web:b.example' }],
    })
    expect(await page('did:web:b.example')).toMatchObject({ repos: [{ did: 'did:web:c.example' }] })
    expect(await page('did:web:b.example')).not.toHaveProperty('cursor')
    expect(await page('did:web:a.example')).toHaveProperty('cursor', 'did:web:c.example')
  })
})

describe('getRepoStatus', () => {
  const state = (status: string): void => {
    openState(tables.db)
    tables.db
      .prepare(
        `INSERT INTO repos (did, rev, status, attempts, upstream_status, local_status)
         VALUES (?, ?, ?, 0, 'active', 'active')`,
      )
      .run(ada, REV, status)
  }

  test.each(['desynchronized', 'resyncing', 'suspect', 'unconfirmed', 'terminal'])(
    'of a repo that is %s',
    async (status) => {
      state(status)
      expect((await ask('com.atproto.sync.getRepoStatus', { did: ada })).body).toEqual({
        did: ada,
        active: false,
        status: 'desynchronized',
        rev: REV,
      })
    },
  )

  test('of one that is whole', async () => {
    state('synchronized')
    expect((await ask('com.atproto.sync.getRepoStatus', { did: ada })).body).toEqual({
      did: ada,
      active: true,
      rev: REV,
    })
  })
})

describe('describeRepo', () => {
  const describeRepo = async (): Promise<Answer['body']> =>
    (await ask('com.atproto.repo.describeRepo', { repo: ada })).body
  const document = { id: ada, alsoKnownAs: [] } as unknown as NonNullable<typeof described>['document']

  test('names the collections in their order, and the handle that is verified now', async () => {
    for (const name of ['b.b.b', 'c.c.c', 'a.a.a'])
      tables.commit(ada, [opOf('create', `${name}/1`, { a: 1 })])
    tables.commit(ben, [opOf('create', 'd.d.d/1', { a: 1 })])
    described = { document, handle: 'ada.example' }
    expect(await describeRepo()).toEqual({
      did: ada,
      handle: 'ada.example',
      handleIsCorrect: true,
      didDoc: document,
      collections: ['a.a.a', 'b.b.b', 'c.c.c'],
    })
  })

  test('names a thousand collections, and no more', async () => {
    const create = (i: number) => opOf('create', `a.b.c${String(i).padStart(4, '0')}/1`, { a: 1 })
    tables.commit(
      ada,
      Array.from({ length: 999 }, (_, i) => create(i)),
    )
    const named = async (): Promise<number> => ((await describeRepo())['collections'] as string[]).length
    expect(await named()).toBe(999)
    tables.commit(ada, [create(999)])
    expect(await named()).toBe(1000)
    tables.commit(ada, [create(1000)])
    expect(await named()).toBe(1000)
  })

  test('does not name a handle that is refuted; one that cannot be looked up now is as it was', async () => {
    write({ a: { a: 1 } })
    tables.identity(ada, 'ada.example')
    described = { document, handle: null }
    expect(await describeRepo()).toMatchObject({ handle: 'handle.invalid', handleIsCorrect: false })
    described = { document, handle: undefined }
    expect(await describeRepo()).toMatchObject({ handle: 'ada.example', handleIsCorrect: true })
  })

  test('gives what it knows while the directory is away; without any handle it says so', async () => {
    write({ a: { a: 1 } })
    expect(await describeRepo()).toMatchObject({
      handle: 'handle.invalid',
      handleIsCorrect: false,
      didDoc: { id: ada },
    })
    tables.identity(ada, 'ada.example')
    expect(await describeRepo()).toMatchObject({
      handle: 'ada.example',
      handleIsCorrect: true,
      didDoc: { id: ada },
    })
  })
})
