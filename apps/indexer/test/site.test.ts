// Everything outside /xrpc: what people and monitors read.

import { encode } from '@avocet/cbor'
import { parseLexicon } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLinkSources } from '../src/backlinks/sources.ts'
import { createLive, type Live } from '../src/http/live.ts'
import { loadPage } from '../src/http/page.ts'
import { createSite } from '../src/http/site.ts'
import { createSourceStatuses, type SourceStatus } from '../src/http/source-status.ts'
import { createStatus } from '../src/http/status.ts'
import { createDeadLetterReader } from '../src/queries/dead-letters.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createRepoReader } from '../src/queries/repos.ts'
import { openTables, opOf, REV, type Tables } from './support/tables.ts'
import { ALL, describeWanted, openWanted } from '../src/sync/wanted.ts'

const ada: Did = 'did:web:ada.example'
let tables: Tables
let live: Live
beforeEach(() => {
  tables = openTables()
  live = createLive({ status: () => ({}), handleOf: () => null })
})
afterEach(() => {
  live.close()
  tables[Symbol.dispose]()
})

const page = loadPage()
const QUERIES = [
  {
    lexicon: 1,
    id: 'com.example.find',
    defs: {
      main: {
        type: 'query',
        description: 'finds',
        parameters: { type: 'params', properties: { q: { type: 'string', maxLength: 5 } } },
      },
    },
  },
  { lexicon: 1, id: 'com.example.all', defs: { main: { type: 'query' } } },
].map((document) => {
  const parsed = parseLexicon(document)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
})
let sourcesRead = 0
function answer(path: string, init: RequestInit = {}): Response {
  const site = createSite({
    page,
    live,
    status: () => ({ fine: true }),
    records: createRecordReader(tables.db),
    links: createLinkReader(tables.db),
    *linkSources(subject) {
      for (const source of createLinkSources(tables.db)(subject)) {
        sourcesRead++
        yield source
      }
    },
    repos: createRepoReader(tables.db, () => tables.now),
    deadLetters: createDeadLetterReader(tables.db),
    catalog: () => catalog,
    queries: () => QUERIES,
  })
  return site(new Request(`http://index.example${path}`, init), { address: '192.0.2.1' })
}
async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: any }> {
  const response = answer(path, init)
  return { status: response.status, body: await response.json() }
}
const facts = (uri: string): Promise<{ status: number; body: any }> =>
  ask(`/records?${new URLSearchParams({ uri }).toString()}`)

describe('requests', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', async (method) => {
    for (const path of ['/', '/status', '/records']) {
      expect(await ask(path, { method })).toMatchObject({ status: 405, body: { error: 'MethodNotAllowed' } })
    }
  })

  test('HEAD of the event stream takes no place of those who watch', async () => {
    for (let i = 0; i < 9; i++) {
      const head = answer('/events', { method: 'HEAD' })
      expect([head.status, head.body, head.headers.get('content-type')]).toEqual([
        200,
        null,
        'text/event-stream; charset=utf-8',
      ])
    }
    expect(answer('/events').status).toBe(200)
  })

  test('HEAD has the headers of GET and no body', async () => {
    const [get, head] = [answer('/'), answer('/', { method: 'HEAD' })]
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect([...head.headers]).toEqual([...get.headers])
    expect((await get.text()).length).toBeGreaterThan(0)
  })

  test('what there is not', async () => {
    expect(await ask('/nothing')).toMatchObject({ status: 404, body: { error: 'NotFound' } })
  })
})

describe('a record', () => {
  const uri = `at://${ada}/com.example.note/a`
  beforeEach(() => {
    tables.commit(ada, [
      opOf('create', 'com.example.note/a', { a: 1 }),
      opOf('create', 'com.example.note/b', { about: uri }),
    ])
  })

  test('with who points to it', async () => {
    expect(await facts(uri)).toEqual({
      status: 200,
      body: {
        uri,
        cid: opOf('create', 'x/y', { a: 1 }).cid!.toString(),
        rev: REV,
        validity: 'unknown',
        reason: 'no lexicon for this collection',
        provenance: 'live',
        indexedAt: tables.now,
        backlinks: 1,
        size: 4,
        fields: [
          {
            depth: 0,
            name: 'a',
            type: 'integer',
            detail: null,
            description: null,
            declared: false,
            value: 1,
            cutFrom: null,
          },
        ],
        isCut: false,
        links: [],
      },
    })
  })

  test('of an account that is off is not there', async () => {
    tables.account(ada, 'takendown')
    expect(await facts(uri)).toMatchObject({ status: 404, body: { error: 'RecordNotFound' } })
  })

  test.each([
    [`at://${ada}/com.example.note/c`, 404],
    [`at://${ada}`, 404],
    ['at://did:web:nobody.example/com.example.note/a', 404],
    ['https://index.example', 400],
    ['', 400],
  ])('%s: %i', async (asked, status) => expect((await facts(asked)).status).toBe(status))
})

