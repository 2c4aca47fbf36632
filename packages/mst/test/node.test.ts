import { createHash } from 'node:crypto'
import { encode } from '@avocet/cbor'
import { type CID, cidForCbor, cidForRaw, type DataValue, formatCid } from '@avocet/data'
import { createRandom, fuzzRounds, mutate } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { MstError } from '../src/error.ts'
import { isValidKey } from '../src/key.ts'
import { createLayerHasher, keyLayer } from '../src/layer.ts'
import { decodeNode, encodeNode } from '../src/node.ts'
import type { Link } from '../src/link.ts'
import { loadTree } from '../src/tree.ts'

const value = cidForCbor(encode({}))
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Keys of one layer, in order. */
function keysOf(layer: number, count: number, prefix = 'a/k'): string[] {
  const keys: string[] = []
  for (let i = 1000; keys.length < count; i++)
    if (keyLayer(`${prefix}${i}`) === layer) keys.push(`${prefix}${i}`)
  return keys
}
type Entry = { k: Uint8Array; p: number; t: CID | null; v: CID }
function entry(k: string, p = 0, t: CID | null = null, v: CID = value): Entry {
  return { k: ascii(k), p, t, v }
}
function node(e: DataValue, l: DataValue = null): Uint8Array {
  return encode({ e, l })
}
const rest = (key: string, before: string): [string, number] => {
  let p = 0
  while (key[p] === before[p]) p++
  return [key.slice(p), p]
}

describe('keyLayer', () => {
  it('counts the leading zero bit-pairs of SHA-256', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 300 }), (key) => {
        const digest = createHash('sha256').update(key).digest()
        let zeros = 0
        while (zeros < 256 && ((digest[zeros >> 3]! >> (7 - (zeros & 7))) & 1) === 0) zeros++
        expect(keyLayer(key)).toBe(zeros >> 1)
      }),
      { numRuns: 500 },
    )
    for (let length = 0; length <= 1024; length++) {
      const key = 'k'.repeat(length)
      const digest = createHash('sha256').update(key).digest()
      expect(keyLayer(key)).toBe(Math.clz32(digest.readUInt32BE(0)) >> 1)
    }
  })

  it('goes on from a shared prefix as if hashing anew', () => {
    const hasher = createLayerHasher()
    const bytes = new Uint8Array(1024 + 128)
    let before = ''
    for (const length of [10, 63, 64, 65, 127, 128, 129, 200, 600, 1000]) {
      for (const tail of ['', 'x', 'yy'.repeat(10)]) {
        const key = 'p'.repeat(length - 5) + tail
        let shared = 0
        while (shared < key.length && key[shared] === before[shared]) shared++
        bytes.set(ascii(key))
        expect(hasher.layer(bytes, key.length, shared)).toBe(keyLayer(key))
        before = key
      }
    }
  })
})

