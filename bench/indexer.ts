// The indexer, whole: frames or exports in over sockets; verified, validated, stored in SQLite on disk and queryable out. One process,
// one thread of JavaScript; the traffic comes from another process. `node bench/indexer.ts [live|backfill|streams|outputs]`
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createIndexer, type Indexer } from '@avocet/indexer'

import { record, save } from './support/compare.ts'
import { startSubscribers } from './support/subscribers.ts'
import { startTraffic } from './support/traffic.ts'

const only = process.argv[2]
const commits = Number(process.env['COMMITS'] ?? 30_000)
const perRepo = Number(process.env['RECORDS'] ?? 20_000)
/** Bytes of the database for a record, once a backfill is through. */
const MAX_RECORD_BYTES = 450

if (only === undefined || only === 'live') await live()
if (only === undefined || only === 'backfill') await backfill()
if (only === undefined || only === 'streams') await streams()
if (only === undefined || only === 'outputs') await outputs()
if (only === undefined) save('indexer')

/** Single commits of 200 accounts with 1 000 records each. */
async function live(): Promise<void> {
  await using traffic = await startTraffic({ kind: 'live', accounts: 200, perAccount: 1000, commits })
  await withIndexer(
    {
      backfill: false,
      plcUrl: traffic.url,
      sources: [{ url: traffic.url.replace('http', 'ws'), kind: 'relay', start: 'oldest' }],
    },
    async (indexer) => {
      await until(() => indexer.status().totals.commits === traffic.warm)
      const measured = startMeasuring()
      traffic.go()
      await until(() => indexer.status().totals.commits === traffic.warm + commits)
      const { seconds, cpuSeconds } = measured()
      const { failures, totals } = indexer.status()
      if (failures.faults > 0) throw new Error(`failures: ${JSON.stringify(failures.byReason)}`)
      const note = `${commits} commits of 200 accounts, frames of ${traffic.frameBytes} bytes on average, into ${totals.records} records; ${perSecond(commits, cpuSeconds)} per second of CPU time of its thread; ${memory()}`
      record(
        'indexer live: frame in; verified, validated, stored, queryable out',
        { unit: 'commits', note, least: 5300 },
        [{ name: 'avocet', perSecond: commits / seconds }],
      )
      console.log(`  ${note}`)
    },
  )
}

/** Whole repos from a host on this machine. */
async function backfill(): Promise<void> {
  const repos = 20
  await using traffic = await startTraffic({ kind: 'repos', accounts: repos, perAccount: perRepo })
  let found = { note: '', perSecond: 0 }
  const size = await withIndexer(
    {
      plcUrl: traffic.url,
      sources: [{ url: traffic.url.replace('http', 'ws'), kind: 'relay', start: 'live' }],
      repos: traffic.dids,
    },
    async (indexer) => {
      await until(() => indexer.status().totals.records > 0)
      const before = indexer.status().totals.records
      const measured = startMeasuring()
      // That their heads are the newest is asked of their own host a minute later: what gave them here is a relay.
      await until(() => indexer.status().totals.resyncs === repos)
      const { seconds, cpuSeconds } = measured()
      const { records } = indexer.status().totals
      if (records !== repos * perRepo) throw new Error(`records: ${records}`)
      const note = `${repos} repos of ${perRepo} records; ${perSecond(records - before, cpuSeconds)} per second of CPU time of its thread; ${memory()}`
      found = { note, perSecond: (records - before) / seconds }
    },
  )
  const each = Math.round(size / (repos * perRepo))
  const goal = `at most ${MAX_RECORD_BYTES}: ${each <= MAX_RECORD_BYTES ? 'pass' : 'FAIL'}`
  const note = `${found.note}; ${each} bytes on disk a record (${goal})`
  record(
    'indexer backfill: repos fetched, verified whole, validated, stored',
    { unit: 'records', note, least: 50_000 },
    [{ name: 'avocet', perSecond: found.perSecond }],
  )
  console.log(`  ${note}`)
}