test('queries: what forms are made of', async () => {
  expect(await ask('/queries')).toEqual({
    status: 200,
    body: {
      queries: [
        {
          id: 'com.example.find',
          description: 'finds',
          parameters: { q: { type: 'string', maxLength: 5 } },
        },
        { id: 'com.example.all', description: null, parameters: {} },
      ],
    },
  })
})

test('links: from where, how many, and of how many accounts; fifty places at most', async () => {
  const ben: Did = 'did:web:ben.example'
  const uri = `at://${ada}/com.example.note/a`
  tables.commit(ada, [opOf('create', 'com.example.like/1', { subject: uri })])
  tables.commit(ben, [
    opOf('create', 'com.example.like/1', { subject: uri, again: uri }),
    opOf('create', 'com.example.like/2', { subject: uri }),
    opOf('create', 'com.example.reply/1', { subject: uri }),
  ])
  const ask$ = async (subject: string) =>
    (await ask(`/link-sources?${new URLSearchParams({ subject }).toString()}`)).body
  expect(await ask$(uri)).toEqual({
    sources: [
      { collection: 'com.example.like', path: '.subject', links: 3, dids: 2 },
      { collection: 'com.example.reply', path: '.subject', links: 1, dids: 1 },
      { collection: 'com.example.like', path: '.again', links: 1, dids: 1 },
    ],
    isCut: false,
  })
  expect(await ask$('at://nobody')).toEqual({ sources: [], isCut: false })
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, ben]))
  tables.commit(ada, [opOf('create', 'com.example.many/1', { ...many, pad: 'x'.repeat(9000) })])
  sourcesRead = 0
  expect(await ask$(ben)).toMatchObject({ sources: { length: 50 }, isCut: true })
  // No more is looked for than is told, and that there is one more.
  expect(sourcesRead).toBe(51)
})

test('a repo: where it stands', async () => {
  expect(await ask(`/repos?did=${ada}`)).toMatchObject({ status: 404, body: { error: 'RepoNotFound' } })
  tables.db
    .prepare(`INSERT INTO repos (did, rev, status, reason, next_try, attempts, upstream_status, local_status)
              VALUES (?, ?, 'suspect', 'list', 5, 2, 'active', 'active')`)
    .run(ada, REV)
  expect(await ask(`/repos?did=${ada}`)).toEqual({
    status: 200,
    body: {
      did: ada,
      status: 'suspect',
      reason: 'list',
      attempts: 2,
      rev: REV,
      nextTry: 5,
      flags: [],
      partialSince: null,
      confirmedAt: null,
    },
  })
})

test('accounts: 25 a page; the last page says that it is', async () => {
  for (let i = 10; i < 60; i++) tables.commit(`did:web:a${i}.example`, [opOf('create', 'a.b.c/1', { i })])
  const first = (await ask('/accounts')).body
  expect(first.accounts).toHaveLength(25)
  expect(first.accounts[0]).toEqual({ did: 'did:web:a10.example', handle: null, status: null, rev: REV })
  const second = (await ask(`/accounts?cursor=${first.cursor}`)).body
  expect(second.accounts.map(({ did }: { did: string }) => did)).toEqual(
    Array.from({ length: 25 }, (_, i) => `did:web:a${35 + i}.example`),
  )
  expect(await ask(`/accounts?cursor=${second.cursor}`)).toEqual({ status: 200, body: { accounts: [] } })
})

test('failures: the newest 25', async () => {
  for (let i = 0; i < 30; i++) tables.failure('signature-invalid', `${i}`)
  const { failures } = (await ask('/failures')).body
  expect(failures.map(({ message }: { message: string }) => message)).toEqual(
    Array.from({ length: 25 }, (_, i) => `${29 - i}`),
  )
})

