// Numbers and lengths at their edges, where a backend would refuse too and so hide what this package lets through.
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { createRandom, fromHex, toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { decodeBase58, encodeBase58 } from '../src/base58.ts'
import { isPrivateKey } from '../src/curve.ts'
import { fromDer, toDer } from '../src/der.ts'
import * as noble from '../src/ecdsa-noble.ts'
import {
  CryptoError,
  createKeypair,
  formatDidKey,
  importKeypair,
  isCanonicalSignature,
  parseDidKey,
  parseMultikey,
  parseVerificationMethod,
  toLowS,
  verifySignature,
  type Curve,
} from '../src/index.ts'

const points = { k256: secp256k1.Point, p256: p256.Point }
const inNode = typeof process === 'object' && process.versions?.node !== undefined
const openssl = inNode ? await import('../src/ecdsa-node.ts') : null

const curves: [Curve, bigint][] = [
  ['k256', 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n],
  ['p256', 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n],
]
const MAX = 2n ** 256n - 1n
const number = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'))
const signature = (r: bigint, s: bigint): Uint8Array => Uint8Array.from([...number(r), ...number(s)])

describe.each(curves)('%s', (curve, n) => {
  const half = (n - 1n) / 2n

  test('r of a signature is 1 to n - 1', () => {
    for (const r of [1n, 2n, half, half + 1n, n - 2n, n - 1n]) {
      expect(isCanonicalSignature(curve, signature(r, 1n)), String(r)).toBe(true)
    }
    for (const r of [0n, n, n + 1n, MAX]) {
      expect(isCanonicalSignature(curve, signature(r, 1n)), String(r)).toBe(false)
    }
  })

  test('s of a signature is 1 to (n - 1) / 2', () => {
    for (const s of [1n, 2n, half - 1n, half]) {
      expect(isCanonicalSignature(curve, signature(1n, s)), String(s)).toBe(true)
    }
    for (const s of [0n, half + 1n, n - 1n, n, n + 1n, MAX]) {
      expect(isCanonicalSignature(curve, signature(1n, s)), String(s)).toBe(false)
    }
  })

  test('a signature has 64 bytes', () => {
    const good = signature(1n, 1n)
    expect(isCanonicalSignature(curve, good.subarray(0, 63))).toBe(false)
    expect(isCanonicalSignature(curve, Uint8Array.from([...good, 0]))).toBe(false)
    expect(isCanonicalSignature(curve, new Uint8Array())).toBe(false)
  })

  test('a private key is 1 to n - 1 in 32 bytes', () => {
    for (const key of [1n, 255n, 256n, half, n - 2n, n - 1n]) {
      expect(isPrivateKey(curve, number(key)), String(key)).toBe(true)
      expect(toHex(importKeypair(curve, number(key)).exportPrivateKey())).toBe(toHex(number(key)))
    }
    for (const key of [0n, n, n + 1n, MAX]) expect(isPrivateKey(curve, number(key)), String(key)).toBe(false)
    expect(isPrivateKey(curve, number(1n).subarray(1))).toBe(false)
    expect(isPrivateKey(curve, Uint8Array.from([0, ...number(1n)]))).toBe(false)
  })

  test('toLowS takes s from n where it is high, and r as it is', () => {
    const random = createRandom(11)
    const values = [1n, half, half + 1n, half + 2n, n - 1n, n - 256n, n - 2n ** 128n]
    for (let i = 0; i < 300; i++) {
      // Runs of zeros and ones, so that a borrow goes through several bytes.
      const bytes = random.bytes(32).map((byte) => (byte < 80 ? 0 : byte < 160 ? 255 : byte))
      values.push((BigInt(`0x${toHex(bytes)}`) % (n - 1n)) + 1n)
    }
    for (const s of values) {
      const r = n - s
      expect(toHex(toLowS(curve, signature(r, s)))).toBe(toHex(signature(r, s > half ? n - s : s)))
    }
  })

  test('a keypair keeps a copy of its bytes', async () => {
    const bytes = createKeypair(curve).exportPrivateKey()
    const before = toHex(bytes)
    const keypair = importKeypair(curve, bytes)
    bytes.fill(0)
    expect(toHex(keypair.exportPrivateKey())).toBe(before)
    const message = Uint8Array.of(1, 2, 3)
    expect(verifySignature(keypair.publicKey, message, await keypair.sign(message))).toBe(true)
  })

  test('the two early forms of a point are one key', async () => {
    const type = curve === 'k256' ? 'EcdsaSecp256k1VerificationKey2019' : 'EcdsaSecp256r1VerificationKey2019'
    const lasts = new Set<number>()
    for (let i = 0; i < 12; i++) {
      const keypair = createKeypair(curve)
      const { publicKey } = keypair
      const uncompressed = points[curve].fromBytes(publicKey.bytes).toBytes(false)
      lasts.add(uncompressed[64]! & 1)
      for (const bytes of [publicKey.bytes, uncompressed]) {
        expect(parseVerificationMethod(type, `z${encodeBase58(bytes)}`)).toEqual({
          ok: true,
          value: publicKey,
        })
        expect(toHex(noble.compressPoint(curve, bytes)!)).toBe(toHex(publicKey.bytes))
        if (openssl !== null) expect(toHex(openssl.compressPoint(curve, bytes)!)).toBe(toHex(publicKey.bytes))
      }
      const long = { curve, bytes: uncompressed }
      const message = Uint8Array.of(i)
      const made = await keypair.sign(message)
      expect(verifySignature(publicKey, message, made)).toBe(true)
      expect(verifySignature(long, message, made)).toBe(false)
      expect(noble.verifyCanonical(long, message, made)).toBe(false)
    }
    expect(lasts.size).toBe(2)
  })
})

describe('base58', () => {
  test('reads 100 characters, and not one more', () => {
    expect(decodeBase58('1'.repeat(100))).toEqual(new Uint8Array(100))
    expect(decodeBase58('1'.repeat(101))).toBeNull()
    expect(decodeBase58('z'.repeat(100))).toHaveLength(74)
  })

  test('has 58 characters', () => {
    const taken: string[] = []
    for (let code = 0; code < 400; code++) {
      const text = String.fromCharCode(code)
      const bytes = decodeBase58(text)
      if (bytes === null) continue
      expect(encodeBase58(bytes)).toBe(text)
      taken.push(text)
    }
    expect(taken.join('')).toBe('123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz')
    expect(decodeBase58('')).toEqual(new Uint8Array())
  })

  test('is that of the published vectors', () => {
    // https://datatracker.ietf.org/doc/html/draft-msporny-base58-03#section-5
    for (const [text, expected] of [
      ['Hello World!', '2NEpo7TZRRrLZSi2U'],
      [
        'The quick brown fox jumps over the lazy dog.',
        'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z',
      ],
    ] as const) {
      expect(encodeBase58(new TextEncoder().encode(text))).toBe(expected)
      expect(new TextDecoder().decode(decodeBase58(expected)!)).toBe(text)
    }
    expect(encodeBase58(fromHex('0000287fb4cd'))).toBe('11233QC4')
    expect(toHex(decodeBase58('11233QC4')!)).toBe('0000287fb4cd')
  })
})

describe('texts of keys', () => {
  const { publicKey, didKey } = createKeypair('k256')
  const text = (...bytes: number[]): string => `z${encodeBase58(Uint8Array.from(bytes))}`
  const code = (result: { ok: boolean; error?: { code: string } }): string => result.error?.code ?? 'ok'

  test('begin with both bytes of their codec, and hold a compressed point', () => {
    expect(code(parseMultikey(text(0xe7, 1, ...publicKey.bytes)))).toBe('ok')
    const other = createKeypair('p256').publicKey.bytes
    expect(code(parseMultikey(text(0x80, 0x24, ...other)))).toBe('ok')
    for (const bytes of [
      [0xe7, 2, ...publicKey.bytes],
      [0xe6, 1, ...publicKey.bytes],
      [0x80, 0x25, ...other],
      [0x81, 0x24, ...other],
      [0xe7, 1, ...publicKey.bytes.subarray(1)],
      [0xe7, 1, ...publicKey.bytes, 0],
    ]) {
      expect(code(parseMultikey(text(...bytes))), toHex(Uint8Array.from(bytes))).toBe('invalid-multikey')
    }
  })

  test('are texts', () => {
    for (const wrong of [undefined, null, 1, {}, ['z']] as never[]) {
      expect(code(parseDidKey(wrong))).toBe('invalid-did-key')
      expect(code(parseMultikey(wrong))).toBe('invalid-multikey')
      expect(code(parseVerificationMethod('Multikey', wrong))).toBe('invalid-multikey')
      expect(code(parseVerificationMethod('EcdsaSecp256k1VerificationKey2019', wrong))).toBe(
        'invalid-multikey',
      )
    }
    expect(code(parseMultikey(didKey.slice('did:key:z'.length)))).toBe('invalid-multikey')
    expect(code(parseDidKey(didKey.replace('did:key:', 'did:kez:')))).toBe('invalid-did-key')
    expect(formatDidKey(publicKey)).toBe(didKey)
  })

  test('that are refused say of which kind, and so do private keys', () => {
    expect(parseVerificationMethod('Other', 'z')).toEqual({
      ok: false,
      error: { code: 'unsupported-type', message: 'unknown type of verification method; type=Other' },
    })
    expect(() => importKeypair('p256', new Uint8Array(3))).toThrow(
      new CryptoError('invalid-private-key', 'not a private key; curve=p256 length=3'),
    )
  })
})

test('DER of zeros, of a set first bit in either number, and of the shortest and longest numbers', () => {
  expect(toHex(toDer(new Uint8Array(64)))).toBe('3006020100020100')
  expect(toHex(toDer(signature(0x80n, 0x7fn)))).toBe('30070202008002017f')
  expect(toHex(toDer(signature(0x7fn, 0x80n)))).toBe('300702017f02020080')
  expect(toDer(signature(MAX, MAX))).toHaveLength(72)
  for (const [r, s] of [
    [0n, 0n],
    [MAX, 1n],
    [1n, MAX],
    [2n ** 255n, 2n ** 248n],
  ] as const) {
    expect(toHex(fromDer(toDer(signature(r, s))))).toBe(toHex(signature(r, s)))
  }
})
