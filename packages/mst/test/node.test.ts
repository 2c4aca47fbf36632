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
import { Link } from '../src/link.ts'
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
  const above = keysOf(1, 1, 'b/k')[0]!
  const head = (...bytes: number[]): Uint8Array => Uint8Array.of(0xa2, 0x61, 0x65, ...bytes, 0x61, 0x6c, 0xf6)
  const because = (reason: string): Error =>
    expect.objectContaining({
      code: 'malformed-node',
      message: expect.stringContaining(`malformed tree node: ${reason}; `) as string,
    }) as Error

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
    ['nothing', 'unexpected item', new Uint8Array()],
    ['another map', 'unexpected item', encode({ x: 1 })],
    ['a missing field', 'unexpected item', encode({ e: [] })],
    ['a field too many', 'unexpected item', encode({ e: [], l: null, x: 1 })],
    ['bytes after the end', 'bytes after the end', Buffer.concat([good, Uint8Array.of(0)])],
    ['a cut', 'not a link that may stand here', good.subarray(0, good.length - 1)],
    ['keys out of order', 'keys not in order', node([entry(b), entry(...rest(a, b))])],
    ['the same key twice', 'keys not in order', node([entry(a), entry('', a.length)])],
    ['a prefix shorter than shared', 'prefix length is not the shared length', node([entry(a), entry(b, 0)])],
    [
      'a prefix longer than the key before',
      'prefix longer than the key before',
      node([entry(a), entry('x', a.length + 1)]),
    ],
    ['a first key with a prefix', 'prefix longer than the key before', node([entry(a.slice(1), 1)])],
    [
      'a key of another layer',
      'key of layer 1 in a node of layer 0',
      node([entry(a), entry(...rest(above, a))]),
    ],
    ['a key with a zero', 'invalid key', node([entry('a/b\0')])],
    ['a key cut short', 'cut short', head(0x81, 0xa4, 0x61, 0x6b, 0x58, 0x80, ...new Uint8Array(60))],
    ['a number of two bytes not in shortest form', 'number not in shortest form', head(0x99, 0x00, 0xff)],
    [
      'a number of four bytes not in shortest form',
      'number not in shortest form',
      head(0x9a, 0, 0, 0xff, 0xff),
    ],
    ['a number of eight bytes', 'unexpected item', head(0x9b, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['one entry more than there can be', 'more entries than bytes', head(0x81, ...new Uint8Array(42))],
    ['another letter for k', 'unexpected item', Buffer.from(good).fill(0x6c, 6, 7)],
    ['another letter for p', 'unexpected item', Buffer.from(good).fill(0x71, 9 + a.length, 10 + a.length)],
    ['another letter for t', 'unexpected item', Buffer.from(good).fill(0x75, 12 + a.length, 13 + a.length)],
    ['another letter for v', 'unexpected item', Buffer.from(good).fill(0x77, 15 + a.length, 16 + a.length)],
    [
      'another letter for l',
      'unexpected item',
      Buffer.from(good).fill(0x6d, good.length - 2, good.length - 1),
    ],
    ['a key without a slash', 'invalid key', node([entry('abc')])],
    ['a key with two slashes', 'invalid key', node([entry('a/b/c')])],
    ['a key that ends with its slash', 'invalid key', node([entry('ab/')])],
    ['a key that begins with its slash', 'invalid key', node([entry('/ab')])],
    ['a key beyond ASCII', 'invalid key', node([entry('a/é')])],
    ['a key with a space', 'invalid key', node([entry('a/b c')])],
    ['a key too long', 'key too long', node([entry(`a/${'x'.repeat(1023)}`)])],
    [
      'a number not in shortest form',
      'number not in shortest form',
      Uint8Array.of(0xa2, 0x61, 0x65, 0x98, 0x00, 0x61, 0x6c, 0xf6),
    ],
    ['an endless array', 'unexpected item', Uint8Array.of(0xa2, 0x61, 0x65, 0x9f, 0xff, 0x61, 0x6c, 0xf6)],
    [
      'a count beyond the bytes',
      'more entries than bytes',
      Uint8Array.of(0xa2, 0x61, 0x65, 0x9a, 0xff, 0xff, 0xff, 0xff, 0x61, 0x6c, 0xf6),
    ],
    ['a subtree of layer 0', 'subtree below layer 0', node([entry(a, 0, value)])],
    [
      'a subtree that is a raw block',
      'not a link that may stand here',
      node([entry(up, 0, cidForRaw(ascii('x')))]),
    ],
    [
      'a value that is no link',
      'not a link that may stand here',
      encode({ e: [{ ...entry(a), v: 'x'.repeat(40) }], l: null }),
    ],
    ['text for bytes', 'unexpected item', encode({ e: [{ ...entry(a), k: a }], l: null })],
  ])('refuses %s: %s', (_, reason, bytes) => {
    const cid = cidForRaw(bytes)
    expect(() => decodeNode(bytes, null, cid)).toThrow(
      expect.objectContaining({
        code: 'malformed-node',
        cid,
        message: expect.stringMatching(
          new RegExp(`^malformed tree node: ${reason}; offset=\\d+ cid=${formatCid(cid)}$`),
        ) as string,
      }),
    )
  })

  it('refuses a link whose head or CID has any other byte', () => {
    const bytes = node([entry(a)])
    // d8 2a 58 25 00, then 01 71 12 20: tag 42, 37 bytes, CIDv1, dag-cbor, sha-256.
    const at = bytes.length - 3 - 41
    expect([...bytes.subarray(at, at + 9)]).toEqual([0xd8, 0x2a, 0x58, 0x25, 0, 1, 0x71, 0x12, 0x20])
    for (let i = 0; i < 9; i++) {
      const changed = Uint8Array.from(bytes)
      changed[at + i]! ^= 1
      expect(() => decodeNode(changed, null), `byte ${i}`).toThrow(because('not a link that may stand here'))
    }
    const cut = encode({ e: [{ ...entry(a) }], l: value }).subarray(0, -1)
    expect(() => decodeNode(cut, null)).toThrow(because('not a link that may stand here'))
  })

  it('takes keys of 1024 characters and of three, and none longer or shorter', () => {
    for (const long of ['a/b', `a/${'x'.repeat(1022)}`]) {
      expect(decodeNode(node([entry(long)]), null).keys).toEqual([long])
    }
    const before = `a/${'x'.repeat(1020)}`
    const shared = (tail: string): Uint8Array => node([entry(before), { ...entry(tail), p: before.length }])
    expect(() => decodeNode(shared('yyy'), null)).toThrow(because('key too long'))
    for (const tail of ['y', 'yy'].filter((end) => keyLayer(before + end) === keyLayer(before))) {
      expect(decodeNode(shared(tail), null).keys).toHaveLength(2)
    }
  })

  it('takes a key whose slash is the first character that differs', () => {
    const layer = (key: string): boolean => keyLayer(key) === 0
    const first = Array.from({ length: 20 }, (_, i) => `ab/${i}`).find(layer)!
    const second = Array.from({ length: 20 }, (_, i) => `abc/${i}`).find(layer)!
    expect(decodeNode(node([entry(first), entry(...rest(second, first))]), 0).keys).toEqual([first, second])
  })

  it('takes a node of 1 000 000 bytes, and none of one more', () => {
    const keys: string[] = []
    for (let i = 1000; keys.length < 1100; i++) {
      const key = `a/${i}${'x'.repeat(900)}`
      if (keyLayer(key) === 0) keys.push(key)
    }
    const write = (list: readonly string[]): Uint8Array =>
      encodeNode(
        list,
        list.map(() => Link.of(value)),
        [null, ...list.map(() => null)],
      )
    const each = (write(keys.slice(0, 1000)).length - write(keys.slice(0, 100)).length) / 900
    const sized = (size: number): Uint8Array => {
      const list = keys.slice(0, Math.floor((size - 600) / each))
      const missing = size - write(list).length
      // A last key of the length that is missing, varied until it is of the layer.
      for (let i = 1000; ; i++) {
        const key = `b/${i}${'y'.repeat(missing - 61)}`
        const bytes = write([...list, key])
        if (bytes.length !== size) throw new Error(`size is ${bytes.length}`)
        if (keyLayer(key) === 0) return bytes
      }
    }
    expect(decodeNode(sized(1_000_000), 0).layer).toBe(0)
    const larger = new Uint8Array(1_000_001)
    larger.set(sized(1_000_000))
    expect(() => decodeNode(larger, 0)).toThrow(because('1000001 bytes'))
    // And none is written that could not be read.
    expect(() => sized(1_000_001)).toThrow(expect.objectContaining({ code: 'node-too-large' }))
  })

  it('refuses what does not fit its place', () => {
    expect(() => decodeNode(good, 1)).toThrow(because('key of layer 0 in a node of layer 1'))
    expect(() => decodeNode(node([]), 1)).toThrow(because('empty node'))
    expect(() => decodeNode(node([], value), null)).toThrow(because('root without entries'))
    expect(() => decodeNode(node([], value), 0)).toThrow(because('subtree below layer 0'))
    expect(() => decodeNode(good, 0, undefined, a)).toThrow(because('keys outside the place in the tree'))
    expect(() => decodeNode(good, 0, undefined, '', c)).toThrow(because('keys outside the place in the tree'))
    expect(decodeNode(good, 0, undefined, 'a/', 'b').keys).toEqual([a, b, c])
    expect(decodeNode(good, 0, undefined, a.slice(0, -1), `${c}0`).keys).toEqual([a, b, c])
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
