// Clients who mean harm, from a process of their own, while one reads: whoever is too much is refused in the words of what it asked for, and
// the one who reads misses nothing. AVOCET_HOSTILE=1: ten thousand sockets.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { connectionLimits } from '../src/http/connections.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen } from './support/streams.ts'

const HEAVY = process.env['AVOCET_HOSTILE'] === '1'
const SOCKETS = HEAVY ? 10_000 : 600
const EVENTS = HEAVY ? 2000 : 150
const V2 = '/xrpc/network.bsky.jetstream.subscribeEvents'
const MIB = 1024 ** 2

type Told = Record<string, Record<string, number>>

let host: Host
let indexer: Indexer
let reader: Heard
let flood: ChildProcess | undefined
test('bounds follow from the files that the process may have open', () => {
  expect(connectionLimits(null, true)).toEqual({ connections: 10_000, perAddress: 256 })
  expect(connectionLimits(1024, true)).toEqual({ connections: 614, perAddress: 256 })
  expect(connectionLimits(200, true)).toEqual({ connections: 120, perAddress: 120 })
  expect(connectionLimits(1_048_576, false)).toEqual({ connections: 10_000, perAddress: 0 })
})

describe('over sockets', () => {
  afterEach(async () => {
    flood?.kill('SIGKILL')
    reader.close()
    await indexer.close()
    await host[Symbol.asyncDispose]()
  })

  test(
    'a flood of sockets, slow readers, filters, cursors, headers and halves',
    { timeout: 600_000 },
    async () => {
      host = await startHost()
      // As behind a proxy: one address must not be what saves it.
      indexer = await startIndexer(host, { streams: { subscribers: HEAVY ? 2000 : 200, perAddress: 0 } })
      const ada = await host.createAccount('ada')
      reader = listen(indexer.url!, `${V2}?cursor=1&kinds=commit`)
      await eventually(() => reader.socket.readyState === 1)
      let written = 0
      /** @returns events that were read, for each second of CPU time of this process */
      const events = async (): Promise<number> => {
        const began = process.cpuUsage()
        for (let i = 0; i < EVENTS; i++) {
          const rkey = `3k${String(written++)
            .padStart(11, 'a')
            .replaceAll(/[01890]/g, 'b')}`
          await host.write(ada, [
            {
              action: 'create',
              collection: 'app.bsky.feed.post',
              rkey: `${rkey}${written}`,
              record: post(rkey),
            },
          ])
        }
        await eventually(() => reader.frames.length >= written, 120_000)
        const { user, system } = process.cpuUsage(began)
        return EVENTS / ((user + system) / 1e6)
      }
      const before = await events()
      const heap = process.memoryUsage().rss

      flood = spawn(
        process.execPath,
        [new URL('support/flood.ts', import.meta.url).pathname, indexer.url!, String(SOCKETS)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      let told: Told = {}
      createInterface({ input: flood.stdout! }).on('line', (line) => {
        told = (JSON.parse(line) as { told: Told }).told
      })
      const sum = (kind: string): number => Object.values(told[kind] ?? {}).reduce((all, n) => all + n, 0)
      await eventually(() => sum('sockets') >= SOCKETS / 4, 60_000)
      const during = await events()
      await eventually(
        () => sum('sockets') >= SOCKETS && sum('headers') > 3 && sum('two') > 3 && sum('many') > 3,
        300_000,
      )
      await eventually(() => sum('listing') > 0 && sum('odd') > 0 && sum('wide') > 0, 60_000)
      const grown = process.memoryUsage().rss - heap
      console.log(
        `events a CPU second: ${before.toFixed(0)} before, ${during.toFixed(0)} during; ${(grown / MIB).toFixed(0)} MiB more; ${JSON.stringify(told)}`,
      )

      // As many as may be are in, all others were told why not.
      const { 101: entered = 0, 503: refused = 0 } = told['sockets']!
      expect(entered).toBeGreaterThan(0)
      expect(entered).toBeLessThan(HEAVY ? 2000 : 200)
      expect(refused).toBeGreaterThan(SOCKETS / 4)
      // Who is so slow that its answer is not waited for, or speaks on behind it, may see the end of the connection instead.
      const only = (kind: string, status: string, ...others: string[]): void => {
        const known = [status, ...others, '503', '408', 'cut']
        expect(
          Object.keys(told[kind] ?? {}).filter((each) => !known.includes(each)),
          kind,
        ).toEqual([])
        expect(told[kind]?.[status] ?? told[kind]?.['503'] ?? 0, kind).toBeGreaterThan(0)
      }
      only('sockets', '101')
      only('slow', '101')
      only('filters', '101')
      only('long', '431')
      only('many', '400')
      only('listing', '200')
      only('odd', '400')
      only('wide', '400')
      only('headers', '431')
      only('two', '400')
      only('half', '101', '400')
      expect(Object.keys(told['drip'] ?? {}).filter((each) => !['400', '408', 'cut'].includes(each))).toEqual(
        [],
      )
      expect(grown).toBeLessThan((HEAVY ? 1500 : 400) * MIB)

      const seqs = reader.frames.map(
        (frame) => (JSON.parse(String(frame)) as { payload: { seq: number } }).payload.seq,
      )
      expect(seqs).toEqual(Array.from({ length: written }, (_, i) => i + 1))
      expect(reader.socket.readyState).toBe(1)

      // Whoever is gone leaves room.
      flood.kill('SIGKILL')
      await once(flood, 'exit')
      await eventually(async () => {
        const other = listen(indexer.url!, V2)
        const how = await Promise.race([
          eventually(() => other.socket.readyState === 1),
          other.closed(),
          delay(2000),
        ])
        other.close()
        return how === true
      }, 60_000)
      expect((await fetch(`${indexer.url}/xrpc/_health`)).status).toBe(200)
    },
  )

  test('one address has 256 connections, and the next is told so', { timeout: 60_000 }, async () => {
    host = await startHost()
    indexer = await startIndexer(host, { streams: { subscribers: 400, perAddress: 50 } })
    reader = listen(indexer.url!, V2)
    await eventually(() => reader.socket.readyState === 1)
    const { port } = new URL(indexer.url!)
    const told: string[] = []
    // They say nothing, so that nothing else refuses them.
    const silent = Array.from({ length: 300 }, () =>
      connect(Number(port), '127.0.0.1')
        .on('error', () => {})
        .on('data', (bytes: Buffer) => told.push(bytes.toString())),
    )
    await eventually(() => told.length === 45)
    for (const text of told)
      expect(text).toMatch(/^HTTP\/1\.1 429 [\s\S]*too many connections of this address/)
    expect(reader.socket.readyState).toBe(1)
    for (const socket of silent) socket.destroy()
    // Whoever comes and goes is not counted for ever.
    for (let i = 0; i < 300; i++)
      await fetch(`${indexer.url}/xrpc/_health`, { headers: { connection: 'close' } })
    expect((await fetch(`${indexer.url}/xrpc/_health`)).status).toBe(200)
  })
})