describe('decodeNode', () => {
  const [a, b, c] = keysOf(0, 3) as [string, string, string]
  const [up] = keysOf(1, 1) as [string]

  it('reads what encodeNode writes, for nodes of any tree', () => {
    const many = Array.from({ length: 3000 }, (_, i): [string, CID] => [
      `a.b.c/k${String(i * 7).padStart(6, '0')}`,
      value,
    ])
    let count = 0
    for (const [cid, bytes] of buildTree(many).blocks) {
      for (let layer = 0; layer < 10; layer++) {
        let read
        try {
          read = decodeNode(bytes, layer, cid)
        } catch {
          continue
        }
        count++
        expect(
          Buffer.from(encodeNode(read.keys, read.values, read.children as (Link | null)[])).equals(bytes),
        ).toBe(true)
        break
      }
    }
    expect(count).toBe(buildTree(many).blocks.size)
  })

  it('reads a raw CID as a value, an empty root, and a node between layers', () => {
    expect(decodeNode(node([entry(a, 0, null, cidForRaw(ascii('x')))]), 0).values).toHaveLength(1)
    expect(decodeNode(node([]), null).keys).toEqual([])
    expect(decodeNode(node([], value), 3).children).toHaveLength(1)
  })

  const good = node([entry(a), entry(...rest(b, a)), entry(...rest(c, b))])
  it.each([
    ['nothing', new Uint8Array()],
    ['another map', encode({ x: 1 })],
    ['a missing field', encode({ e: [] })],
    ['a field too many', encode({ e: [], l: null, x: 1 })],
    ['bytes after the end', Buffer.concat([good, Uint8Array.of(0)])],
    ['a cut', good.subarray(0, good.length - 1)],
    ['keys out of order', node([entry(b), entry(...rest(a, b))])],
    ['the same key twice', node([entry(a), entry('', a.length)])],
    ['a prefix shorter than shared', node([entry(a), entry(b, 0)])],
    ['a prefix longer than the key before', node([entry(a), entry('x', a.length + 1)])],
    ['a first key with a prefix', node([entry(a.slice(1), 1)])],
    ['a key of another layer', node([entry(a), entry(...rest(up, a))].toSorted(() => (a < up ? 1 : -1)))],
    ['a key without a slash', node([entry('abc')])],
    ['a key with two slashes', node([entry('a/b/c')])],
    ['a key that ends with its slash', node([entry('ab/')])],
    ['a key that begins with its slash', node([entry('/ab')])],
    ['a key beyond ASCII', node([entry('a/é')])],
    ['a key with a space', node([entry('a/b c')])],
    ['a key too long', node([entry(`a/${'x'.repeat(1023)}`)])],
    ['a number not in shortest form', Uint8Array.of(0xa2, 0x61, 0x65, 0x98, 0x00, 0x61, 0x6c, 0xf6)],
    ['an endless array', Uint8Array.of(0xa2, 0x61, 0x65, 0x9f, 0xff, 0x61, 0x6c, 0xf6)],
    [
      'a count beyond the bytes',
      Uint8Array.of(0xa2, 0x61, 0x65, 0x9a, 0xff, 0xff, 0xff, 0xff, 0x61, 0x6c, 0xf6),
    ],
    ['a subtree of layer 0', node([entry(a, 0, value)])],
    ['a subtree that is a raw block', node([entry(up, 0, cidForRaw(ascii('x')))])],
    ['a value that is no link', encode({ e: [{ ...entry(a), v: 'x' }], l: null })],
    ['text for bytes', encode({ e: [{ ...entry(a), k: a }], l: null })],
    ['more bytes than allowed', new Uint8Array(1_000_001)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeNode(bytes, null)).toThrow(expect.objectContaining({ code: 'malformed-node' }))
  })

  it('refuses what does not fit its place', () => {
    const malformed = expect.objectContaining({ code: 'malformed-node' }) as unknown
    expect(() => decodeNode(good, 1)).toThrow(malformed as Error)
    expect(() => decodeNode(node([]), 1)).toThrow(malformed as Error)
    expect(() => decodeNode(node([], value), null)).toThrow(malformed as Error)
    expect(() => decodeNode(good, 0, undefined, a)).toThrow(malformed as Error)
    expect(() => decodeNode(good, 0, undefined, '', c)).toThrow(malformed as Error)
    expect(decodeNode(good, 0, undefined, 'a/', 'b').keys).toEqual([a, b, c])
  })

  it('throws nothing but its own error on mutated nodes, and accepts only canonical ones', () => {
    const random = createRandom(7)
    const nodes = [
      ...buildTree(
        keysOf(0, 40)
          .concat(keysOf(1, 9))
          .toSorted()
          .map((k) => [k, value] as const),
      ).blocks.values(),
    ]
    let accepted = 0
    for (let round = 0; round < fuzzRounds(5000, 300_000); round++) {
      const bytes = mutate(random, nodes[round % nodes.length]!, nodes)
      try {
        const read = decodeNode(bytes, round % 3 === 0 ? null : 0)
        accepted++
        expect(
          Buffer.from(encodeNode(read.keys, read.values, read.children as (Link | null)[])).equals(bytes),
        ).toBe(true)
        expect(read.keys.every(isValidKey)).toBe(true)
      } catch (error) {
        if (!(error instanceof MstError)) throw error
        expect(error.code).toBe('malformed-node')
      }
    }
    expect(accepted).toBeGreaterThan(0)
  }, 120_000)
})

describe('a hostile tree', () => {
  it('that hangs one subtree in many places is refused, not walked over and over', () => {
    const low = keysOf(0, 3, 'b/k')
    const leaf = node(low.map((k, i) => (i === 0 ? entry(k) : entry(...rest(k, low[i - 1]!)))))
    const leafCid = cidForCbor(leaf)
    const blocks = new Map([[formatCid(leafCid), leaf]])
    let below = leafCid
    // Each layer points three times at the one below: 3^8 leaves if nobody looked at where they hang.
    for (let layer = 1; layer <= 5; layer++) {
      const keys = keysOf(layer, 2, 'b/z')
      const bytes = node([entry(keys[0]!, 0, below), entry(...rest(keys[1]!, keys[0]!), below)], below)
      below = cidForCbor(bytes)
      blocks.set(formatCid(below), bytes)
    }
    let reads = 0
    const tree = loadTree(below, {
      get: (cid) => {
        reads++
        return blocks.get(formatCid(cid))
      },
    })
    expect(() => [...tree.entries()]).toThrow(expect.objectContaining({ code: 'malformed-node' }))
    expect(reads).toBeLessThan(20)
  })

  it('of long keys costs no more than its bytes', () => {
    const prefix = `a/${'p'.repeat(990)}`
    const keys = Array.from({ length: 12_000 }, (_, i) => prefix + String(i).padStart(6, '0')).filter(
      (k) => keyLayer(k) === 0,
    )
    const bytes = node(
      keys.slice(0, 8000).map((k, i) => (i === 0 ? entry(k) : entry(...rest(k, keys[i - 1]!)))),
    )
    expect(bytes.length).toBeLessThan(1_000_000)
    const start = performance.now()
    expect(decodeNode(bytes, 0).keys).toHaveLength(8000)
    // About 30 ms; hashing each key from its start would take ten times that.
    expect(performance.now() - start).toBeLessThan(1500)
  })
})
