// Random histories of links, in the tables and folded in memory: every method says the same of both, page by page.

import { createRandom } from '@avocet/testing'
import { expect, test } from 'vitest'
import { createBacklinks } from '../src/backlinks/methods.ts'
import {
  COLLECTION,
  createLinkHistory,
  DIDS,
  type Item,
  type LinkHistory,
  SUBJECTS,
} from './support/link-history.ts'
import { openTables, type Tables } from './support/tables.ts'

const SOURCE = `${COLLECTION}:subject`
const OTHER = 'lists[].list'

type Params = Record<string, string | readonly string[]>
async function ask(tables: Tables, method: string, params: Params): Promise<any> {
  const query = Object.entries(params).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
  const url = `http://localhost/?${new URLSearchParams(query as string[][]).toString()}`
  const response = await createBacklinks(tables.db)(`blue.microcosm.links.${method}`, new Request(url))!
  expect(response.status).toBe(200)
  return response.json()
}

/** All pages of a list. */
async function all(
  tables: Tables,
  method: string,
  list: string,
  params: Params,
  limit: number,
): Promise<any[]> {
  const found: any[] = []
  for (let cursor: string | null = '', pages = 0; cursor !== null; pages++) {
    const page = await ask(tables, method, { ...params, limit: String(limit), cursor })
    expect(page[list].length).toBeLessThanOrEqual(limit)
    expect(pages).toBeLessThan(5000)
    found.push(...page[list])
    cursor = page.cursor
  }
  return found
}

const keyOf = ({ did, rkey }: { did: string; rkey: string }): string => `${did}/${rkey}`

async function compare(tables: Tables, { items, off }: LinkHistory, limit: number): Promise<void> {
  for (const subject of SUBJECTS) {
    const linking = items.filter((item) => item.subject === subject)
    const shown = linking.filter(({ did }) => !off.has(did))
    const about = { subject, source: SOURCE }

    const { total } = await ask(tables, 'getBacklinksCount', about)
    expect(total).toBe(linking.length)
    const oldest = await all(tables, 'getBacklinks', 'records', { ...about, reverse: 'true' }, limit)
    expect(oldest.map(keyOf)).toEqual(shown.map(keyOf))
    const newest = await all(tables, 'getBacklinks', 'records', about, limit)
    expect(newest.map(keyOf)).toEqual(shown.map(keyOf).toReversed())

    const some = [DIDS[0]!, DIDS[3]!, 'did:plc:nobody']
    const ofSome = shown.filter(({ did }) => some.includes(did))
    const filtered = await all(tables, 'getBacklinks', 'records', { ...about, did: some }, limit)
    expect(filtered.map(keyOf)).toEqual(ofSome.map(keyOf).toReversed())
    expect((await ask(tables, 'getBacklinks', { ...about, did: some })).total).toBe(ofSome.length)

    const dids = await all(tables, 'getBacklinkDids', 'linking_dids', about, limit)
    const distinct = [...new Set(linking.map(({ did }) => did))]
    expect(dids).toEqual(distinct.filter((did) => !off.has(did)).toReversed())
    expect((await ask(tables, 'getBacklinkDids', about)).total).toBe(distinct.length)

    await comparePairs(tables, subject, shown, limit)
    await comparePairs(tables, subject, ofSome, limit, { did: some })
  }
}

async function comparePairs(
  tables: Tables,
  subject: string,
  shown: readonly Item[],
  limit: number,
  filter: Params = {},
): Promise<void> {
  const about = { subject, source: SOURCE, pathToOther: OTHER, ...filter }
  const one = 'at://did:plc:owner/com.example.list/2'
  for (const otherSubject of [[], [one, 'at://did:plc:owner/com.example.list/9']]) {
    const isWanted = (other: string): boolean => otherSubject.length === 0 || otherSubject.includes(other)
    const expected = shown.flatMap((item) =>
      [...new Set(item.others)].filter(isWanted).map((other) => `${keyOf(item)} ${other}`),
    )
    const pairs = await all(tables, 'getManyToMany', 'items', { ...about, otherSubject }, limit)
    expect(pairs.map(({ linkRecord, otherSubject: other }) => `${keyOf(linkRecord)} ${other}`)).toEqual(
      expected,
    )

    const groups = new Map<string, Item[]>()
    for (const item of shown) {
      const other = item.others.find(isWanted)
      if (other !== undefined) groups.set(other, [...(groups.get(other) ?? []), item])
    }
    const counts = await all(
      tables,
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
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 8; i++) await history.step()
      await compare(tables, history, 1 + random.below(round === 0 ? 5 : 40))
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
