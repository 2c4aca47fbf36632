import { describe, expect, test } from 'vitest'
import {
  formatCid,
  CidMap,
  cidForCbor,
  cidFromBytes,
  equals,
  findBlobCids,
  findBlobs,
  isBlobRef,
  isLegacyBlobRef,
  parseCid,
  type CID,
  type DataValue,
} from '../src/index.ts'

const RAW = parseCid('bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity')
const CBOR = parseCid('bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a')
const blob = { $type: 'blob' as const, ref: RAW, mimeType: 'image/png', size: 3 }

describe('equals', () => {
  test.each<[DataValue, DataValue, boolean]>([
    [1, 1, true],
    [1, 2, false],
    [null, null, true],
    [null, {}, false],
    [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: null }, JSON.parse('{"__proto__":null}') as DataValue, false],
    [[1, 2], [2, 1], false],
    [[1], [1, 1], false],
    [[], {}, false],
    [{}, [], false],
    [new Uint8Array([1]), new Uint8Array([1]), true],
    [new Uint8Array([1]), new Uint8Array([2]), false],
    [new Uint8Array([1]), new Uint8Array([1, 1]), false],
    [new Uint8Array([1]), [1], false],
    [[1], new Uint8Array([1]), false],
    [RAW, parseCid(RAW.toString()), true],
    [RAW, CBOR, false],
    [RAW, RAW.bytes, false],
    [{}, RAW, false],
    [RAW, {}, false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(equals(a, b)).toBe(expected)
  })

  test('is bounded', () => {
    let a: DataValue = 1
    let b: DataValue = 1
    for (let i = 0; i < 300; i++) [a, b] = [[a], [b]]
    expect(() => equals(a, b)).toThrow(expect.objectContaining({ code: 'too-deep' }))
  })
})

describe('blobs', () => {
  test('isBlobRef', () => {
    expect(isBlobRef(blob)).toBe(true)
    for (const value of [
      null,
      'blob',
      { ...blob, size: 1.5 },
      { ...blob, size: '3' },
      { ...blob, extra: 1 },
      { ...blob, ref: RAW.toString() },
      { ref: RAW, mimeType: 'image/png', size: 3 },
    ]) {
      expect(isBlobRef(value)).toBe(false)
    }
  })

  test('isLegacyBlobRef', () => {
    expect(isLegacyBlobRef({ cid: RAW.toString(), mimeType: 'image/png' })).toBe(true)
    for (const value of [
      null,
      {},
      { cid: 'x', mimeType: 'image/png' },
      { cid: RAW.toString(), mimeType: '' },
      { cid: RAW, mimeType: 'image/png' },
      { cid: RAW.toString(), mimeType: 'image/png', size: 1 },
    ]) {
      expect(isLegacyBlobRef(value)).toBe(false)
    }
  })

  test('findBlobCids finds what records of the network hold, typed or not', () => {
    const legacy = { cid: formatCid(RAW), mimeType: 'image/png' }
    const odd = [
      legacy,
      { $type: 'blob', ref: RAW, mimeType: 'image/png', size: -1 },
      { $type: 'blob', ref: RAW, mimeType: 'image/png', size: 3, alt: 'more' },
      { $type: 'blob', ref: RAW, mimeType: '' },
    ]
    for (const value of odd)
      expect(findBlobCids({ a: [{ b: value }] }).map(formatCid)).toEqual([formatCid(RAW)])
    const none = [
      { ...legacy, size: 3 },
      { cid: 'nonsense', mimeType: 'image/png' },
      { $type: 'blob', ref: formatCid(RAW) },
      RAW,
    ]
    for (const value of none) expect(findBlobCids({ a: [{ b: value }] })).toEqual([])
    expect(() => findBlobCids(JSON.parse('['.repeat(9000) + ']'.repeat(9000)))).toThrow(
      expect.objectContaining({ code: 'too-deep' }),
    )
  })

  test('findBlobs walks everything once, in order', () => {
    const second = { ...blob, size: 4 }
    expect(findBlobs({ a: [1, { b: blob }], c: second, d: RAW, e: new Uint8Array(2), f: null })).toEqual([
      blob,
      second,
    ])
    expect(findBlobs(blob)).toEqual([blob])
    let deep: DataValue = blob
    for (let i = 0; i < 300; i++) deep = [deep]
    expect(() => findBlobs(deep)).toThrow(expect.objectContaining({ code: 'too-deep' }))
  })
})

describe('CidMap', () => {
  test('is keyed by value and keeps the order of insertion', () => {
    const map = new CidMap<number>([[RAW, 1]])
    expect(map.set(CBOR, 2)).toBe(map)
    expect(map.get(parseCid(RAW.toString()))).toBe(1)
    expect(map.has(cidForCbor(new Uint8Array([0])))).toBe(false)
    expect(map.size).toBe(2)
    map.set(parseCid(RAW.toString()), 3)
    expect([...map].map(([cid, value]) => [cid.toString(), value])).toEqual([
      [RAW.toString(), 3],
      [CBOR.toString(), 2],
    ])
    expect([...map.keys()].map(String)).toEqual([RAW, CBOR].map(String))
    expect([...map.values()]).toEqual([3, 2])
    expect(map.delete(RAW)).toBe(true)
    expect(map.delete(RAW)).toBe(false)
    expect(map.get(RAW)).toBeUndefined()
    map.clear()
    expect(map.size).toBe(0)
  })

  test('can be emptied while it is walked, and filled again', () => {
    const cids = Array.from({ length: 100 }, (_, i) => cidForCbor(new Uint8Array([i])))
    const map = new CidMap(cids.map((cid, i) => [cid, i] as const))
    for (const cid of map.keys()) map.delete(cid)
    expect(map.size).toBe(0)
    expect([...map]).toEqual([])
    for (let round = 0; round < 50; round++) {
      for (const [i, cid] of cids.entries()) map.set(cid, i + round)
      for (const cid of cids.slice(5)) expect(map.delete(cid)).toBe(true)
      expect(map.size).toBe(5)
    }
    expect([...map.values()]).toEqual([49, 50, 51, 52, 53])
  })

  test('CIDs that differ in their last byte alone are told apart', () => {
    const bytes = cidForCbor(new Uint8Array([1])).bytes
    const cids = Array.from({ length: 256 }, (_, i) => cidFromBytes(Uint8Array.from(bytes).with(35, i)))
    const map = new CidMap(cids.map((cid, i) => [cid, i] as const))
    expect(map.size).toBe(256)
    for (const [i, cid] of cids.entries()) expect(map.get(cid)).toBe(i)
  })

  test('behaves as a Map over many random operations', () => {
    const map = new CidMap<number>()
    const model = new Map<string, number>()
    const cids: CID[] = Array.from({ length: 300 }, (_, i) => cidForCbor(new Uint8Array([i, i >> 8])))
    let state = 1
    for (let step = 0; step < 20_000; step++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      const cid = cids.at((state >>> 8) % cids.length)!
      const key = cid.toString()
      const removes = state % 3 === 0
      const outcome = removes ? map.delete(cid) : map.set(cid, step).size
      const expected = removes ? model.delete(key) : model.set(key, step).size
      expect(outcome).toBe(expected)
    }
    expect([...map].map(([cid, value]) => [cid.toString(), value])).toEqual([...model])
    for (const cid of cids) expect(map.get(cid)).toBe(model.get(cid.toString()))
  })
})
