// Constellation's older addresses, as its server answers them, and what strangers may ask there.

import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDeprecatedLinks } from '../src/backlinks/deprecated.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const POST = 'app.bsky.feed.post'
const LINK = '.facets[].features[app.bsky.richtext.facet#link].uri'
const PAGE = 'https://example.com/page'
const about = { target: PAGE, collection: POST, path: LINK }
const [ada, ben]: [Did, Did] = ['did:plc:ada', 'did:plc:ben']

let tables: Tables
beforeEach(() => {
  tables = openTables()
})
afterEach(() => tables[Symbol.dispose]())

const post = (uri: string, fields: DataObject = {}): DataObject => ({
  $type: POST,
  facets: [{ features: [{ $type: 'app.bsky.richtext.facet#link', uri }] }],
  pad: 'x'.repeat(100),
  ...fields,
})
function put(did: Did, rkey: string, record: DataObject, collection = POST): void {
  tables.commit(did, [opOf('create', `${collection}/${rkey}`, record)])
}

type Params = Record<string, string> | string[][]
function fetchOf(address: string, params: Params, init: RequestInit = {}): Promise<Response> {
  const url = `http://index.example${address}?${new URLSearchParams(params).toString()}`
  return createDeprecatedLinks(tables.db)(new Request(url, init))!
}
async function textOf(address: string, params: Params = about): Promise<string> {
  const response = await fetchOf(address, params)
  const type = [response.headers.get('content-type'), response.headers.get('access-control-allow-origin')]
  expect([response.status, ...type]).toEqual([200, 'application/json', '*'])
  return response.text()
}
const ask = async (address: string, params: Params = about): Promise<any> =>
  JSON.parse(await textOf(address, params))

describe('answers have the fields of Constellation’s, and no others', () => {
  beforeEach(() => {
    put(ada, '1', post(PAGE))
    put(ben, '1', post('HTTPS://Example.com/./page'))
    put(ada, '2', post(PAGE, { embed: { external: { uri: PAGE } } }))
  })
  const record = (did: Did, rkey: string): string =>
    `{"did":"${did}","collection":"${POST}","rkey":"${rkey}"}`

  test('the text of each, to the byte', async () => {
    expect(await textOf('/links')).toBe(
      `{"total":3,"linking_records":[${record(ada, '2')},${record(ben, '1')},${record(ada, '1')}],"cursor":null}`,
    )
    expect(await textOf('/links/distinct-dids')).toBe(
      `{"total":2,"linking_dids":["${ben}","${ada}"],"cursor":null}`,
    )
    expect(await textOf('/links/count')).toBe('{"total":3}')
    expect(await textOf('/links/count/distinct-dids')).toBe('{"total":2}')
    const embed = '.embed.external.uri'
    expect(await ask('/links/all', { target: PAGE })).toEqual({
      links: {
        [POST]: { [LINK]: { records: 3, distinct_dids: 2 }, [embed]: { records: 1, distinct_dids: 1 } },
      },
    })
    expect(await textOf('/links/all/count', { target: PAGE })).toBe(
      `{"links":{"${POST}":{"${LINK}":3,"${embed}":1}}}`,
    )
  })

  test('page by page; of some accounts, in either way to say so', async () => {
    const first = await ask('/links', { ...about, limit: '2' })
    expect(first.cursor).toMatch(/^[0-9a-f]+$/)
    expect(await ask('/links', { ...about, limit: '2', cursor: first.cursor })).toMatchObject({
      linking_records: [{ did: ada, rkey: '1' }],
      cursor: null,
    })
    const dids = await ask('/links/distinct-dids', { ...about, limit: '1' })
    expect(await ask('/links/distinct-dids', { ...about, limit: '1', cursor: dids.cursor })).toMatchObject({
      linking_dids: [ada],
      cursor: null,
    })
    const ofBen = { total: 1, linking_records: [{ did: ben, collection: POST, rkey: '1' }], cursor: null }
    expect(await ask('/links', [...Object.entries(about), ['did', ben], ['did', '']])).toEqual(ofBen)
    expect(await ask('/links', { ...about, from_dids: `${ben},did:plc:cy` })).toEqual(ofBen)
    expect((await ask('/links', { ...about, from_dids: '' })).total).toBe(3)
  })

  test('accounts that are off are left out of lists; deleted records and accounts of totals', async () => {
    tables.account(ben, 'deactivated')
    expect(await ask('/links')).toMatchObject({ total: 3, linking_records: [{ did: ada }, { did: ada }] })
    expect(await ask('/links/distinct-dids')).toEqual({ total: 2, linking_dids: [ada], cursor: null })
    tables.account(ben, 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    tables.commit(ada, [
      opOf('delete', `${POST}/1`, null),
      opOf('update', `${POST}/2`, post('https://example.com/other')),
    ])
    expect(await ask('/links/count')).toEqual({ total: 0 })
    expect(await ask('/links/all', { target: PAGE })).toEqual({ links: {} })
    expect(await ask('/links/count', { ...about, target: 'https://example.com/other' })).toEqual({ total: 1 })
  })
})

describe('what is refused', () => {
  const refusal = async (address: string, params: Params): Promise<[number, string]> => {
    const response = await fetchOf(address, params)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    return [response.status, await response.text()]
  }

  test('in words what cannot be read, without a word what is not given', async () => {
    for (const address of ['/links', '/links/distinct-dids', '/links/count', '/links/count/distinct-dids']) {
      for (const name of ['target', 'collection', 'path']) {
        const without = Object.entries(about).filter(([key]) => key !== name)
        const text = (why: string) => `Failed to deserialize query string: ${why} field \`${name}\``
        expect(await refusal(address, without)).toEqual([400, text('missing')])
        const twice = [...Object.entries(about), [name, 'x']]
        expect(await refusal(address, twice)).toEqual([400, text('duplicate')])
      }
    }
    for (const address of ['/links/all', '/links/all/count']) {
      const missing = 'Failed to deserialize query string: missing field `target`'
      expect(await refusal(address, {})).toEqual([400, missing])
    }
    for (const address of ['/links', '/links/distinct-dids']) {
      expect(await refusal(address, { ...about, limit: '1001' })).toEqual([400, ''])
      expect(await refusal(address, { ...about, cursor: 'zz' })).toEqual([400, ''])
    }
    expect(await refusal('/links', { ...about, did: ada, from_dids: ben })).toEqual([400, ''])
    const many = Array.from({ length: 1001 }, (_, i) => `did:plc:${i}`).join(',')
    expect(await refusal('/links', { ...about, from_dids: many })).toEqual([400, ''])
  })

  test('what an address does not know is passed by, as there', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => `did:plc:${i}`).join(',')
    const extra = { ...about, did: ada, from_dids: many }
    expect(await ask('/links/distinct-dids', extra)).toEqual({ total: 0, linking_dids: [], cursor: null })
    const counts = [...Object.entries(extra), ['limit', '5000'], ['limit', 'x'], ['cursor', 'zz']]
    expect(await ask('/links/count', counts)).toEqual({ total: 0 })
    expect(await ask('/links/all', counts)).toEqual({ links: {} })
  })

  test('other methods and addresses; pages may ask first', async () => {
    expect((await fetchOf('/links', about, { method: 'POST' })).status).toBe(405)
    expect((await fetchOf('/links', about, { method: 'HEAD' })).status).toBe(200)
    const asked = await fetchOf('/links', {}, { method: 'OPTIONS' })
    expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([204, '*'])
    for (const address of ['/links/', '/links/none', '/link', '/linksx']) {
      expect(createDeprecatedLinks(tables.db)(new Request(`http://index.example${address}`))).toBe(null)
    }
  })
})

