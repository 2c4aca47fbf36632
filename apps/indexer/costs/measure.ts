// What inputs cost the indexer: its real pipeline, database and queries, measured from outside.

import { getHeapStatistics } from 'node:v8'
import { nativeVerifier } from '@avocet/crypto-native'
import { createGuardedFetch } from '@avocet/did'
import type { ResolveKey, Source } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { createFindAccount } from '../src/identity/handles.ts'
import { createIdentities } from '../src/identity/identities.ts'
import { createLive } from '../src/http/live.ts'
import { createXrpc } from '../src/http/xrpc.ts'
import { startPipeline } from '../src/pipeline.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createRepoReader } from '../src/queries/repos.ts'
import { createBackfill } from '../src/sync/backfill.ts'
import type { Accounts } from './accounts.ts'

/** What something cost. */
export type Cost = {
  /** CPU time of the longest turn of the event loop, ms. */
  readonly turnMs: number
  /** Most bytes of heap, and of buffers, at a time, over what there was. */
  readonly heapBytes: number
  /** Bytes that the database grew by. */
  readonly diskBytes: number
}

/** Over so much heap, what nobody holds any more is taken away before it counts. */
const GARBAGE = 64 * 1024 * 1024
const collect = (globalThis as { gc?: () => void }).gc

/** Bytes of the database that are in use. */
export function bytesOf(db: Database): number {
  const value = (name: string): number => Number(Object.values(db.raw.prepare(`PRAGMA ${name}`).get()!)[0])
  return (value('page_count') - value('freelist_count')) * value('page_size')
}

/** Does some work and tells what it cost. @param clean the heap is cleared before, so that nothing older counts */
export async function measure<T>(
  db: Database,
  work: () => Promise<T>,
  clean = true,
): Promise<{ cost: Cost; value: T }> {
  if (clean) collect?.()
  const used = (): number => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
    return heap + external
  }
  const [heap, disk] = [used(), bytesOf(db)]
  let turn = 0
  let most = heap
  let running = true
  let last = process.threadCpuUsage()
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(last)
    turn = Math.max(turn, user + system)
    let now = used()
    if (now - heap > GARBAGE) {
      collect?.()
      now = used()
    }
    most = Math.max(most, now)
    last = process.threadCpuUsage()
  }
  const tick = (): void => {
    if (!running) return
    look()
    setImmediate(tick)
  }
  setImmediate(tick)
  try {
    const value = await work()
    look()
    const cost = { turnMs: turn / 1000, heapBytes: most - heap, diskBytes: bytesOf(db) - disk }
    return { cost, value }
  } finally {
    running = false
  }
}

/** The pipeline of the app on a database. */
function pipelineOf(options: {
  readonly db: Database
  readonly accounts: Accounts
  readonly source: Source
  readonly host: string | null
  readonly workers: number
}): ReturnType<typeof startPipeline> & Disposable {
  const { db, accounts, host } = options
  const verify = nativeVerifier()
  const records = createRecordReader(db)
  const resolveKey: ResolveKey = (did) =>
    Promise.resolve({ key: accounts.keyOf(did), pds: host ?? 'https://pds.example.com', handle: null })
  const fetch = createGuardedFetch({ allowLoopback: true, maxBytes: 4 * 1024 ** 3, timeoutMs: 600_000 })
  const live = createLive({ status: () => ({}), handleOf: (did) => records.account(did)?.handle ?? null })
  const pipeline = startPipeline({
    db,
    sources: [options.source],
    resolveKey,
    verify,
    collections: null,
    resync:
      host === null
        ? null
        : createBackfill({ db, fetch, ask: fetch, relays: [], isWanted: () => true, verify }),
    logRetentionMs: Infinity,
    workers: options.workers,
    onNotice: (notice) => live.notice(notice),
    now: Date.now,
  })
  return { ...pipeline, [Symbol.dispose]: () => live.close() }
}

/** Feeds frames to the pipeline, all of them to their end. @returns how many were accepted */
export async function feed(
  db: Database,
  accounts: Accounts,
  frames: readonly Uint8Array[],
  workers: number,
): Promise<number> {
  const source: Source = {
    id: 'costs',
    kind: 'relay',
    host: null,
    patient: true,
    async *frames() {
      yield* frames
    },
  }
  using pipeline = pipelineOf({ db, accounts, source, host: null, workers })
  await pipeline.done
  return pipeline.consumer.stats().accepted
}

/** Has repos read from a host, all of them to their end, be it good or bad. @returns how many were read whole */
export async function backfill(
  db: Database,
  accounts: Accounts,
  host: string,
  dids: readonly string[],
): Promise<number> {
  const source: Source = {
    id: 'costs',
    kind: 'relay',
    host: null,
    // oxlint-disable-next-line require-yield -- it has nothing to say
    async *frames({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }
  using pipeline = pipelineOf({ db, accounts, source, host, workers: 0 })
  const { consumer } = pipeline
  await Promise.all(dids.map((did) => consumer.requestResync(did as Did)))
  for (;;) {
    const { finished, failed, terminal } = consumer.stats().resync
    if (finished + failed + terminal >= dids.length) break
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { finished } = consumer.stats().resync
  await pipeline.stop()
  return finished
}

/** Asks what anybody may ask about an account, each question until its answer is read. */
export function createQuestions(db: Database): (did: string) => Promise<void> {
  const records = createRecordReader(db)
  const repos = createRepoReader(db, Date.now)
  const nobody = createIdentities({
    dids: { resolve: () => Promise.reject(new Error('not asked')) },
    handles: null,
  })
  const router = createXrpc({
    records,
    repos,
    identities: nobody,
    findAccount: createFindAccount({ db, records, identities: nobody, now: Date.now }),
    onError: (error) => {
      throw error
    },
  })
  const ask = async (method: string, params: Record<string, string>): Promise<void> => {
    const url = `http://localhost/xrpc/${method}?${new URLSearchParams(params).toString()}`
    await (await router.fetch(new Request(url))).arrayBuffer()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return async (did) => {
    for (const collection of records.collections(did).slice(0, 3)) {
      const about = { repo: did, collection }
      await ask('com.atproto.repo.listRecords', { ...about, limit: '100' })
      await ask('com.atproto.repo.listRecords', { ...about, limit: '100', reverse: 'true' })
      const [first] = records.list({ did, collection, limit: 1, cursor: null, ascending: true })
      if (first !== undefined) await ask('com.atproto.repo.getRecord', { ...about, rkey: first.rkey })
    }
  }
}
