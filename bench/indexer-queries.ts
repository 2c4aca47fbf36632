// Typed queries of an index of a million records, over HTTP, while 500 commits a second come in: lists, counts, joins, search, and the
// count of backlinks. `node bench/indexer-queries.ts`; RECORDS, SECONDS for other sizes. Latency is as a client sees it, on a machine
// that does other work too; CPU time is of the indexer's thread. At the end a table for bench/README.md.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createIndexer } from '@avocet/indexer'

import { startTraffic } from './support/traffic.ts'

const records = Number(process.env['RECORDS'] ?? 1_000_000)
const seconds = Number(process.env['SECONDS'] ?? 60)
const rate = 500
const accounts = 200
const POST = 'app.bsky.feed.post'

await using traffic = await startTraffic({
  kind: 'live',
  accounts,
  perAccount: Math.ceil(records / accounts),
  commits: rate * seconds,
  perSecond: rate,
})
const folder = mkdtempSync(join(tmpdir(), 'avocet-queries-'))
try {
  await using indexer = await createIndexer({
    dataFolder: folder,
    host: '127.0.0.1',
    port: 0,
    sources: [{ url: traffic.url.replace('http', 'ws'), kind: 'relay', start: 'oldest' }],
    plcUrl: traffic.url,
    collections: null,
    backfill: false,
    repos: [],
    allowLoopback: true,
    logRetentionMs: 3_600_000,
    indexes: [
      { collection: POST, indexes: ['createdAt', 'author+createdAt', 'indexedAt', 'validity+createdAt'] },
    ],
    searches: [{ collection: POST, kind: 'words', fields: ['text'] }],
  })
  while (indexer.status().totals.commits < traffic.warm) await delay(100)
  const { totals } = indexer.status()
  console.log(
    `${totals.records} records, ${Math.round(statSync(join(folder, 'indexer.sqlite')).size / totals.records)} bytes on disk each`,
  )
  const ask = async (path: string): Promise<any> => {
    const response = await fetch(`${indexer.url}${path}`)
    const body = (await response.json()) as any
    if (!response.ok) throw new Error(`${path}: ${body.error} ${body.message}`)
    return body
  }
  const did = (i: number): string => traffic.dids[i % accounts]!
  const first = await ask(`/xrpc/${POST}.listRecords?limit=100`)
  const middle = await ask(
    `/xrpc/${POST}.listRecords?limit=100&createdAtTo=${first.records.at(-1).value.createdAt}`,
  )
  const word = /\p{L}{4,}/u.exec(first.records[0].value.text)?.[0] ?? 'the'
  const questions: Record<string, (i: number) => string> = {
    'newest 50': () => `/xrpc/${POST}.listRecords?limit=50`,
    'a page far behind': () =>
      `/xrpc/${POST}.listRecords?limit=50&cursor=${middle.cursor}&createdAtTo=${first.records.at(-1).value.createdAt}`,
    'newest 50 of an author': (i) => `/xrpc/${POST}.listRecords?limit=50&author=${did(i)}`,
    'newest 50 of 25 authors': (i) =>
      `/xrpc/${POST}.listRecords?limit=50&sort=createdAt&${Array.from({ length: 25 }, (_, j) => `author=${did(i + j)}`).join('&')}`,
    'newest 50 with likes of each': () =>
      `/xrpc/${POST}.listRecords?limit=50&linked=app.bsky.feed.like:subject.uri`,
    'newest 50 by time in the index': () => `/xrpc/${POST}.listRecords?limit=50&sort=indexedAt`,
    '50 that fit no lexicon': () => `/xrpc/${POST}.listRecords?limit=50&validity=invalid`,
    '10,000 counted by hour': () => `/xrpc/${POST}.countRecords?interval=hour`,
    'search, newest': () => `/xrpc/${POST}.searchRecords?q=${word}&order=newest`,
    'search, best': () => `/xrpc/${POST}.searchRecords?q=${word}`,
  }
  const alone = 20
  const costs = new Map<string, number>()
  for (const [name, path] of Object.entries(questions)) {
    const before = process.threadCpuUsage()
    for (let i = 0; i < alone; i++) await ask(path(i))
    const { user, system } = process.threadCpuUsage(before)
    costs.set(name, (user + system) / 1000 / alone)
  }
  const times = new Map(Object.keys(questions).map((name) => [name, [] as number[]]))
  traffic.go()
  const began = performance.now()
  const cpu = process.threadCpuUsage()
  let asked = 0
  while (performance.now() - began < seconds * 1000) {
    for (const [name, path] of Object.entries(questions)) {
      const at = performance.now()
      await ask(path(asked++))
      times.get(name)!.push(performance.now() - at)
      // Ten questions a second.
      await delay(Math.max(0, 100 - (performance.now() - at)))
    }
  }
  const { user, system } = process.threadCpuUsage(cpu)
  const done = indexer.status().totals.commits - traffic.warm
  const wall = (performance.now() - began) / 1000
  console.log(
    `${Math.round(done / wall)} commits a second meanwhile; ${Math.round((user + system) / 1e4 / wall)} % of a core for this thread (the asking too)`,
  )
  console.log(`
| question, of ${totals.records} records with ${Math.round(done / wall)} commits/s | CPU alone | p50 | p99 | asked |
|---|---|---|---|---|`)
  for (const [name, all] of times) {
    const sorted = all.toSorted((a, b) => a - b)
    const at = (share: number): string =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)
    console.log(
      `| ${name} | ${costs.get(name)!.toFixed(1)} ms | ${at(0.5)} ms | ${at(0.99)} ms | ${sorted.length} |`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
