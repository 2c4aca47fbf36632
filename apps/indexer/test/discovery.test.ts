// Lists of hosts: read to their end, again after a gap, and left when they go round or name what nobody has.

import type { Listed } from '@avocet/firehose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import type { ListedRepo, ListRepos } from '../src/sync/discover.ts'
import { type Discovery, type ListedHost, startDiscovery } from '../src/sync/discovery.ts'
import { eventually } from './support/indexer.ts'
import { pass, stopTime } from './support/time.ts'

const entry = (i: number): ListedRepo => ({
  did: `did:web:a${i}.example`,
  rev: '3kaaaaaaaaa2a',
  active: true,
  status: null,
})

let discovery: Discovery | undefined
let db: ReturnType<typeof openIndexDatabase>
afterEach(async () => {
  vi.useRealTimers()
  await discovery?.stop()
  db.close()
})

function start(
  listRepos: ListRepos,
  known: (did: string) => boolean | Promise<boolean> = () => true,
  options: Partial<Parameters<typeof startDiscovery>[0]> = {},
) {
  db = openIndexDatabase(null)
  const seen = {
    listed: [] as Listed[],
    requested: [] as string[],
    rests: 0,
    gapAt: null as number | null,
    troubles: [] as string[],
  }
  const host: ListedHost = { url: 'https://host.example', source: 's', own: true }
  discovery = startDiscovery({
    db,
    hosts: [host],
    dids: [],
    listRepos,
    consumer: {
      async requestResync(did, reason) {
        seen.requested.push(`${did} ${reason}`)
      },
      async reportListed(listed) {
        seen.listed.push(listed)
        return await known(listed.did)
      },
      async confirmRest() {
        seen.rests++
      },
      gapAt: () => seen.gapAt,
    },
    onTrouble: (message) => seen.troubles.push(message),
    now: Date.now,
    headStartMs: 0,
    ...options,
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

test('a long list half of which nobody has is read to its end', async () => {
  let pages = 0
  const seen = start(
    async () => {
      pages++
      return {
        repos: Array.from({ length: 1000 }, (_, i) => entry(pages * 1000 + i)),
        cursor: pages === 3 ? null : `${pages}`,
      }
    },
    (did) => Number(/\d+/.exec(did)![0]) % 2 === 0,
  )
  await eventually(() => seen.rests === 1)
  expect([pages, seen.troubles]).toEqual([3, []])
})

test('accounts that the configuration names are read whatever is listed, once the stream had its start', async () => {
  stopTime()
  const seen = start(async () => ({ repos: [], cursor: null }), undefined, {
    hosts: [],
    dids: ['did:web:a.example', 'did:web:b.example'],
    headStartMs: 2000,
  })
  await pass(1999)
  expect(seen.requested).toEqual([])
  await pass(1)
  expect(seen.requested).toEqual(['did:web:a.example discovered', 'did:web:b.example discovered'])
})

test('an entry is told with the status it has, and with whose word it is', async () => {
  const said = [
    { ...entry(1), status: 'throttled' },
    { ...entry(2), active: false, status: 'takendown' },
    { ...entry(3), active: false },
  ]
  const seen = start(async () => ({ repos: said, cursor: null }), undefined, {
    hosts: [{ url: 'https://relay.example', source: 'r', own: false }],
  })
  await eventually(() => seen.rests === 1)
  expect(seen.listed.map(({ status, own, source }) => [status, own, source])).toEqual([
    ['active', false, 'r'],
    ['takendown', false, 'r'],
    ['inactive', false, 'r'],
  ])
})

test('sixteen entries are looked at side by side, each of them once', async () => {
  let running = 0
  let most = 0
  const seen = start(
    async () => ({ repos: Array.from({ length: 40 }, (_, i) => entry(i)), cursor: null }),
    async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return true
    },
  )
  await eventually(() => seen.rests === 1)
  expect(seen.listed.map(({ did }) => did)).toEqual(Array.from({ length: 40 }, (_, i) => entry(i).did))
  expect(most).toBe(16)
})

describe('a list is read again', () => {
  const SECOND = 1000
  const HOUR = 3600 * SECOND
  const times: number[] = []
  const begin = (onList: () => Promise<void> = async () => {}) => {
    stopTime(100 * HOUR)
    times.length = 0
    return start(async () => {
      times.push(Date.now() - 100 * HOUR)
      await onList()
      return { repos: [], cursor: null }
    })
  }

  test('after six hours', async () => {
    const seen = begin()
    await pass(6 * HOUR - SECOND)
    expect(times).toEqual([0])
    await pass(SECOND)
    expect(times).toEqual([0, 6 * HOUR])
    expect(seen.rests).toBe(2)
  })

  test('after a gap, once', async () => {
    const seen = begin()
    await pass(0)
    await pass(10_500)
    seen.gapAt = Date.now()
    await pass(HOUR)
    expect(times).toEqual([0, 11 * SECOND])
  })

  test('after a gap that came while it was read', async () => {
    const seen = begin(async () => {
      if (times.length > 1) return
      await new Promise((resolve) => setTimeout(resolve, 2 * SECOND))
      seen.gapAt = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 2 * SECOND))
    })
    for (let i = 0; i < 10; i++) await pass(SECOND)
    await pass(HOUR)
    expect(times).toEqual([0, 4 * SECOND])
  })
})

test('stopping waits for the page that is under way', async () => {
  const page = Promise.withResolvers<void>()
  const seen = start(async () => {
    await page.promise
    return { repos: [entry(1)], cursor: null }
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  let stopped = false
  const stopping = discovery!.stop().then(() => (stopped = true))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(stopped).toBe(false)
  page.resolve()
  await stopping
  expect(seen.rests).toBe(0)
})

test('stopped while accounts of a page are looked up: at once, and the page is read again next time', async () => {
  const seen = start(
    async () => ({ repos: Array.from({ length: 40 }, (_, i) => entry(i)), cursor: 'two' }),
    () => new Promise(() => {}),
  )
  await eventually(() => seen.listed.length === 16)
  await discovery!.stop()
  expect(seen.listed).toHaveLength(16)
  expect(db.prepare('SELECT * FROM discovery').all()).toEqual([])
  expect(seen.troubles).toEqual([])
})

test(
  'it stops while repos that were asked for by name wait for the network',
  { timeout: 15_000 },
  async () => {
    let asked = 0
    start(async () => ({ repos: [], cursor: null }), undefined, {
      dids: ['did:web:a1.example'],
      consumer: {
        requestResync() {
          asked++
          return new Promise(() => {})
        },
        reportListed: async () => true,
        async confirmRest() {},
        gapAt: () => null,
      },
    })
    await eventually(() => asked === 1)
    await discovery!.stop()
    expect(asked).toBe(1)
  },
)
