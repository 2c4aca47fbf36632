// Groups of costly inputs, measured; one that costs too much is taken apart until the input is found that does.

import { openIndexDatabase } from '../src/database/open.ts'
import { createAccounts } from './accounts.ts'
import { type Export, makeExports } from './exports.ts'
import { makeFrames, makeWorstFrames } from './frames.ts'
import type { Host } from './host.ts'
import { backfill, bytesOf, type Cost, type Fed, feed, measure } from './measure.ts'
import { serveQuestions } from './questions.ts'
import { randomOf } from './shapes.ts'

/** What one input may cost at most. */
const BOUNDS: { readonly turnMs: number; readonly heapBytes: number; readonly diskRatio: number } = {
  turnMs: 250,
  heapBytes: 64 * 1024 * 1024,
  diskRatio: 3,
}
/** Rows that an account, an event and a letter about it have whatever their size, and pages that are not full. */
const DISK_BASE = 1024
const DISK_SLACK = 128 * 1024
/** A database that is larger makes room for a new one. */
const MAX_DATABASE = 256 * 1024 * 1024

/** An input that costs too much: enough to make it again. */
export type Finding = {
  readonly kind: 'frame' | 'export' | 'query'
  readonly seed: number
  readonly group: number
  readonly index: number
  readonly bytes: number
  readonly cost: Cost
  /** What was asked. */
  readonly question?: string
}

/** What was done and the most that it cost. */
export type Tally = {
  frames: number
  accepted: number
  exports: number
  read: number
  bytes: number
  queries: number
  groups: number
  turnMs: number
  queryMs: number
  heapBytes: number
  /** Bytes of the database for each byte that came, over all groups, and of the worst group. */
  diskBytes: number
  diskRatio: number
  readonly findings: Finding[]
}

/** Nothing done yet. */
export const newTally = (): Tally => ({
  frames: 0,
  accepted: 0,
  exports: 0,
  read: 0,
  bytes: 0,
  queries: 0,
  groups: 0,
  turnMs: 0,
  queryMs: 0,
  heapBytes: 0,
  diskBytes: 0,
  diskRatio: 0,
  findings: [],
})

/** What several did together. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = newTally()
  for (const tally of tallies) {
    for (const key of [
      'frames',
      'accepted',
      'exports',
      'read',
      'bytes',
      'queries',
      'groups',
      'diskBytes',
    ] as const) {
      sum[key] += tally[key]
    }
    for (const key of ['turnMs', 'queryMs', 'heapBytes', 'diskRatio'] as const) {
      sum[key] = Math.max(sum[key], tally[key])
    }
    sum.findings.push(...tally.findings)
  }
  return sum
}

/** Measures groups on one database after the other. */
export type Bench = Disposable & {
  /** The frames that are known to cost most, each by itself: group -1 of any seed. */
  worst(seed: number): Promise<void>
  frames(seed: number, group: number): Promise<void>
  exports(seed: number, group: number): Promise<void>
}

