// The command with verification on threads of its own: costly events hold no query up, and a thread that is ended costs nothing.

import { setTimeout as delay } from 'node:timers/promises'
import {
  type Account,
  costlyCommit,
  type CostlyWrite,
  largePost,
  listOf,
  mapOf,
  nested,
  repeated,
  textOf,
  wrap,
} from '@avocet/firehose/conformance'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Run } from './support/command.ts'
import { eventually, indexed, query } from './support/indexer.ts'
import { EMPTY_LIST, openStreamed, SMALL_MAP, statusOf, type Streamed } from './support/streamed.ts'

/** At what a record may have, and past it. */
const COSTLY: readonly (() => CostlyWrite[])[] = [
  () => repeated(200, wrap(listOf(990_000, EMPTY_LIST))),
  () => repeated(200, wrap(listOf(49_990, EMPTY_LIST))),
  () => repeated(200, wrap(listOf(240_000, SMALL_MAP))),
  () => repeated(200, wrap(textOf(990_000, 1))),
  () => repeated(200, wrap(mapOf(49_000))),
  () => repeated(200, wrap(listOf(3900, nested(250)))),
  () => repeated(200, largePost(2500), 'app.bsky.feed.post'),
]

let relay: Streamed
beforeEach(async () => {
  relay = await openStreamed('workers')
})
afterEach(() => relay[Symbol.asyncDispose]())
const start = (flag: string, options?: Parameters<Streamed['start']>[1]): Run =>
  relay.start(['--no-backfill', flag], options)

describe('--workers', () => {
  test(
    'queries are answered while one costly commit follows the other, and the index is right',
    { timeout: 180_000 },
    async () => {
      const ada = relay.world.createAccount()
      const mallories: Account[] = []
      await relay.honest(ada, 'k0')
      const run = start('--workers=1')
      const url = await run.ready()
      await eventually(async () => (await indexed({ url }, ada.did)).size === 1, 60_000)
      await run.longestTurn()
      for (const [i, writes] of COSTLY.entries()) {
        const mallory = relay.world.createAccount()
        mallories.push(mallory)
        relay.send(await costlyCommit(relay.world, mallory, writes()))
        await relay.honest(ada, `k${i + 1}`)
      }
      const waits: number[] = []
      await eventually(async () => {
        const began = performance.now()
        const { status } = await query({ url }, 'com.atproto.repo.getRecord', {
          repo: ada.did,
          collection: 'app.bsky.feed.post',
          rkey: 'k0',
        })
        expect(status).toBe(200)
        waits.push(performance.now() - began)
        return (await statusOf(url)).totals.commits === 2 * COSTLY.length + 1
      }, 90_000)
      expect(await run.longestTurn()).toBeLessThan(250)
      // By the clock other work on the machine counts too: half of the answers tell of this process.
      expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(250)
      const { workers, totals, failures } = await statusOf(url)
      expect(workers).toEqual({ size: 1, waiting: 0, replaced: 0 })
      expect((await indexed({ url }, ada.did)).size).toBe(COSTLY.length + 1)
      expect(totals.records).toBe(200 * COSTLY.length + COSTLY.length + 1)
      // Four of them are past what is looked at, and say so once each.
      expect(failures.byReason).toEqual([
        expect.objectContaining({ reason: 'too-costly', count: 4, fault: true }),
      ])
    },
  )

  test(
    'threads that are ended in the middle of their work change nothing',
    { timeout: 180_000 },
    async () => {
      const accounts = Array.from({ length: 4 }, () => relay.world.createAccount())
      const run = start('--workers=2', { killWorkers: 15 })
      const url = await run.ready()
      for (let i = 0; i < 120; i++) {
        await relay.honest(accounts[i % 4]!, `k${i}`)
        if (i % 20 === 0) await delay(100)
      }
      await eventually(async () => (await statusOf(url)).totals.commits === 120, 90_000)
      const { workers, failures } = await statusOf(url)
      expect(workers!.replaced).toBeGreaterThan(1)
      expect(failures.byReason).toEqual([])
      for (const account of accounts) {
        const there = new Map([...account.records].map(([path, { cid }]) => [path, cid.toString()]))
        expect(await indexed({ url }, account.did)).toEqual(there)
      }
    },
  )

  test('0 verifies where queries are answered', async () => {
    const ada = relay.world.createAccount()
    await relay.honest(ada, 'k0')
    const run = start('--workers=0')
    const url = await run.ready()
    await eventually(async () => (await indexed({ url }, ada.did)).size === 1, 60_000)
    expect((await statusOf(url)).workers).toBe(null)
  })
})
