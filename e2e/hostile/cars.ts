// CAR files by hand: every byte of a header, of a length, of a block is the attacker's.
import { createHash } from 'node:crypto'

import { encode } from '@avocet/cbor'
import { cidForCbor, type CID, type DataValue } from '@avocet/data'
import { createTidClock } from '@avocet/syntax'

/** A block, named by its hash unless told otherwise. */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** A block of a value, or of bytes that need be none. */
export function block(value: DataValue | { raw: Uint8Array }): Block {
  const bytes = isRaw(value) ? value.raw : encode(value)
  return { cid: cidForCbor(bytes), bytes }
}
const isRaw = (value: DataValue | { raw: Uint8Array }): value is { raw: Uint8Array } =>
  typeof value === 'object' && value !== null && 'raw' in value && value.raw instanceof Uint8Array

/** An unsigned LEB128 number. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}

/** A section: its length, then what is in it. */
export const section = (...parts: Uint8Array[]): Buffer => {
  const all = Buffer.concat(parts)
  return Buffer.concat([varint(all.length), all])
}
export const header = (roots: readonly CID[]): Buffer => section(encode({ version: 1, roots: [...roots] }))
export const sectionOf = ({ cid, bytes }: Block): Buffer => section(cid.bytes, bytes)
export const car = (root: CID, blocks: readonly Block[]): Buffer =>
  Buffer.concat([header([root]), ...blocks.map(sectionOf)])

const clock = createTidClock()

/** A commit over a tree; nobody checks its signature in an archive that moves. */
export const commit = (did: string, data: CID | null, change: object = {}): Block =>
  block({
    did,
    version: 3,
    data,
    rev: clock.next(),
    prev: null,
    sig: new Uint8Array(64),
    ...change,
  } as DataValue)

/** An entry of a node. */
export const entry = (key: string | Uint8Array, v: CID, p: number = 0, t: CID | null = null): DataValue =>
  ({ p, k: typeof key === 'string' ? new Uint8Array(Buffer.from(key)) : key, v, t }) as DataValue
export const node = (entries: readonly DataValue[], l: CID | null = null): Block =>
  block({ l, e: [...entries] } as DataValue)

/** https://atproto.com/specs/repository#mst-structure: two zero bits of a key's hash a layer. */
function layerOf(key: string): number {
  const hash = createHash('sha256').update(key).digest()
  let zeros = 0
  for (const byte of hash) {
    zeros += Math.clz32(byte) - 24
    if (byte !== 0) break
  }
  return zeros >> 1
}

/** Keys of one layer, in order. */
export function keysOf(layer: number, count: number): string[] {
  const found: string[] = []
  for (let i = 0; found.length < count; i++) {
    const key = `com.example.thing/${i.toString(36).padStart(6, '0')}`
    if (layerOf(key) === layer) found.push(key)
  }
  return found
}