/** @param workers threads that verify frames, as of the command */
export function createBench(tally: Tally, host: Host, workers: number): Bench {
  let db = openIndexDatabase(null)
  let served = serveQuestions(db)
  let seq = 1

  const close = (): void => {
    served[Symbol.dispose]()
    db.close()
  }
  const fresh = (): void => {
    close()
    db = openIndexDatabase(null)
    served = serveQuestions(db)
    seq = 1
  }
  const fed = (): Fed => ({ db, live: served.live })
  const count = (cost: Cost, bytes: number): void => {
    tally.groups++
    tally.bytes += bytes
    tally.turnMs = Math.max(tally.turnMs, cost.turnMs)
    tally.heapBytes = Math.max(tally.heapBytes, cost.heapBytes)
    tally.diskBytes += cost.diskBytes
    if (bytes > 200_000) tally.diskRatio = Math.max(tally.diskRatio, cost.diskBytes / bytes)
    if (bytesOf(db) > MAX_DATABASE) fresh()
  }
  const question = async (did: string, seed: number, group: number): Promise<void> => {
    for (const [index, { name, ask }] of served.questions(did).entries()) {
      let { cost } = await measure(db, ask, false)
      if (cost.heapBytes > BOUNDS.heapBytes) cost = (await measure(db, ask)).cost
      tally.queries++
      // Who asks pays for no turn of others: all turns that a question takes count.
      tally.queryMs = Math.max(tally.queryMs, cost.totalMs)
      if (cost.totalMs > BOUNDS.turnMs || cost.heapBytes > BOUNDS.heapBytes) {
        tally.findings.push({ kind: 'query', seed, group, index, bytes: 0, cost, question: name })
      }
    }
  }

  return {
    async worst(seed) {
      const accounts = createAccounts(`w${seed}`)
      const frames = await makeWorstFrames(accounts, seq)
      seq += frames.length
      for (const [index, frame] of frames.entries()) {
        const { cost, value } = await measure(db, () => feed(fed(), accounts, [frame], workers))
        tally.frames++
        tally.accepted += value
        const bytes = frame.length
        if (exceeds(cost, bytes, 1))
          tally.findings.push({ kind: 'frame', seed, group: -1, index, bytes, cost })
        await question(accounts.all[index]!.did, seed, -1)
        count(cost, bytes)
      }
    },
    async frames(seed, group) {
      const accounts = createAccounts(`f${seed}x${group}`)
      const made = await makeFrames(accounts, randomOf(seed, group), seq)
      seq += made.length
      const frames = made.map(({ bytes }) => bytes)
      const { cost, value } = await measure(db, () => feed(fed(), accounts, frames, workers))
      tally.frames += frames.length
      tally.accepted += value
      const bytes = frames.reduce((sum, { length }) => sum + length, 0)
      if (exceeds(cost, bytes, frames.length)) {
        await apart(
          'frame',
          frames,
          seed,
          group,
          tally,
          (alone, frame) => feed(alone, accounts, [frame], workers),
          (frame) => frame.length,
        )
      }
      await question(accounts.all.at(-1)!.did, seed, group)
      await question(accounts.all[0]!.did, seed, group)
      count(cost, bytes)
    },
    async exports(seed, group) {
      const accounts = createAccounts(`e${seed}x${group}`)
      const made = await makeExports(accounts, randomOf(seed, ~group))
      await host.give(made)
      const { cost, value } = await measure(db, () =>
        backfill(
          fed(),
          accounts,
          host.url,
          made.map(({ did }) => did),
        ),
      )
      tally.exports += made.length
      tally.read += value
      const bytes = made.reduce((sum, item) => sum + sizeOf(item), 0)
      if (exceeds(cost, bytes, made.length)) {
        await apart(
          'export',
          made,
          seed,
          group,
          tally,
          (alone, { did }) => backfill(alone, accounts, host.url, [did]),
          sizeOf,
        )
      }
      await question(made[0]!.did, seed, group)
      count(cost, bytes)
    },
    [Symbol.dispose]: close,
  }
}

/** Paths are prefix-compressed in a tree and whole in a database: they count as they are written out. */
const sizeOf = ({ size, logical }: Export): number => Math.max(size, logical)

function exceeds({ turnMs, heapBytes, diskBytes }: Cost, bytes: number, count: number): boolean {
  return (
    turnMs > BOUNDS.turnMs ||
    heapBytes > BOUNDS.heapBytes ||
    diskBytes > bytes * BOUNDS.diskRatio + count * DISK_BASE + DISK_SLACK
  )
}

/** Each input of a group by itself, in order, on a database of their own. */
async function apart<T>(
  kind: 'frame' | 'export',
  inputs: readonly T[],
  seed: number,
  group: number,
  tally: Tally,
  run: (alone: Fed, input: T) => Promise<number>,
  size: (input: T) => number,
): Promise<void> {
  using db = openIndexDatabase(null)
  using served = serveQuestions(db)
  for (const [index, input] of inputs.entries()) {
    const { cost } = await measure(db, () => run({ db, live: served.live }, input))
    const bytes = size(input)
    if (exceeds(cost, bytes, 1)) tally.findings.push({ kind, seed, group, index, bytes, cost })
  }
}
