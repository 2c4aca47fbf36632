// Random histories of links, in the tables and folded in memory: every method says the same of both, page by page.

import { createRandom } from '@avocet/testing'
import { expect, test } from 'vitest'
import { createDeprecatedLinks, type DeprecatedLinks } from '../src/backlinks/deprecated.ts'
import { type Backlinks, createBacklinks } from '../src/backlinks/methods.ts'
import {
  COLLECTION,
  createLinkHistory,
  DIDS,
  type Item,
  type LinkHistory,
  SUBJECTS,
} from './support/link-history.ts'
import { openTables } from './support/tables.ts'

const SOURCE = `${COLLECTION}:subject`
const OTHER = 'lists[].list'

type Params = Record<string, string | readonly string[]>
type Asked = { readonly methods: Backlinks; readonly addresses: DeprecatedLinks }

/** @param method of `blue.microcosm.links`, or an address that is deprecated */
async function ask({ methods, addresses }: Asked, method: string, params: Params): Promise<any> {
  const query = Object.entries(params).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
  const path = method.startsWith('/') ? method : ''
  const request = new Request(
    `http://localhost${path}?${new URLSearchParams(query as string[][]).toString()}`,
  )
  const response = await (path === ''
    ? methods(`blue.microcosm.links.${method}`, request)
    : addresses(request))
  expect(response!.status).toBe(200)
  return response!.json()
}

/** All pages of a list. */
async function all(
  asked: Asked,
  method: string,
  list: string,
  params: Params,
  limit: number,
): Promise<any[]> {
  const found: any[] = []
  for (let cursor: string | null = '', pages = 0; cursor !== null; pages++) {
    const page = await ask(asked, method, { ...params, limit: String(limit), cursor })
    expect(page[list].length).toBeLessThanOrEqual(limit)
    expect(pages).toBeLessThan(5000)
    found.push(...page[list])
    cursor = page.cursor
  }
  return found
}

const keyOf = ({ did, rkey }: { did: string; rkey: string }): string => `${did}/${rkey}`

async function compare(asked: Asked, { items, off }: LinkHistory, limit: number): Promise<void> {
  for (const subject of SUBJECTS) {
    const linking = items.filter((item) => item.subject === subject)
    const shown = linking.filter(({ did }) => !off.has(did))
    const about = { subject, source: SOURCE }

    const { total } = await ask(asked, 'getBacklinksCount', about)
    expect(total).toBe(linking.length)
    const oldest = await all(asked, 'getBacklinks', 'records', { ...about, reverse: 'true' }, limit)
    expect(oldest.map(keyOf)).toEqual(shown.map(keyOf))
    const newest = await all(asked, 'getBacklinks', 'records', about, limit)
    expect(newest.map(keyOf)).toEqual(shown.map(keyOf).toReversed())

    const some = [DIDS[0]!, DIDS[3]!, 'did:plc:nobody']
    const ofSome = shown.filter(({ did }) => some.includes(did))
    const filtered = await all(asked, 'getBacklinks', 'records', { ...about, did: some }, limit)
    expect(filtered.map(keyOf)).toEqual(ofSome.map(keyOf).toReversed())
    expect((await ask(asked, 'getBacklinks', { ...about, did: some })).total).toBe(ofSome.length)

    const dids = await all(asked, 'getBacklinkDids', 'linking_dids', about, limit)
    const distinct = [...new Set(linking.map(({ did }) => did))]
    expect(dids).toEqual(distinct.filter((did) => !off.has(did)).toReversed())
    expect((await ask(asked, 'getBacklinkDids', about)).total).toBe(distinct.length)

    const old = { target: subject, collection: COLLECTION, path: '.subject' }
    const lists: [string, string, Params, unknown][] = [
      [
        '/links',
        'linking_records',
        old,
        newest.map(({ did, rkey }) => ({ did, collection: COLLECTION, rkey })),
      ],
      [
        '/links',
        'linking_records',
        { ...old, from_dids: some.join(',') },
        filtered.map(({ did, rkey }) => ({ did, collection: COLLECTION, rkey })),
      ],
      ['/links/distinct-dids', 'linking_dids', old, dids],
    ]
    for (const [address, list, params, expected] of lists)
      expect(await all(asked, address, list, params, limit)).toEqual(expected)
    const counts = { records: linking.length, distinct_dids: distinct.length }
    expect(await ask(asked, '/links/count', old)).toEqual({ total: counts.records })
    expect(await ask(asked, '/links/count/distinct-dids', old)).toEqual({ total: counts.distinct_dids })
    const isAny = counts.records > 0
    const { links } = await ask(asked, '/links/all', { target: subject })
    expect(links).toEqual(isAny ? { [COLLECTION]: { '.subject': counts } } : {})
    const numbers = await ask(asked, '/links/all/count', { target: subject })
    expect(numbers.links).toEqual(isAny ? { [COLLECTION]: { '.subject': counts.records } } : {})

    await comparePairs(asked, subject, shown, limit)
    await comparePairs(asked, subject, ofSome, limit, { did: some })
  }
}

async function comparePairs(
  asked: Asked,
  subject: string,
  shown: readonly Item[],
  limit: number,
  filter: Params = {},
): Promise<void> {
  const about = { subject, source: SOURCE, pathToOther: OTHER, ...filter }
  const some = ['at://did:plc:owner/com.example.list/2', 'https://example.com/list', 'mood:sad']
  for (const otherSubject of [[], some]) {
    const isWanted = (other: string): boolean => otherSubject.length === 0 || otherSubject.includes(other)
    const expected = shown.flatMap((item) =>
      [...new Set(item.others)].filter(isWanted).map((other) => `${keyOf(item)} ${other}`),
    )
    const pairs = await all(asked, 'getManyToMany', 'items', { ...about, otherSubject }, limit)
    expect(pairs.map(({ linkRecord, otherSubject: other }) => `${keyOf(linkRecord)} ${other}`)).toEqual(
      expected,
    )

    const groups = new Map<string, Item[]>()
    for (const item of shown) {
      const other = item.others.find(isWanted)
      if (other !== undefined) groups.set(other, [...(groups.get(other) ?? []), item])
    }
    const counts = await all(
      asked,
      'getManyToManyCounts',
      'counts_by_other_subject',
      { ...about, otherSubject },
      limit,
    )
    expect(counts).toEqual(
      [...groups].map(([other, of]) => ({
        subject: other,
        total: of.length,
        distinct: new Set(of.map(({ did }) => did)).size,
      })),
    )
  }
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  'what is asked of a random history of links is what is left of it (seed %i)',
  async (seed) => {
    using tables = openTables()
    const random = createRandom(seed)
    const history = createLinkHistory(tables, random)
    const asked = { methods: createBacklinks(tables.db), addresses: createDeprecatedLinks(tables.db) }
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 8; i++) await history.step()
      await compare(asked, history, 1 + random.below(round === 0 ? 5 : 40))
    }
    // Of every source that has many links there is a row, and of none that has few.
    const kept = tables.db
      .prepare(
        `SELECT (SELECT count(*) FROM links AS l WHERE l.target = c.target AND l.path = c.path AND l.collection = c.collection) AS links,
          c.links AS said, (SELECT count(*) FROM link_order WHERE source = c.id) AS placed FROM link_counts AS c`,
      )
      .all() as { links: number; said: number; placed: number }[]
    for (const { links, said, placed } of kept) {
      expect([said, placed]).toEqual([links, links])
      expect(links).toBeGreaterThanOrEqual(32)
    }
  },
)
