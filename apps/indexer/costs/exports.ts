// Exports made to be costly: repeats, order, depth, compression.

import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { type CID, cidForCbor } from '@avocet/data'
import type { Random } from '@avocet/testing'
import { type Account, type Accounts, carOf, signTree } from './accounts.ts'
import { shape, sizeOf } from './shapes.ts'

/** Exports of one group: so many, or so many bytes. */
const MAX_EXPORTS = 64
const MAX_BYTES = 1_000_000
const LARGEST = 5_000_000

/** An export as it is served. `size`: of the CAR. `logical`: of its records, each once, and its paths, each written out. */
export type Export = {
  readonly did: string
  readonly body: Uint8Array
  readonly encoding: 'identity' | 'gzip' | 'br'
  readonly size: number
  readonly logical: number
}

/** Makes the exports of a group, each of an account of its own. */
export async function makeExports(accounts: Accounts, random: Random): Promise<Export[]> {
  const exports: Export[] = []
  let bytes = 0
  while (exports.length < MAX_EXPORTS && bytes < MAX_BYTES) {
    const made = await makeExport(accounts.add(), random)
    exports.push(made)
    bytes += made.size
  }
  return exports
}

async function makeExport(account: Account, random: Random): Promise<Export> {
  const blocks = new Map<string, readonly [CID, Uint8Array]>()
  let logical = 0
  const put = (path: string, bytes: Uint8Array, cid: CID): void => {
    account.records.set(path, cid)
    const name = cid.toString()
    logical += path.length + (blocks.has(name) ? 0 : bytes.length)
    blocks.set(name, [cid, bytes])
  }
  const most = random.below(1000) === 0 ? random.pick([1_000_000, LARGEST - 500_000]) : sizeOf(random)
  const kind = random.below(4)
  if (kind === 0) {
    // One record at many keys: a key costs next to nothing.
    const { collection, bytes } = shape(sizeOf(random), random)
    const cid = cidForCbor(bytes)
    const count = Math.min(1 + Math.floor(most / 90), 20_000)
    const prefix = random.below(10) === 0 ? 'k'.repeat(random.pick([50, 400])) : ''
    for (let i = 0; i < count; i++) put(`${collection}/${prefix}${i.toString(36)}`, bytes, cid)
  } else {
    let left = most
    do {
      const size = kind === 1 ? Math.min(left, 16) : Math.min(left, sizeOf(random))
      const { collection, bytes } = shape(size, random)
      put(`${collection}/${random.below(1e9).toString(36)}`, bytes, cidForCbor(bytes))
      left -= bytes.length + 100
    } while (left > 0)
  }
  const signed = await signTree(account)
  const all = [[signed.cid, signed.bytes] as const, ...signed.nodes, ...blocks.values()]
  const dropped = random.below(50) === 0 ? all.toSpliced(random.below(all.length), 1) : all
  const car = carOf(signed.cid, dropped, random.below(3) === 0 ? random : null)
  const cut = random.below(100) === 0 ? car.subarray(0, random.below(car.length)) : car
  const { did } = account
  const about = { did, size: cut.length, logical: logical + 500 }
  switch (random.below(6)) {
    case 0:
      return { ...about, body: gzipSync(cut, { level: 1 }), encoding: 'gzip' }
    case 1: {
      const params = { [constants.BROTLI_PARAM_QUALITY]: 1 }
      return { ...about, body: brotliCompressSync(cut, { params }), encoding: 'br' }
    }
    default:
      return { ...about, body: cut.slice(), encoding: 'identity' }
  }
}
