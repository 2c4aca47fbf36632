// blue.microcosm.links.*: as Constellation's server answers, field by field, and what strangers may ask.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject, formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBacklinks } from '../src/backlinks/methods.ts'
import { countLinks } from '../src/database/count-links.ts'
import { openIndexDatabase } from '../src/database/open.ts'
import { createExamine } from '../src/index/examine.ts'
import { createRecordWriter } from '../src/index/records.ts'
import { startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const POST = 'at://did:plc:author/app.bsky.feed.post/3lgwdn7vd722r'
const LIKE = 'app.bsky.feed.like'
const about = { subject: POST, source: `${LIKE}:subject.uri` }
const [ada, ben, cy]: [Did, Did, Did] = ['did:plc:ada', 'did:plc:ben', 'did:plc:cy']

let tables: Tables
beforeEach(() => {
  tables = openTables()
})
afterEach(() => tables[Symbol.dispose]())

const like = (n: number, uri = POST): DataObject => ({
  $type: LIKE,
  subject: { uri, cid: 'bafyreib' },
  createdAt: '2026-01-01T00:00:00.000Z',
  n,
})
const cidOf = (record: DataObject): string => formatCid(cidForCbor(encode(record)))
function put(did: Did, rkey: string, record: DataObject, collection = LIKE): void {
  tables.commit(did, [opOf('create', `${collection}/${rkey}`, record)])
}
const gone = (did: Did, rkey: string): void => tables.commit(did, [opOf('delete', `${LIKE}/${rkey}`, null)])

type Params = Record<string, string> | string[][]
async function fetchOf(method: string, params: Params, init: RequestInit = {}): Promise<Response> {
  const url = `http://index.example/?${new URLSearchParams(params).toString()}`
  return createBacklinks(tables.db)(`blue.microcosm.links.${method}`, new Request(url, init))!
}
async function ask(method: string, params: Params = about): Promise<any> {
  const response = await fetchOf(method, params)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
  return response.json()
}
const told = (did: string, rkey: string, record: DataObject, collection = LIKE): object => ({
  did,
  collection,
  rkey,
  uri: `at://${did}/${collection}/${rkey}`,
  cid: cidOf(record),
})

describe('answers have the fields of Constellation’s, and uri and cid beside them', () => {
  beforeEach(() => {
    put(ada, '1', like(1))
    put(ben, '1', like(2))
    put(ada, '2', like(3))
  })

  test('getBacklinks: newest first, oldest first, of some accounts, page by page', async () => {
    expect(await ask('getBacklinks')).toEqual({
      total: 3,
      records: [told(ada, '2', like(3)), told(ben, '1', like(2)), told(ada, '1', like(1))],
      cursor: null,
    })
    const { records, cursor } = await ask('getBacklinks', { ...about, limit: '2', reverse: 'true' })
    expect(records).toEqual([told(ada, '1', like(1)), told(ben, '1', like(2))])
    expect(cursor).toMatch(/^[0-9a-f]+$/)
    expect(await ask('getBacklinks', { ...about, limit: '2', reverse: 'true', cursor })).toEqual({
      total: 3,
      records: [told(ada, '2', like(3))],
      cursor: null,
    })
    // A page that ends with the last link has nothing after it.
    expect((await ask('getBacklinks', { ...about, limit: '3' })).cursor).toBe(null)
    const filtered = [...Object.entries(about), ['did', ` ${ben} `], ['did', ''], ['did', cy]]
    expect(await ask('getBacklinks', filtered)).toEqual({
      total: 1,
      records: [told(ben, '1', like(2))],
      cursor: null,
    })
  })

  test('the text of an answer, to the byte', async () => {
    const text = await (await fetchOf('getBacklinks', { ...about, limit: '1', reverse: 'true' })).text()
    const cursor = /"cursor":"([0-9a-f]+)"\}$/.exec(text)![1]!
    const record = `{"did":"${ada}","collection":"${LIKE}","rkey":"1","uri":"at://${ada}/${LIKE}/1","cid":"${cidOf(like(1))}"}`
    expect(text).toBe(`{"total":3,"records":[${record}],"cursor":"${cursor}"}`)
    expect(await (await fetchOf('getBacklinksCount', about)).text()).toBe('{"total":3}')
    expect(await (await fetchOf('getBacklinkDids', about)).text()).toBe(
      `{"total":2,"linking_dids":["${ben}","${ada}"],"cursor":null}`,
    )
  })

  test('accounts that are off are left out of lists and stay in totals, until they are deleted', async () => {
    tables.account(ben, 'deactivated')
    expect(await ask('getBacklinks')).toMatchObject({ total: 3, records: [{ rkey: '2' }, { rkey: '1' }] })
    expect(await ask('getBacklinkDids')).toEqual({ total: 2, linking_dids: [ada], cursor: null })
    expect(await ask('getBacklinks', { ...about, did: ben })).toEqual({ total: 0, records: [], cursor: null })
    tables.account(ben, 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    expect(await ask('getBacklinksCount')).toEqual({ total: 2 })
    expect((await ask('getBacklinkDids')).total).toBe(1)
  })

  test('getManyToMany and getManyToManyCounts: what else the records point to', async () => {
    const ITEM = 'app.bsky.graph.listitem'
    const item = (list: string): DataObject => ({ $type: ITEM, subject: cy, list, pad: 'x'.repeat(200) })
    const [one, two] = ['at://did:plc:ada/app.bsky.graph.list/1', 'at://did:plc:ada/app.bsky.graph.list/2']
    put(ada, '1', item(one), ITEM)
    put(ben, '1', item(two), ITEM)
    put(ben, '2', item(one), ITEM)
    const pair = { subject: cy, source: `${ITEM}:subject`, pathToOther: 'list' }
    expect(await ask('getManyToMany', pair)).toEqual({
      items: [
        { linkRecord: told(ada, '1', item(one), ITEM), otherSubject: one },
        { linkRecord: told(ben, '1', item(two), ITEM), otherSubject: two },
        { linkRecord: told(ben, '2', item(one), ITEM), otherSubject: one },
      ],
      cursor: null,
    })
    const ofBen = await ask('getManyToMany', { ...pair, linkDid: ben, otherSubject: two })
    expect(ofBen.items).toEqual([{ linkRecord: told(ben, '1', item(two), ITEM), otherSubject: two }])
    expect(await ask('getManyToManyCounts', pair)).toEqual({
      counts_by_other_subject: [
        { subject: one, total: 2, distinct: 2 },
        { subject: two, total: 1, distinct: 1 },
      ],
      cursor: null,
    })
    expect((await ask('getManyToManyCounts', { ...pair, did: ben })).counts_by_other_subject).toEqual([
      { subject: two, total: 1, distinct: 1 },
      { subject: one, total: 1, distinct: 1 },
    ])
  })

  test('what nobody points to, or nobody can', async () => {
    for (const source of [
      `${LIKE}:subject.cid`,
      `${LIKE}:nowhere`,
      'com.example.none:subject.uri',
      ':',
      'a:',
    ]) {
      const params = { subject: POST, source }
      expect(await ask('getBacklinks', params)).toEqual({ total: 0, records: [], cursor: null })
      expect(await ask('getBacklinksCount', params)).toEqual({ total: 0 })
      expect(await ask('getBacklinkDids', params)).toEqual({ total: 0, linking_dids: [], cursor: null })
      const pair = { ...params, pathToOther: 'list' }
      expect(await ask('getManyToMany', pair)).toEqual({ items: [], cursor: null })
      expect(await ask('getManyToManyCounts', pair)).toEqual({ counts_by_other_subject: [], cursor: null })
    }
    expect(await ask('getBacklinksCount', { ...about, subject: 'x'.repeat(1_000_000) })).toEqual({ total: 0 })
  })
})

describe('what is refused', () => {
  const refusal = async (method: string, params: Params, init?: RequestInit): Promise<[number, string]> => {
    const response = await fetchOf(method, params, init)
    const text = await response.text()
    expect(response.headers.get('content-type')).toBe(text === '' ? null : 'text/plain; charset=utf-8')
    return [response.status, text]
  }

  test('a query that cannot be read: in words', async () => {
    const missing = (name: string) => [400, `Failed to deserialize query string: missing field \`${name}\``]
    expect(await refusal('getBacklinks', {})).toEqual(missing('subject'))
    expect(await refusal('getBacklinksCount', { subject: POST })).toEqual(missing('source'))
    expect(await refusal('getManyToMany', about)).toEqual(missing('pathToOther'))
    expect(await refusal('getBacklinks', [...Object.entries(about), ['subject', POST]])).toEqual([
      400,
      'Failed to deserialize query string: duplicate field `subject`',
    ])
    const limits: [string, string][] = [
      ['', 'cannot parse integer from empty string'],
      ['-1', 'invalid digit found in string'],
      ['1.5', 'invalid digit found in string'],
      ['99999999999999999999', 'number too large to fit in target type'],
      ['9'.repeat(5000), 'number too large to fit in target type'],
    ]
    for (const [limit, why] of limits) {
      const expected = [400, `Failed to deserialize query string: ${why}`]
      expect(await refusal('getBacklinks', { ...about, limit })).toEqual(expected)
    }
    expect((await refusal('getBacklinks', { ...about, reverse: 'yes' }))[0]).toBe(400)
  })

  test('a limit over 1000, a source without a colon, a cursor of something else: without a word', async () => {
    for (const params of [
      { ...about, limit: '1001' },
      { ...about, limit: '18446744073709551615' },
      { ...about, source: 'subject.uri' },
      { ...about, cursor: 'zz' },
      { ...about, cursor: 'ab'.repeat(4000) },
      { ...about, cursor: '010000000000010000' },
    ]) {
      expect(await refusal('getBacklinks', params)).toEqual([400, ''])
    }
    expect((await ask('getBacklinks', { ...about, limit: '+01000', cursor: '' })).total).toBe(0)
  })

  test('other methods of HTTP; HEAD is answered', async () => {
    expect(await refusal('getBacklinks', about, { method: 'POST' })).toEqual([405, ''])
    expect((await fetchOf('getBacklinks', about, { method: 'HEAD' })).status).toBe(200)
    for (const nsid of [
      'blue.microcosm.links.constructor',
      'blue.microcosm.other.getBacklinks',
      'x.getBacklinks',
    ]) {
      expect(createBacklinks(tables.db)(nsid, new Request('http://x.example/'))).toBe(null)
    }
  })

  test('a cursor beyond the end, and one of a link that is gone', async () => {
    for (let i = 0; i < 3; i++) put(ada, String(i), like(i))
    const { cursor } = await ask('getBacklinks', { ...about, limit: '2' })
    gone(ada, '1')
    expect((await ask('getBacklinks', { ...about, cursor })).records).toMatchObject([{ rkey: '0' }])
    const far = '00'.padEnd(18, 'f')
    expect(await ask('getBacklinks', { ...about, cursor: far, reverse: 'true' })).toEqual({
      total: 2,
      records: [],
      cursor: null,
    })
    expect(await ask('getBacklinks', { ...about, limit: '0' })).toEqual({
      total: 2,
      records: [],
      cursor: null,
    })
  })
})

describe('many links to one record', () => {
  const MANY = Number(process.env['AVOCET_LINKS'] ?? 200_000)

  /** As an older version left them: links, and nothing that counts them. */
  function fill(accounts: number): void {
    const { db } = tables
    put(ada, 'first', like(0))
    const { path, collection, target } = db.prepare('SELECT * FROM links').get() as any
    db.transaction(() => {
      db.raw.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${accounts})
        INSERT INTO names (name) SELECT 'did:plc:liker' || i FROM n`)
      const { id } = db.prepare("SELECT id FROM names WHERE name = 'did:plc:liker1'").get() as any
      db.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO records (repo, collection, rkey, rev, indexed_at, validity, provenance, cid)
         SELECT ? + i % ?, ?, 'k' || i, '3k', 0, 0, 0, (SELECT cid FROM records LIMIT 1) FROM n`,
      ).run(MANY - 1, id, accounts, collection)
      db.prepare(
        'INSERT OR IGNORE INTO links (target, path, collection, repo, record) SELECT ?, ?, ?, repo, id FROM records',
      ).run(target, path, collection)
      db.raw.exec('DELETE FROM link_counts; DELETE FROM link_order')
      db.raw.exec("INSERT INTO link_counting VALUES (x'', 0, 0)")
    })
    countLinks(db)
  }

  test(`${MANY}: to count them, and the first and the last page, cost what a page costs`, async () => {
    fill(MANY / 2)
    const cost = async (method: string, params: Params): Promise<any> => {
      // Once to have what SQLite keeps.
      await ask(method, params)
      const before = process.threadCpuUsage()
      const body = await ask(method, params)
      const { user, system } = process.threadCpuUsage(before)
      const ms = (user + system) / 1000
      if (process.env['AVOCET_LINKS'] !== undefined)
        console.log(`${method} ${JSON.stringify(params)}: ${ms} ms`)
      expect(ms).toBeLessThan(60)
      return body
    }
    expect(await cost('getBacklinksCount', about)).toEqual({ total: MANY })
    const newest = await cost('getBacklinks', about)
    expect(newest.records[0].rkey).toBe(`k${MANY - 1}`)
    const cursor = `00${(150).toString(16).padStart(12, '0')}0000`
    const last = await cost('getBacklinks', { ...about, cursor })
    expect([last.records.length, last.cursor === null]).toEqual([100, false])
    const end = await cost('getBacklinks', { ...about, cursor: last.cursor })
    expect([end.records.at(-1).rkey, end.cursor]).toEqual(['first', null])
    expect((await cost('getBacklinks', { ...about, limit: '1000' })).records).toHaveLength(1000)
    expect((await cost('getBacklinks', { ...about, did: 'did:plc:liker7' })).total).toBe(2)
    // Everybody has two, so that the newest half of the links are all of accounts that were told of further down.
    const dids = await cost('getBacklinkDids', about)
    expect(dids).toMatchObject({ total: MANY / 2 + 1, linking_dids: [] })
    expect(dids.cursor).not.toBe(null)
    const pair = { ...about, pathToOther: 'subject.uri' }
    const { items, cursor: on } = await cost('getManyToMany', { ...pair, otherSubject: 'did:plc:nobody' })
    expect([items, on === null]).toEqual([[], false])
    const refused = await fetchOf('getManyToManyCounts', pair)
    expect([refused.status, (await refused.json()).error]).toEqual([400, 'TooManyLinks'])
  })

  test('links of an older version are counted, whatever it was stopped at', () => {
    const targets = ['did:plc:a', 'did:plc:b', 'did:plc:c']
    for (let i = 0; i < 300; i++) {
      const [target] = i < 200 ? targets : i < 290 ? targets.slice(1) : targets.slice(2)
      put(
        ada,
        String(i),
        { $type: 'com.example.x', pad: 'x'.repeat(100), target: target!, other: `did:plc:${i}` },
        'com.example.x',
      )
    }
    const counted = (): unknown =>
      tables.db.prepare('SELECT links, dids FROM link_counts ORDER BY links').all()
    tables.db.raw.exec(
      `DELETE FROM link_counts; DELETE FROM link_order; INSERT INTO link_counting VALUES (x'', 0, 0)`,
    )
    countLinks(tables.db)
    expect(counted()).toEqual([
      { links: 90, dids: 1 },
      { links: 200, dids: 1 },
    ])
    expect(tables.one('SELECT count(*) AS n FROM link_order')).toEqual({ n: 290 })
    expect(tables.one('SELECT count(*) AS n FROM link_counting')).toEqual({ n: 0 })
    countLinks(tables.db)
    expect(counted()).toHaveLength(2)
  })
})