test('failures: of a reason, page by page, and one with its frame', async () => {
  const frame = encode({ op: 1, t: '#commit' })
  const failure = { kind: 'failure', source: 's', seq: 7, did: ada, message: 'm' } as const
  tables.db.transaction(() => {
    for (let i = 0; i < 26; i++) tables.applier.apply({ ...failure, reason: 'signature-invalid' })
    tables.applier.apply({ ...failure, reason: 'frame-malformed', frame: { bytes: frame, length: 900 } })
  })
  const first = (await ask('/failures?reason=signature-invalid')).body
  expect(first.failures).toHaveLength(25)
  expect(first.cursor).toBe('2')
  const rest = (await ask(`/failures?reason=signature-invalid&cursor=${first.cursor}`)).body
  expect(rest.failures.map(({ id }: { id: number }) => id)).toEqual([1])
  expect(rest).not.toHaveProperty('cursor')
  expect(await ask('/failures?id=27')).toMatchObject({
    status: 200,
    body: {
      reason: 'frame-malformed',
      hasFrame: true,
      frame: {
        length: 900,
        base64: Buffer.from(frame).toString('base64'),
        outline: { lines: [{ name: 'header' }, { name: 't', text: '"#commit"' }, { name: 'op' }] },
      },
    },
  })
  expect((await ask('/failures?id=3')).body.frame).toBe(null)
  expect(await ask('/failures?id=99')).toMatchObject({ status: 404, body: { error: 'LetterNotFound' } })
  tables.account(ada, 'takendown')
  expect((await ask('/failures?id=27')).body).toMatchObject({ hasFrame: false, frame: null })
})

describe('the status', () => {
  const source = (state: SourceStatus['state'], lagMs: number | null): SourceStatus => ({
    id: 's',
    url: 'wss://s.example',
    kind: 'relay',
    state,
    seq: 1,
    lagMs,
  })
  const statusOf = (...sources: SourceStatus[]) =>
    createStatus({
      db: tables.db,
      repos: createRepoReader(tables.db, () => tables.now),
      sources: () => sources,
      accountQuota: 1000,
      work: () => ({
        wanted: { ...describeWanted(openWanted(tables.db, ALL, Date.now)), finding: [] },
        removals: { repos: 0, collections: false },
        reindex: null,
        indexes: [],
      }),
      workers: () => null,
      consumers: () => [],
      version: '1.2.3',
      now: () => tables.now,
    })

  test('has the largest lag of the sources that are live', () => {
    expect(
      statusOf(source('live', 5), source('live', 70), source('live', null), source('connecting', 900))()
        .lagMs,
    ).toBe(70)
    expect(statusOf(source('connecting', 900))().lagMs).toBe(null)
  })

  test('tells faults from what was not needed', () => {
    for (let i = 0; i < 3; i++) tables.failure('duplicate')
    for (let i = 0; i < 2; i++) tables.failure('signature-invalid')
    expect(statusOf()().failures).toEqual({
      faults: 2,
      expected: 3,
      byReason: [
        { reason: 'duplicate', count: 3, lastAt: tables.now, fault: false },
        { reason: 'signature-invalid', count: 2, lastAt: tables.now, fault: true },
      ],
    })
  })

  test('has rates of the last ten seconds', () => {
    const status = statusOf()
    const rates: number[][] = []
    for (let second = 0; second <= 30; second++) {
      // Ten commits of two records each in the first ten seconds, then nothing.
      if (second > 0 && second <= 10) {
        tables.commit(ada, [opOf('create', `a.b.c/${second}`, { second }), opOf('delete', 'a.b.c/x', null)])
      }
      const { commits, records } = status().rates
      rates.push([commits, records])
      tables.now += 1000
    }
    expect(rates[0]).toEqual([0, 0])
    expect(rates[10]).toEqual([1, 2])
    expect(rates[15]).toEqual([0.5, 1])
    expect(rates.slice(20)).toEqual(Array.from({ length: 11 }, () => [0, 0]))
  })
})

test('a source that comes or goes is told once', () => {
  const told: string[] = []
  const stats = { id: 's', connected: false, lastSeq: 0 }
  const statuses = createSourceStatuses(
    [{ url: 'wss://s.example', kind: 'pds', start: 'live' }],
    () => ({ consumer: { stats: () => ({ sources: [stats] }) } as never, lagMs: () => 7 }),
    (line) => told.push(line),
  )
  expect(statuses()).toEqual([
    { id: 's', url: 'wss://s.example', kind: 'pds', state: 'connecting', seq: null, lagMs: 7 },
  ])
  stats.connected = true
  stats.lastSeq = 5
  expect(statuses()).toMatchObject([{ state: 'live', seq: 5 }])
  statuses()
  stats.connected = false
  statuses()
  statuses()
  expect(told).toEqual(['connected to wss://s.example', 'lost wss://s.example, trying again'])
})
