// Wrong bytes on the wire: each is one typed failure, counted and shown, and nothing else is lost.

import { XrpcError } from '@avocet/xrpc'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeypair } from '@avocet/crypto'
import type { Indexer } from '../src/app.ts'
import { type Host, type TestAccount, post, startHost } from './support/host.ts'
import { eventually, indexed, startIndexer } from './support/indexer.ts'

let host: Host
let indexer: Indexer | undefined
let ada: TestAccount
let ben: TestAccount
beforeEach(async () => {
  host = await startHost()
  ada = await host.createAccount('ada')
  ben = await host.createAccount('ben')
})
afterEach(async () => {
  await indexer?.close()
  indexer = undefined
  await host[Symbol.asyncDispose]()
})

const create = (rkey: string): Parameters<Host['write']>[1][number] => ({
  action: 'create',
  collection: 'app.bsky.feed.post',
  rkey,
  record: post(rkey),
})
const reasons = (): string[] =>
  indexer!
    .status()
    .failures.byReason.filter(({ fault }) => fault)
    .map(({ reason }) => reason)
const equal = (account: TestAccount): Promise<boolean> =>
  eventually(async () => {
    const [there, here] = [await host.records(account), await indexed(indexer!, account.did)]
    return there.size === here.size && [...there].every(([path, cid]) => here.get(path) === cid)
  })

describe('frames', () => {
  test.each([
    ['a flipped bit in the blocks', (frame: Uint8Array) => flip(frame, frame.length - 40)],
    ['a frame cut off', (frame: Uint8Array) => frame.subarray(0, frame.length >> 1)],
    ['bytes that are no frame', () => new Uint8Array([0xff, 0x00, 0x12])],
    ['an empty frame', () => new Uint8Array(0)],
  ])('%s', async (_case, damage) => {
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    await equal(ada)
    const target = { seq: -1 }
    host.hooks.frame = (frame, seq) => (seq === target.seq ? damage(frame) : frame)
    target.seq = 2
    await host.write(ada, [create('3kaaaaaaaaa2b')])
    await host.write(ben, [create('3kaaaaaaaaa2c')])
    await host.write(ada, [create('3kaaaaaaaaa2d')])
    await equal(ben)
    // What the damaged frame held comes with the next resync, which the gap after it starts.
    await equal(ada)
    expect(reasons().length).toBeGreaterThan(0)
    const letters = await eventually(() => indexer!.status().failures.faults)
    expect(letters).toBeGreaterThan(0)
  })

  test('a commit signed by somebody else', async () => {
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    await equal(ada)
    const own = ada.keypair
    const forged = { ...ada, keypair: createKeypair() }
    await host.write(forged, [create('3kaaaaaaaaa2b')])
    await eventually(() => reasons().includes('signature-invalid'))
    expect(ada.keypair).toBe(own)
    await host.write(ben, [create('3kaaaaaaaaa2c')])
    await equal(ben)
    expect((await indexed(indexer, ada.did)).size).toBe(1)
  })

  test('an event that hides an operation', async () => {
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    await host.write(ada, [create('3kaaaaaaaaa2b'), create('3kaaaaaaaaa2c')], {
      change: (event) => void event.ops.pop(),
    })
    expect(await eventually(() => reasons().includes('inversion-mismatch'))).toBe(true)
    // The repo is read whole instead: what was hidden is there.
    await equal(ada)
  })

  test('an oversize record', async () => {
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    await host.write(ada, [create('3kaaaaaaaaa2b')], {
      change: (event) => void (event.blocks = new Uint8Array(2_000_001)),
    })
    expect(await eventually(() => reasons().includes('blocks-too-big'))).toBe(true)
    await host.write(ben, [create('3kaaaaaaaaa2c')])
    await equal(ben)
  })

  test('an account of another host', async () => {
    await using other = await startHost()
    const eve = await other.createAccount('eve')
    indexer = await startIndexer(host, { plcUrl: other.plcUrl, backfill: false })
    await host.write(eve, [create('3kaaaaaaaaa2a')])
    await eventually(() => reasons().includes('wrong-host'))
    expect(indexer.status().totals.records).toBe(0)
  })
})

describe('exports', () => {
  test.each([
    ['cut off', (car: Uint8Array) => car.subarray(0, car.length - 50)],
    ['with a flipped bit', (car: Uint8Array) => flip(car, car.length - 20)],
    ['that are no CAR', () => new TextEncoder().encode('<html>not found</html>')],
    ['refused for now', () => new XrpcError(503, 'ServiceUnavailable', 'later')],
  ])('%s are refused, tried again, and harm nobody else', async (_case, damage) => {
    await host.write(
      ada,
      Array.from({ length: 20 }, (_, i) => create(`3kaaaaaaaa2${i + 10}`.slice(0, 13))),
      { silent: true },
    )
    host.hooks.exported = (car, did) => (did === ada.did ? damage(car) : car)
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kbbbbbbbbb2b')])
    await host.write(ben, [create('3kbbbbbbbbb2c')])
    await equal(ben)
    await eventually(() => reasons().includes('resync-failed'))
    await eventually(() => indexer!.status().repos.desynchronized === 1)
    // Records that were proved before the fault may be there; none that the repo does not have.
    const there = await host.records(ada)
    for (const [path, cid] of await indexed(indexer, ada.did)) expect(there.get(path)).toBe(cid)
  })

  test('a repo that is gone is not asked for again', async () => {
    await host.write(ada, [create('3kaaaaaaaaa2a')], { silent: true })
    host.hooks.exported = () => new XrpcError(400, 'RepoTakendown', 'gone')
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kaaaaaaaaa2b')])
    const status = await eventually(() => {
      const now = indexer!.status()
      return now.repos.terminal === 1 ? now : null
    })
    expect(status.failures.byReason).toContainEqual(expect.objectContaining({ reason: 'resync-terminal' }))
  })
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const damaged = bytes.slice()
  damaged[at]! ^= 0x08
  return damaged
}