test('counts go on after a start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-backlinks-'))
  try {
    const more = (from: number): void => {
      using db = openIndexDatabase(folder)
      const writer = createRecordWriter(
        db,
        createExamine(() => ({ validity: 'unknown', reason: null })),
      )
      const context = { did: ada, rev: '3k', provenance: 'live', source: 's', seq: null, at: 0 } as const
      const ops = Array.from({ length: 1500 }, (_, i) => opOf('create', `${LIKE}/${from + i}`, like(i)))
      db.transaction(() => writer.apply(ops, context))
      const count = db.prepare('SELECT links, dids FROM link_counts').all()
      expect(count).toEqual([{ links: from + 1500, dids: 1 }])
    }
    more(0)
    more(1500)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('served beside the other methods, for pages of anywhere', async () => {
  await using host = await startHost()
  await using indexer = await startIndexer(host)
  const account = await host.createAccount('ada')
  await host.write(account, [{ action: 'create', collection: LIKE, rkey: '3lgwdn7vd722r', record: like(1) }])
  const url = `${indexer.url}/xrpc/blue.microcosm.links.getBacklinksCount?${new URLSearchParams(about).toString()}`
  const response = await eventually(async () => {
    const answer = await fetch(url)
    return (await answer.clone().text()) === '{"total":1}' ? answer : null
  })
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const refused = await fetch(url.replace('subject=', 'object='))
  expect([refused.status, await refused.text()]).toEqual([
    400,
    'Failed to deserialize query string: missing field `subject`',
  ])
  const old = new URLSearchParams({ target: POST, collection: LIKE, path: '.subject.uri' })
  const count = await fetch(`${indexer.url}/links/count?${old.toString()}`)
  expect([count.headers.get('access-control-allow-origin'), await count.text()]).toEqual(['*', '{"total":1}'])
  expect((await fetch(`${indexer.url}/links`, { method: 'OPTIONS' })).status).toBe(204)
})

test('web pages are targets, in the form in which they are kept', async () => {
  const page = 'https://example.com/page?q=%2F'
  const link = (uri: string): DataObject => ({ $type: LIKE, subject: { uri }, pad: 'x'.repeat(100) })
  put(ada, '1', link('HTTPS://Example.com/./page?%71=%2f'))
  put(ben, '1', link(page))
  const of = { subject: page, source: `${LIKE}:subject.uri` }
  expect(await ask('getBacklinks', { ...of, reverse: 'true' })).toMatchObject({
    total: 2,
    records: [{ did: ada }, { did: ben }],
  })
  // As there: who asks in other words finds nothing.
  expect(await ask('getBacklinksCount', { ...of, subject: 'https://Example.com/page?q=%2F' })).toEqual({
    total: 0,
  })
  const pair = { subject: page, source: `${LIKE}:subject.uri`, pathToOther: 'subject.uri' }
  expect((await ask('getManyToMany', pair)).items[0]).toMatchObject({ otherSubject: page })
})
