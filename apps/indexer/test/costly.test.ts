// What one hostile account or host sent to a real indexer, each as its own process, and what became of it: the stream goes on, the rows
// carry their label, the letter tells, and a second start finds the same.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { brotliCompressSync, constants } from 'node:zlib'
import { type CarBlock, writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { type CID, cidForCbor } from '@avocet/data'
import {
  type Account,
  costlyCommit,
  type CostlyWrite,
  listOf,
  repeated,
  textOf,
  type World,
  wrap,
} from '@avocet/firehose/conformance'
import { buildTree } from '@avocet/mst'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Run } from './support/command.ts'
import { eventually as within, indexed, query } from './support/indexer.ts'
import { EMPTY_LIST, openStreamed, SMALL_MAP, statusOf, type Streamed } from './support/streamed.ts'

const MIB = 1024 * 1024
/** What a machine that does much else may take; nothing here depends on time. */
const PATIENCE_MS = 60_000
const eventually = <T>(probe: () => T | Promise<T>): Promise<NonNullable<T>> => within(probe, PATIENCE_MS)
const COSTLY = 'com.example.costly'

let relay: Streamed
let world: World
let run: Run
/** Answers to getRepo, of accounts whose PDS is this test. */
let exports: Map<string, (response: import('node:http').ServerResponse) => void>
let pds: Server
beforeEach(async () => {
  exports = new Map()
  pds = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const answer = pathname.endsWith('getRepo') ? exports.get(searchParams.get('did') ?? '') : undefined
    if (answer === undefined) response.writeHead(404).end('{}')
    else answer(response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => pds.once('listening', resolve))
  relay = await openStreamed('costly', { pds: `http://127.0.0.1:${(pds.address() as AddressInfo).port}` })
  world = relay.world
})
afterEach(async () => {
  await relay[Symbol.asyncDispose]()
  pds.closeAllConnections()
  await new Promise((resolve) => pds.close(resolve))
})

const start = (...flags: string[]): Run => relay.start(flags)
const rows = (sql: string, ...params: string[]): Record<string, unknown>[] => {
  const db = new DatabaseSync(join(relay.folder, 'indexer.sqlite'), { readOnly: true })
  try {
    return db.prepare(sql).all(...params)
  } finally {
    db.close()
  }
}
/** Pages in use: what an update leaves behind is used again. */
const bytesOnDisk = (): number => {
  const [row] = rows(
    'SELECT (page_count - freelist_count) * page_size AS n FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
  )
  return Number(row!['n'])
}
/** Of memory, that a process has now. */
const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
const letters = (): string[] =>
  rows('SELECT reason, did FROM dead_letters ORDER BY id').map(
    ({ reason, did }) => `${String(reason)} ${String(did)}`,
  )
const labelsOf = (did: string): Record<string, unknown>[] =>
  rows('SELECT validity, count(*) AS n FROM record_list WHERE did = ? GROUP BY validity', did).map((row) => ({
    ...row,
  }))

