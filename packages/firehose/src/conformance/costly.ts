// Content that is right by every rule and expands: few bytes on the wire, many in memory, on disk or in time.

import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject } from '@avocet/data'
import { type Account, carOf, type World } from './world.ts'
import { treeWith } from './forge.ts'

/** The bytes of a record: `{"": <value>}`, so that any value can be one without being built in memory. */
export function wrap(value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(value.length + 2)
  bytes.set([0xa1, 0x60])
  bytes.set(value, 2)
  return bytes
}

/** A list that holds `count` times the same encoded value. */
export function listOf(count: number, item: Uint8Array): Uint8Array {
  const head = header(4, count)
  const bytes = new Uint8Array(head.length + count * item.length)
  bytes.set(head)
  for (let i = 0, at = head.length; i < count; i++, at += item.length) bytes.set(item, at)
  return bytes
}

/** A text of `length` times the same ASCII character. */
export function textOf(length: number, code: number): Uint8Array {
  const head = header(3, length)
  const bytes = new Uint8Array(head.length + length).fill(code)
  bytes.set(head)
  return bytes
}

/** A map of `count` keys of five bytes each. */
export function mapOf(count: number): Uint8Array {
  const head = header(5, count)
  const bytes = new Uint8Array(head.length + count * 7)
  bytes.set(head)
  for (let i = 0, at = head.length; i < count; i++) {
    bytes[at++] = 0x65
    for (let digit = 10_000; digit >= 1; digit /= 10) bytes[at++] = 0x30 + (Math.floor(i / digit) % 10)
    bytes[at++] = 0
  }
  return bytes
}

/** Lists in lists, `depth` deep. */
export function nested(depth: number): Uint8Array {
  const bytes = new Uint8Array(depth).fill(0x81)
  bytes[depth - 1] = 0x80
  return bytes
}

/** Initial byte and argument of a value. https://www.rfc-editor.org/rfc/rfc8949#section-3 */
function header(major: number, count: number): Uint8Array {
  const first = major << 5
  if (count < 24) return Uint8Array.of(first | count)
  if (count < 0x100) return Uint8Array.of(first | 24, count)
  if (count < 0x1_0000) return Uint8Array.of(first | 25, count >> 8, count)
  return Uint8Array.of(first | 26, count >>> 24, count >> 16, count >> 8, count)
}

/** One create: where, and the encoded record. */
export type CostlyWrite = { readonly path: string; readonly bytes: Uint8Array }

/** One encoded record at many paths of a collection. */
export function repeated(count: number, bytes: Uint8Array, collection = 'com.example.costly'): CostlyWrite[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `${collection}/k${String(i).padStart(4, '0')}`,
    bytes,
  }))
}

/** The first commit of an account, signed and whole, of records given as bytes: each block goes into it once. */
export async function costlyCommit(
  world: World,
  account: Account,
  writes: readonly CostlyWrite[],
  /** Blocks that nothing points to. */
  extra: readonly Uint8Array[] = [],
): Promise<DataObject> {
  const cids = new Map(
    [...new Set(writes.map(({ bytes }) => bytes))].map((bytes) => [bytes, cidForCbor(bytes)]),
  )
  const ops = writes.map(({ path, bytes }) => ({ path, cid: cids.get(bytes)! }))
  const tree = treeWith(
    account,
    ops.map(({ path, cid }) => [path, cid] as const),
  )
  const rev = world.nextRev()
  const { did } = account
  const signed = await world.sign({ did, version: 3, data: tree.root, rev, prev: null }, account.keypair)
  const blocks = [
    [signed.cid, signed.bytes] as const,
    ...tree.blocks,
    ...[...cids].map(([bytes, cid]) => [cid, bytes] as const),
    ...extra.map((bytes) => [cidForCbor(bytes), bytes] as const),
  ]
  return {
    rebase: false,
    tooBig: false,
    repo: did,
    commit: signed.cid,
    rev,
    since: null,
    blocks: carOf(signed.cid, blocks),
    ops: ops.map(({ path, cid }) => ({ action: 'create', path, cid })),
    blobs: [],
    time: world.time(),
  }
}

/** A post whose text and facets are as large as a record may be, in the form that its lexicon describes. */
export function largePost(facets: number): Uint8Array {
  const facet = {
    index: { byteStart: 0, byteEnd: 1 },
    features: [{ $type: 'app.bsky.richtext.facet#mention', did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' }],
  }
  return encode({
    $type: 'app.bsky.feed.post',
    text: '\u0301'.repeat(100_000),
    facets: Array.from({ length: facets }, () => facet),
    createdAt: '2026-01-01T00:00:00.000Z',
  }).slice()
}