/** 500 commits a second, first with nobody who follows, then with a thousand subscribers of different filters on both wires. */
async function streams(): Promise<void> {
  const [rate, seconds, subscribers] = [500, 8, 1000]
  const commitsOf = rate * seconds
  let without = 0
  for (const count of [0, subscribers]) {
    await using traffic = await startTraffic({
      kind: 'live',
      accounts: 200,
      perAccount: 200,
      commits: commitsOf,
      perSecond: rate,
    })
    await withIndexer(
      {
        port: 0,
        backfill: false,
        plcUrl: traffic.url,
        streams: { subscribers, perAddress: 0 },
        sources: [{ url: traffic.url.replace('http', 'ws'), kind: 'relay', start: 'oldest' }],
      },
      async (indexer) => {
        await until(() => indexer.status().totals.commits === traffic.warm)
        const paths = Array.from({ length: count }, (_, i) => {
          // Two accounts each, or all of a collection that few write.
          const [one, other] = [traffic.dids[i % 200]!, traffic.dids[(i * 7 + 1) % 200]!]
          if (i % 2 === 0)
            return `/xrpc/network.bsky.jetstream.subscribeEvents?dids=${one}&dids=${other}&collections=app.bsky.*`
          return `/subscribe?wantedDids=${one}&wantedDids=${other}&wantedCollections=app.bsky.feed.*`
        })
        await using listeners = await startSubscribers()
        await listeners.follow(indexer.url!, paths)
        const measured = startMeasuring()
        traffic.go()
        await until(() => indexer.status().totals.commits === traffic.warm + commitsOf)
        const { seconds: wall, cpuSeconds } = measured()
        const share = cpuSeconds / wall
        await delay(500)
        const received = await listeners.received()
        if (count === 0) without = share
        else {
          const percent = (value: number): string => `${Math.round(value * 100)} %`
          const note = `${Math.round(commitsOf / wall)} commits a second to ${count} subscribers, ${received} events sent: ${percent(share)} of a core for its thread, ${percent(without)} with none; ${memory()}`
          record(
            'indexer streams: a thousand subscribers with different filters at 500 commits a second',
            { unit: 'events', note, least: (rate * 0.95 * received) / commitsOf },
            [{ name: 'avocet', perSecond: received / wall }],
          )
          console.log(`  ${note}`)
        }
      },
    )
  }
}

/** As fast as it goes, first with nobody who follows, then with one of each: both wires of Jetstream, SSE, Tap with acks, a webhook. */
async function outputs(): Promise<void> {
  const paths = [
    '/xrpc/network.bsky.jetstream.subscribeEvents',
    '/subscribe',
    '/stream',
    '/channel?group=bench',
  ]
  let without = 0
  for (const hasOutputs of [false, true]) {
    await using traffic = await startTraffic({ kind: 'live', accounts: 200, perAccount: 1000, commits })
    await using listeners = await startSubscribers()
    await withIndexer(
      {
        port: 0,
        backfill: false,
        plcUrl: traffic.url,
        sources: [{ url: traffic.url.replace('http', 'ws'), kind: 'relay', start: 'oldest' }],
        ...(hasOutputs
          ? { tap: { password: null }, webhooks: [{ name: 'bench', url: listeners.webhook }] }
          : {}),
      },
      async (indexer) => {
        await until(() => indexer.status().totals.commits === traffic.warm)
        if (hasOutputs) await listeners.follow(indexer.url!, paths)
        const isTaken = (): boolean =>
          indexer.status().consumers.every(({ unacked, behind }) => unacked + behind === 0)
        await until(isTaken)
        const measured = startMeasuring()
        traffic.go()
        await until(() => indexer.status().totals.commits === traffic.warm + commits)
        const { seconds } = measured()
        await until(isTaken)
        const { cpuSeconds } = measured()
        if (!hasOutputs) {
          without = commits / cpuSeconds
          return
        }
        const note = `one subscriber of each wire, one of Tap, one webhook; until all of them have all: ${perSecond(commits, cpuSeconds)} per second of CPU time of its thread, ${perSecond(without, 1)} with none; ${memory()}`
        record('indexer outputs: as live, with one of each output', { unit: 'commits', note, least: 4000 }, [
          { name: 'avocet', perSecond: commits / seconds },
        ])
        console.log(`  ${note}`)
      },
    )
  }
}

/** Resolves to the bytes of the database, when the indexer is closed and its log is copied back. */
async function withIndexer(
  config: Partial<Parameters<typeof createIndexer>[0]>,
  work: (indexer: Indexer) => Promise<void>,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-bench-'))
  try {
    const indexer = await createIndexer({
      dataFolder: folder,
      host: '127.0.0.1',
      port: null,
      sources: [],
      plcUrl: '',
      collections: null,
      backfill: true,
      repos: [],
      allowLoopback: true,
      logRetentionMs: 3_600_000,
      ...config,
    })
    try {
      await work(indexer)
    } finally {
      await indexer[Symbol.asyncDispose]()
    }
    return statSync(join(folder, 'indexer.sqlite')).size
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Wall-clock and CPU time of this thread from now on. */
function startMeasuring(): () => { seconds: number; cpuSeconds: number } {
  const cpu = process.threadCpuUsage()
  const at = performance.now()
  return () => {
    const { user, system } = process.threadCpuUsage(cpu)
    return { seconds: (performance.now() - at) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
}

function perSecond(count: number, seconds: number): string {
  return `${Math.round(count / seconds / 100) / 10} k`
}

function memory(): string {
  return `largest RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`
}

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 170_000
  while (!done()) {
    if (Date.now() > deadline) throw new Error('took too long')
    await delay(20)
  }
}
