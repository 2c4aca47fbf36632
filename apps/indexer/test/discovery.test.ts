// Lists of hosts: read to their end, again after a gap, and left when they go round or name what nobody has.

import type { Listed } from '@avocet/firehose'
import { afterEach, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import type { ListedRepo, ListRepos } from '../src/sync/discover.ts'
import { type Discovery, startDiscovery } from '../src/sync/discovery.ts'
import { eventually } from './support/indexer.ts'

const entry = (i: number): ListedRepo => ({
  did: `did:web:a${i}.example`,
  rev: '3kaaaaaaaaa2a',
  active: true,
  status: null,
})

let discovery: Discovery | undefined
let db: ReturnType<typeof openIndexDatabase>
afterEach(async () => {
  await discovery?.stop()
  db.close()
})

function start(listRepos: ListRepos, known: (did: string) => boolean = () => true) {
  db = openIndexDatabase(null)
  const seen = { listed: [] as Listed[], rests: 0, gapAt: null as number | null, troubles: [] as string[] }
  discovery = startDiscovery({
    db,
    hosts: [{ url: 'https://host.example', source: 's', own: true }],
    dids: [],
    listRepos,
    consumer: {
      async requestResync() {},
      async reportListed(listed) {
        seen.listed.push(listed)
        return known(listed.did)
      },
      async confirmRest() {
        seen.rests++
      },
      gapAt: () => seen.gapAt,
    },
    onTrouble: (message) => seen.troubles.push(message),
    now: Date.now,
    headStartMs: 0,
  })
  return seen
}

test('a list is read page by page; after a gap it is read again', async () => {
  const cursors: (string | null)[] = []
  const seen = start(async (_host, cursor) => {
    cursors.push(cursor)
    return { repos: [entry(cursors.length)], cursor: cursor === null ? 'two' : null }
  })
  await eventually(() => seen.rests === 1)
  expect(cursors).toEqual([null, 'two'])
  expect(seen.listed).toMatchObject([
    { did: 'did:web:a1.example', status: 'active', own: true, source: 's' },
    { did: 'did:web:a2.example' },
  ])
  seen.gapAt = Date.now()
  await eventually(() => seen.rests === 2)
  expect(cursors).toEqual([null, 'two', null, 'two'])
  expect(seen.troubles).toEqual([])
})

test('a list that goes round is left', async () => {
  let pages = 0
  const seen = start(async (_host, cursor) => {
    pages++
    return { repos: [], cursor: cursor === 'a' ? 'b' : 'a' }
  })
  await eventually(() => seen.rests === 1)
  expect(pages).toBe(3)
  expect(seen.troubles).toEqual([
    'the list of https://host.example goes round or has no end; it was left after 2 pages',
  ])
})

test('a list of accounts that nobody has is left; one with some is not', async () => {
  let pages = 0
  const seen = start(
    async () => {
      pages++
      return { repos: Array.from({ length: 500 }, (_, i) => entry(pages * 1000 + i)), cursor: `${pages}` }
    },
    () => false,
  )
  await eventually(() => seen.rests === 1)
  expect(pages).toBe(2)
  expect(seen.troubles).toEqual([
    'the list of https://host.example names accounts that nobody has: 1000 of 1000; it was left',
  ])
})
