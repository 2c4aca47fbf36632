import { base32 } from 'multiformats/bases/base32'
import { CID as MultiformatsCid } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import {
  CID,
  cidAt,
  cidEquals,
  cidForCbor,
  cidForRaw,
  cidFromBytes,
  cidFromDigest,
  cidKey,
  formatCid,
  isCid,
  parseCid,
  sha256,
  verifyCid,
} from '../src/index.ts'

const EMPTY_MAP = new Uint8Array([0xa0])
// The CID of the empty map and of no bytes at all, as every IPLD tool prints them.
const EMPTY_MAP_CID = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
const NO_BYTES_RAW_CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

describe('making CIDs', () => {
  test('known values', () => {
    expect(formatCid(cidForCbor(EMPTY_MAP))).toBe(EMPTY_MAP_CID)
    expect(formatCid(cidForRaw(new Uint8Array()))).toBe(NO_BYTES_RAW_CID)
    expect(formatCid(cidFromDigest('dag-cbor', sha256(EMPTY_MAP)))).toBe(EMPTY_MAP_CID)
    expect(() => cidFromDigest('raw', new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'invalid-cid' }),
    )
  })

  test('is the CID of multiformats in every respect', () => {
    const cid = parseCid(EMPTY_MAP_CID)
    const theirs = MultiformatsCid.parse(EMPTY_MAP_CID)
    expect(cid).toBeInstanceOf(CID)
    expect(CID.asCID(cid)).toBe(cid)
    expect(cid.equals(theirs)).toBe(true)
    expect(theirs.equals(cid)).toBe(true)
    expect(cid.code).toBe(theirs.code)
    expect(cid.version).toBe(1)
    expect(cid.multihash.digest).toEqual(theirs.multihash.digest)
    expect(cid.multihash.bytes).toEqual(theirs.multihash.bytes)
    expect(cid.toString()).toBe(EMPTY_MAP_CID)
    expect(cid.toString(base32)).toBe(EMPTY_MAP_CID)
    expect(JSON.stringify(cid)).toBe(JSON.stringify(theirs))
    expect(cid.toV1()).toBe(cid)
    expect(cid.byteLength).toBe(36)
    expect(Object.prototype.toString.call(cid)).toBe('[object CID]')
    expect(cid.link()).toBe(cid)
  })

  test('takes CIDs of multiformats', () => {
    const theirs = MultiformatsCid.createV1(0x71, create(0x12, sha256(EMPTY_MAP)))
    expect(isCid(theirs)).toBe(true)
    expect(formatCid(theirs)).toBe(EMPTY_MAP_CID)
    const other = MultiformatsCid.parse('QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR')
    expect(formatCid(other)).toBe(other.toString())
    expect(isCid(other)).toBe(false)
    expect(cidEquals(theirs, parseCid(EMPTY_MAP_CID))).toBe(true)
    expect(cidKey(theirs)).toBe(cidKey(parseCid(EMPTY_MAP_CID)))
    expect(verifyCid(theirs, EMPTY_MAP)).toBe(true)
  })

  test('text and bytes round trip, as multiformats has them', () => {
    for (let i = 0; i < 2000; i++) {
      const bytes = new Uint8Array([i, i >> 8])
      const cid = i % 2 === 0 ? cidForCbor(bytes) : cidForRaw(bytes)
      const text = formatCid(cid)
      expect(MultiformatsCid.parse(text).bytes).toEqual(cid.bytes)
      expect(parseCid(text).bytes).toEqual(cid.bytes)
      expect(cidEquals(cidFromBytes(cid.bytes), cid)).toBe(true)
      expect(cidEquals(cid, cidForCbor(new Uint8Array(3)))).toBe(false)
      expect(verifyCid(cid, bytes)).toBe(true)
      expect(verifyCid(cid, new Uint8Array([i, i >> 8, 0]))).toBe(false)
    }
  })

  test('cidAt reads from the middle and copies', () => {
    const cid = parseCid(EMPTY_MAP_CID)
    const buffer = new Uint8Array(50)
    buffer.set(cid.bytes, 7)
    const found = cidAt(buffer, 7)!
    expect(cidEquals(found, cid)).toBe(true)
    expect(found.bytes.buffer.byteLength).toBeLessThanOrEqual(36)
    expect(cidAt(buffer, 6)).toBeNull()
    expect(cidAt(buffer.subarray(0, 42), 7)).toBeNull()
    expect(cidAt(buffer, 49)).toBeNull()
  })
})

describe('refusals', () => {
  const whole = parseCid(EMPTY_MAP_CID).bytes
  const broken = (at: number, value: number): Uint8Array => {
    const copy = Uint8Array.from(whole)
    copy[at] = value
    return copy
  }
  test.each([
    ['empty', new Uint8Array()],
    ['short', whole.subarray(0, 35)],
    ['long', new Uint8Array([...whole, 0])],
    ['version 2', broken(0, 2)],
    ['dag-pb', broken(1, 0x70)],
    ['sha-512', broken(2, 0x13)],
    ['short digest', broken(3, 31)],
  ])('bytes: %s', (_name, bytes) => {
    expect(() => cidFromBytes(bytes)).toThrow(
      expect.objectContaining({ name: 'DataError', code: 'invalid-cid' }),
    )
  })

  test.each([
    '',
    'b',
    EMPTY_MAP_CID.toUpperCase(),
    `${EMPTY_MAP_CID} `,
    ` ${EMPTY_MAP_CID}`,
    EMPTY_MAP_CID.slice(0, -1),
    `${EMPTY_MAP_CID}a`,
    // Padding bits that are not zero: a second spelling of the same bytes.
    `${EMPTY_MAP_CID.slice(0, -1)}b`,
    `${EMPTY_MAP_CID.slice(0, -1)}1`,
    `${EMPTY_MAP_CID.slice(0, -1)}\u{e9}`,
    MultiformatsCid.parse(EMPTY_MAP_CID).toV1().toString(base32).replace('bafy', 'bafz'),
    'QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR',
    'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi',
    'zdj7WWeQ43G6JJvLWQWZpyHuAMq6uYWRjkBXFad11vE2LHhQ7',
  ])('text: %s', (text) => {
    expect(() => parseCid(text)).toThrow(expect.objectContaining({ code: 'invalid-cid' }))
  })

  test('what is not a CID', () => {
    for (const value of [
      null,
      undefined,
      1,
      EMPTY_MAP_CID,
      {},
      [],
      whole,
      { bytes: whole },
      { '/': whole },
    ]) {
      expect(isCid(value)).toBe(false)
    }
  })
})

test('sha256 of the published examples', () => {
  const hex = (text: string): string =>
    Array.from(sha256(new TextEncoder().encode(text)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  expect(hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
