// What inputs cost the indexer: its real pipeline, database and queries, measured from outside.

import { getHeapStatistics } from 'node:v8'
import { nativeVerifier } from '@avocet/crypto-native'
import { createGuardedFetch } from '@avocet/did'
import type { ResolveKey, Source } from '@avocet/firehose'
import { openState } from '@avocet/firehose/sqlite'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { Live } from '../src/http/live.ts'
import { startPipeline } from '../src/pipeline.ts'
import { createBackfill } from '../src/sync/backfill.ts'
import { ALL, openWanted } from '../src/sync/wanted.ts'
import type { Accounts } from './accounts.ts'

/** What something cost. */
export type Cost = {
  /** CPU time of the longest turn of the event loop, and of all turns together, ms. */
  readonly turnMs: number
  readonly totalMs: number
  /** Most bytes of heap, and of buffers, at a time, over what there was. */
  readonly heapBytes: number
  /** Bytes that the database grew by. */
  readonly diskBytes: number
}

/** Over so much heap, what nobody holds any more is taken away before it counts. */
const GARBAGE = 64 * 1024 * 1024
const gc = (globalThis as { gc?: () => void }).gc
/** Twice: the first only begins to free the memory of buffers, on another thread, and it still counts. */
const collect = (): void => {
  gc?.()
  gc?.()
}

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
  if (clean) collect()
  const used = (): number => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
    return heap + external
  }
  const [heap, disk] = [used(), bytesOf(db)]
  let turn = 0
  let total = 0
  let most = heap
  let running = true
  let last = process.threadCpuUsage()
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(last)
    turn = Math.max(turn, user + system)
    total += user + system
    let now = used()
    if (now - heap > GARBAGE) {
      collect()
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
    const [turnMs, totalMs] = [turn / 1000, total / 1000]
    return { cost: { turnMs, totalMs, heapBytes: most - heap, diskBytes: bytesOf(db) - disk }, value }
  } finally {
    running = false
  }
}

/** The pipeline of the app on a database. */
function pipelineOf(options: {
  readonly db: Database
  readonly live: Live
  readonly accounts: Accounts
  readonly source: Source
  readonly host: string | null
  readonly workers: number
}): ReturnType<typeof startPipeline> {
  const { db, accounts, host, live } = options
  const verify = nativeVerifier()
  const resolveKey: ResolveKey = (did) =>
    Promise.resolve({ key: accounts.keyOf(did), pds: host ?? 'https://pds.example.com', handle: null })
  const fetch = createGuardedFetch({ allowLoopback: true, maxBytes: 4 * 1024 ** 3, timeoutMs: 600_000 })
  const wanted = openWanted(db, ALL, Date.now)
  return startPipeline({
    db,
    sources: [options.source],
    resolveKey,
    verify,
    wanted,
    resync:
      host === null ? null : createBackfill({ db, fetch, ask: fetch, relays: [], wanted, verify }).resync,
    logRetentionMs: Infinity,
    workers: options.workers,
    onNotice: (notice) => live.notice(notice),
    now: Date.now,
  })
}

/** A database, and who is told what comes into it. */
export type Fed = { readonly db: Database; readonly live: Live }

/** Feeds frames to the pipeline, all of them to their end. @returns how many were accepted */
export async function feed(
  { db, live }: Fed,
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
  const pipeline = pipelineOf({ db, live, accounts, source, host: null, workers })
  await pipeline.done
  return pipeline.consumer.stats().accepted
}

/** Has repos read from a host, all of them to their end, be it good or bad. @returns how many were read whole */
export async function backfill(
  { db, live }: Fed,
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
  // What failed before would be tried again meanwhile, and be counted for one of these.
  openState(db)
  db.raw.exec('UPDATE repos SET next_try = NULL')
  const pipeline = pipelineOf({ db, live, accounts, source, host, workers: 0 })
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