describe('a target that somebody points to from places without end', () => {
  /** Each of `places` links once, from a key of its own. */
  function fill(places: number, key: (i: number) => string): void {
    for (let from = 0; from < places; from += 200) {
      const keys = Array.from({ length: Math.min(200, places - from) }, (_, i) => [key(from + i), PAGE])
      put(ada, String(from), { ...Object.fromEntries(keys), pad: 'x'.repeat(100_000) })
    }
  }
  const placesOf = ({ links }: any): string[] => Object.keys(links[POST])

  test('a thousand of them are told, the first that came, and that there are more', async () => {
    fill(1000, (i) => `k${i}`)
    const all = await ask('/links/all', { target: PAGE })
    expect([placesOf(all).length, all.isCut]).toEqual([1000, undefined])
    put(ben, 'one', post(PAGE))
    for (const address of ['/links/all', '/links/all/count']) {
      const most = await ask(address, { target: PAGE })
      expect([placesOf(most).length, most.isCut, placesOf(most).includes(LINK)]).toEqual([1000, true, false])
    }
    expect(await ask('/links/count')).toEqual({ total: 1 })
  })

  test('others have their turns meanwhile', async () => {
    fill(1000, (i) => `k${i}`)
    let [turns, isDone] = [0, false]
    const count = (): void => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await ask('/links/all', { target: PAGE })
    isDone = true
    expect(turns).toBeGreaterThanOrEqual(20)
  })

  test('an answer ends at a MiB of their names, whatever they are', async () => {
    // Six characters each in JSON.
    fill(1000, (i) => '\u0001'.repeat(280) + i)
    const text = await textOf('/links/all', { target: PAGE })
    const all = JSON.parse(text)
    expect(all.isCut).toBe(true)
    expect(placesOf(all).length).toBeGreaterThan(500)
    expect(text.length).toBeLessThan(1.2 * 1024 * 1024)
  })

  test('a place with the name of a member that objects have', async () => {
    put(ada, '1', { __proto__x: PAGE, ['__proto__']: PAGE, pad: 'x'.repeat(200) }, '__proto__.x.y')
    const { links } = await ask('/links/all/count', { target: PAGE })
    expect(links).toEqual({ '__proto__.x.y': { '.__proto__x': 1, '.__proto__': 1 } })
  })
})