/** The tree of some records, and all blocks of it but the commit. */
function treeOf(records: readonly CostlyWrite[]): { root: CID; blocks: CarBlock[] } {
  const cids = new Map(
    [...new Set(records.map(({ bytes }) => bytes))].map((bytes) => [bytes, cidForCbor(bytes)]),
  )
  const tree = buildTree(
    records
      .map(({ path, bytes }) => [path, cids.get(bytes)!] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  const blocks = [
    ...[...tree.blocks].map(([cid, bytes]) => ({ cid, bytes })),
    ...[...cids].map(([bytes, cid]) => ({ cid, bytes })),
  ]
  return { root: tree.root, blocks }
}

const commitOf = ({ did, keypair }: Account, data: CID): Promise<CarBlock> =>
  world.sign({ did, version: 3, data, rev: world.nextRev(), prev: null }, keypair)

/** A repo of these records as its host exports it. */
async function exportOf(account: Account, records: readonly CostlyWrite[]): Promise<Uint8Array> {
  const { root, blocks } = treeOf(records)
  const commit = await commitOf(account, root)
  return writeCar([commit.cid], [commit, ...blocks])
}

/** The state that both a first and a second start have to show. */
async function afterRestart(url: string, ada: Account, expected: number, check: () => void): Promise<void> {
  check()
  expect((await indexed({ url }, ada.did)).size).toBe(expected)
  await run.kill()
  run = start()
  const again = await run.ready()
  await relay.honest(ada, 'after')
  await eventually(async () => (await indexed({ url: again }, ada.did)).size === expected + 1)
  check()
}

describe('commits (A1, A2, A3)', () => {
  test.each([
    ['A1: 990 000 empty lists at 200 paths', () => wrap(listOf(990_000, EMPTY_LIST)), 'too-costly'],
    ['A2: 240 000 small maps at 200 paths', () => wrap(listOf(240_000, SMALL_MAP)), 'too-costly'],
    ['A3: a text of control characters at 200 paths', () => wrap(textOf(990_000, 1)), 'unknown'],
  ] as const)('%s', { timeout: 180_000 }, async (_name, record, label) => {
    const [mallory, ada] = [world.createAccount(), world.createAccount()]
    await relay.honest(ada, 'before')
    run = start('--no-backfill')
    const url = await run.ready()
    await eventually(async () => (await indexed({ url }, ada.did)).size === 1)
    await run.longestTurn()
    const before = bytesOnDisk()
    relay.send(await costlyCommit(world, mallory, repeated(200, record())))
    await relay.honest(ada, 'behind')
    await eventually(async () => (await statusOf(url)).totals.commits === 3)
    expect(await run.longestTurn()).toBeLessThan(250)
    // On a thread of its own without being asked to, where there is a processor for it.
    expect((await statusOf(url)).workers?.size ?? 0).toBe(availableParallelism() > 1 ? 1 : 0)
    expect((await statusOf(url)).totals.records).toBe(202)
    const wire = record().length
    await run.child.kill('SIGTERM')
    await run.ended
    expect(bytesOnDisk() - before).toBeLessThan(3 * wire)
    run = start('--no-backfill')
    await afterRestart(await run.ready(), ada, 2, () => {
      expect(labelsOf(mallory.did)).toEqual([{ validity: label, n: 200 }])
      expect(letters()).toEqual(label === 'too-costly' ? [`too-costly ${mallory.did}`] : [])
    })
  })
})

describe('exports (A4, A5)', () => {
  test('A4: 600 keys of one record, 9 kB packed, cost next to nothing', { timeout: 180_000 }, async () => {
    const [mallory, ada] = [world.createAccount(), world.createAccount()]
    const car = await exportOf(mallory, repeated(600, wrap(textOf(129_000, 0x41)), COSTLY))
    const packed = brotliCompressSync(car)
    exports.set(mallory.did, (response) => response.writeHead(200, { 'content-encoding': 'br' }).end(packed))
    run = start(`--repos=${mallory.did}`)
    const url = await run.ready()
    await eventually(async () => (await statusOf(url)).totals.records === 600)
    await run.child.kill('SIGTERM')
    await run.ended
    expect(bytesOnDisk()).toBeLessThan(3 * car.length + MIB / 2)
    await relay.honest(ada, 'before')
    run = start()
    await eventually(async () => (await indexed({ url: await run.ready() }, ada.did)).size === 1)
    await afterRestart(await run.ready(), ada, 1, () =>
      expect(labelsOf(mallory.did)).toEqual([{ validity: 'unknown', n: 600 }]),
    )
  })

  test(
    'A4: an export that is a bomb is left after its first MiB, and nobody else notices',
    { timeout: 180_000 },
    async () => {
      const [mallory, ada] = [world.createAccount(), world.createAccount()]
      const car = await exportOf(
        mallory,
        Array.from({ length: 64 }, (_, i) => ({
          path: `${COSTLY}/k${i + 10}`,
          bytes: wrap(textOf(990_000 + i, 0x41)),
        })),
      )
      const packed = brotliCompressSync(car, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
      expect(car.length / packed.length).toBeGreaterThan(20)
      exports.set(mallory.did, (response) =>
        response.writeHead(200, { 'content-encoding': 'br' }).end(packed),
      )
      run = start(`--repos=${mallory.did}`)
      const url = await run.ready()
      await eventually(() => letters().includes(`resync-failed ${mallory.did}`))
      expect(rows('SELECT message FROM dead_letters')[0]!['message']).toContain('expands too much; max=20:1')
      // What came before that is proved, and may be there.
      expect(bytesOnDisk()).toBeLessThan(4 * MIB)
      await relay.honest(ada, 'behind')
      await eventually(async () => (await indexed({ url }, ada.did)).size === 1)
      await afterRestart(url, ada, 1, () => expect(letters()[0]).toBe(`resync-failed ${mallory.did}`))
    },
  )

  if (process.platform !== 'linux')
    console.warn('skipped: the memory of another process is only known on Linux (/proc); that is A5')
  test.skipIf(process.platform !== 'linux')(
    'A5: eight exports in the wrong order, then silence: memory has one bound for all',
    { timeout: 180_000 },
    async () => {
      const ada = world.createAccount()
      const mallories = Array.from({ length: 8 }, () => world.createAccount())
      // The tree comes last, which it never does: eight times 80 MB would have to wait for it.
      const noise = randomBytes(90 * 900_000)
      const { root, blocks } = treeOf(
        Array.from({ length: 90 }, (_, i) => ({
          path: `${COSTLY}/k${i + 10}`,
          bytes: wrap(encode(noise.subarray(i * 900_000, (i + 1) * 900_000)).slice()),
        })),
      )
      const records = writeCar([], blocks.slice(-90)).subarray(writeCar([], []).length)
      const settled: Promise<void>[] = []
      for (const mallory of mallories) {
        const commit = await commitOf(mallory, root)
        const { promise, resolve } = Promise.withResolvers<void>()
        settled.push(promise)
        exports.set(mallory.did, (response) => {
          response.writeHead(200).write(writeCar([commit.cid], [commit]))
          // Either all of it was taken, or no more is wanted.
          response.write(records, () => resolve())
          response.on('close', resolve)
        })
      }
      run = start(`--repos=${mallories.map(({ did }) => did).join(',')}`)
      const url = await run.ready()
      const before = residentBytes(run.child.pid!)
      let most = 0
      const watch = setInterval(() => (most = Math.max(most, residentBytes(run.child.pid!))), 20)
      await Promise.all(settled)
      clearInterval(watch)
      // 256 MiB of blocks for all together, and what their way here leaves behind until it is swept.
      expect(most - before).toBeLessThan(450 * MIB)
      await relay.honest(ada, 'behind')
      await eventually(async () => (await indexed({ url }, ada.did)).size === 1)
      expect((await query({ url }, '_health', {})).status).toBe(200)
      const told = rows('SELECT message FROM dead_letters').map(({ message }) => String(message))
      expect(
        told.filter((message) => message.includes('other reads need the memory')).length,
      ).toBeGreaterThan(3)
    },
  )
})

test(
  'A14: eight lists of records that swell sixfold as JSON, asked for at once',
  { timeout: 180_000 },
  async () => {
    const mallory = world.createAccount()
    run = start('--no-backfill')
    const url = await run.ready()
    relay.send(await costlyCommit(world, mallory, repeated(200, wrap(textOf(990_000, 1)), COSTLY)))
    await eventually(async () => (await statusOf(url)).totals.records === 200)
    await run.longestTurn()
    const list = async (cursor: string): Promise<{ bytes: number; keys: string[]; cursor: string }> => {
      const params = new URLSearchParams({
        repo: mallory.did,
        collection: COSTLY,
        limit: '100',
        ...(cursor && { cursor }),
      })
      const response = await fetch(`${url}/xrpc/com.atproto.repo.listRecords?${params}`)
      expect(response.status).toBe(200)
      const text = await response.text()
      const body = JSON.parse(text) as { cursor: string; records: { uri: string }[] }
      return { bytes: text.length, keys: body.records.map(({ uri }) => uri.slice(-5)), cursor: body.cursor }
    }
    // One record alone is more than an answer has room for: each brings one, and where to go on.
    const answers = await Promise.all(Array.from({ length: 8 }, () => list('')))
    for (const { bytes, keys, cursor } of answers) {
      expect([keys, cursor]).toEqual([['k0199'], 'k0199'])
      expect(bytes).toBeLessThan(6 * 990_000 + 1000)
    }
    expect((await list('k0199')).keys).toEqual(['k0198'])
    expect(await run.longestTurn()).toBeLessThan(250)
  },
)
