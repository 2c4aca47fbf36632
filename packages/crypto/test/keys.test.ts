import { describe, expect, test } from 'vitest'
import { decodeBase58, encodeBase58 } from '../src/base58.ts'
import {
  createKeypair,
  formatDidKey,
  formatMultikey,
  importKeypair,
  jwtAlgorithm,
  parseDidKey,
  parseMultikey,
  parseVerificationMethod,
  verifySignature,
} from '../src/index.ts'
import { fromHex, readFixtureText } from '@avocet/testing'
import { KNOWN } from './known-keys.ts'

// One key of an early DID document in its uncompressed form.
const UNCOMPRESSED =
  'zQYEBzXeuTM9UR3rfvNag6L3RNAs5pQZyYPsomTsgQhsxLdEgCrPTLgFna8yqCnxPpNT7DBk6Ym3dgPKNu86vt9GR'
const UNCOMPRESSED_DID_KEY = 'did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF'

const k256 = JSON.parse((await readFixtureText('interop/crypto/w3c_didkey_K256.json')) ?? '[]') as Array<{
  privateKeyBytesHex: string
  publicDidKey: string
}>
const p256 = JSON.parse((await readFixtureText('interop/crypto/w3c_didkey_P256.json')) ?? '[]') as Array<{
  privateKeyBytesBase58: string
  publicDidKey: string
}>

describe.skipIf(k256.length === 0)('interop did:key vectors', () => {
  test.each(k256)('K-256 $publicDidKey', ({ privateKeyBytesHex, publicDidKey }) => {
    const keypair = importKeypair('k256', fromHex(privateKeyBytesHex))
    expect(keypair.didKey).toBe(publicDidKey)
    expect(parseDidKey(publicDidKey)).toEqual({ ok: true, value: keypair.publicKey })
  })
  test.each(p256)('P-256 $publicDidKey', ({ privateKeyBytesBase58, publicDidKey }) => {
    const keypair = importKeypair('p256', decodeBase58(privateKeyBytesBase58)!)
    expect(keypair.didKey).toBe(publicDidKey)
    expect(parseDidKey(publicDidKey)).toEqual({ ok: true, value: keypair.publicKey })
  })
})

describe('keys', () => {
  test.each(KNOWN)('known $curve key', ({ curve, privateKey, didKey }) => {
    const keypair = importKeypair(curve, fromHex(privateKey))
    expect(keypair.didKey).toBe(didKey)
    expect(keypair.exportPrivateKey()).toEqual(fromHex(privateKey))
  })

  test.each(['k256', 'p256'] as const)('%s: create, export, import, sign, verify', async (curve) => {
    const keypair = createKeypair(curve)
    expect(keypair.curve).toBe(curve)
    expect(createKeypair(curve).didKey).not.toBe(keypair.didKey)
    const again = importKeypair(curve, keypair.exportPrivateKey())
    expect(again.didKey).toBe(keypair.didKey)
    const message = new TextEncoder().encode('hello')
    for (let i = 0; i < 16; i++) {
      const signature = await again.sign(message)
      expect(signature).toHaveLength(64)
      expect(signature.constructor).toBe(Uint8Array)
      expect(verifySignature(keypair.publicKey, message, signature)).toBe(true)
      expect(verifySignature(keypair.publicKey, new Uint8Array(1), signature)).toBe(false)
      expect(verifySignature(createKeypair(curve).publicKey, message, signature)).toBe(false)
    }
  })

  test('the exported key is a copy', () => {
    const keypair = createKeypair()
    keypair.exportPrivateKey().fill(0)
    expect(keypair.exportPrivateKey()).not.toEqual(new Uint8Array(32))
  })

  test.each(['k256', 'p256'] as const)('%s: what is not a private key', (curve) => {
    const order =
      curve === 'k256'
        ? 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
        : 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
    const last = fromHex(order)
    last[31]! -= 1
    expect(() => importKeypair(curve, last)).not.toThrow()
    for (const bytes of [
      new Uint8Array(32),
      fromHex(order),
      new Uint8Array(31).fill(1),
      new Uint8Array(33).fill(1),
    ]) {
      expect(() => importKeypair(curve, bytes)).toThrow(
        expect.objectContaining({ name: 'CryptoError', code: 'invalid-private-key' }),
      )
    }
  })

  test('multikeys and did:keys round trip', () => {
    for (const curve of ['k256', 'p256'] as const) {
      const { publicKey, didKey } = createKeypair(curve)
      expect(parseMultikey(formatMultikey(publicKey))).toEqual({ ok: true, value: publicKey })
      expect(parseDidKey(formatDidKey(publicKey))).toEqual({ ok: true, value: publicKey })
      expect(formatDidKey(publicKey)).toBe(didKey)
      expect(parseVerificationMethod('Multikey', formatMultikey(publicKey))).toEqual({
        ok: true,
        value: publicKey,
      })
    }
  })

  test('an early, uncompressed key', () => {
    const key = parseVerificationMethod('EcdsaSecp256k1VerificationKey2019', UNCOMPRESSED)
    expect(key.ok && formatDidKey(key.value)).toBe(UNCOMPRESSED_DID_KEY)
  })

  test.each([
    ['', 'invalid-did-key'],
    ['did:plc:abc', 'invalid-did-key'],
    ['did:key:', 'invalid-multikey'],
    ['did:key:z', 'invalid-multikey'],
    ['did:key:zQ3sh', 'invalid-multikey'],
    ['did:key:z0OIl', 'invalid-multikey'],
    [`did:key:z${'1'.repeat(10_000)}`, 'invalid-multikey'],
    ['did:key:uQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme', 'invalid-multikey'],
    // ed25519
    ['did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK', 'invalid-multikey'],
    // K-256 codec, x = 2^256 - 1: above the field's prime
    [
      `did:key:z${encodeBase58(Uint8Array.from([0xe7, 1, 2, ...Array<number>(32).fill(255)]))}`,
      'invalid-public-key',
    ],
    // x = 5 is on no point of K-256
    [
      `did:key:z${encodeBase58(Uint8Array.from([0xe7, 1, 2, ...Array<number>(31).fill(0), 5]))}`,
      'invalid-public-key',
    ],
    [
      `did:key:z${encodeBase58(Uint8Array.from([0xe7, 1, 4, ...Array<number>(31).fill(0), 1]))}`,
      'invalid-public-key',
    ],
    [`did:key:z${encodeBase58(new Uint8Array(35))}`, 'invalid-multikey'],
  ])('refuses %s', (text, code) => {
    expect(parseDidKey(text)).toMatchObject({ ok: false, error: { code } })
  })

  test('refuses other verification methods and broken points', () => {
    expect(parseVerificationMethod('Ed25519VerificationKey2020', UNCOMPRESSED)).toMatchObject({
      ok: false,
      error: { code: 'unsupported-type' },
    })
    const point = decodeBase58(UNCOMPRESSED.slice(1))!
    const method = (bytes: Uint8Array): unknown =>
      parseVerificationMethod('EcdsaSecp256k1VerificationKey2019', `z${encodeBase58(bytes)}`)
    const offCurve = Uint8Array.from(point)
    offCurve[64]! ^= 1
    const hybrid = Uint8Array.from(point)
    hybrid[0] = 6 | (point[64]! & 1)
    expect(method(point)).toMatchObject({ ok: true })
    expect(method(offCurve)).toMatchObject({ ok: false, error: { code: 'invalid-public-key' } })
    expect(method(hybrid)).toMatchObject({ ok: false, error: { code: 'invalid-public-key' } })
    expect(method(point.subarray(0, 64))).toMatchObject({ ok: false, error: { code: 'invalid-multikey' } })
    expect(method(new Uint8Array(1))).toMatchObject({ ok: false, error: { code: 'invalid-multikey' } })
    expect(method(new Uint8Array(33))).toMatchObject({ ok: false, error: { code: 'invalid-public-key' } })
    expect(parseVerificationMethod('EcdsaSecp256r1VerificationKey2019', UNCOMPRESSED)).toMatchObject({
      ok: false,
      error: { code: 'invalid-public-key' },
    })
  })

  test('base58 round trips', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i < length % 5 ? 0 : i * 89 + length))
      expect(decodeBase58(encodeBase58(bytes))).toEqual(bytes)
    }
  })

  test('jwtAlgorithm', () => {
    expect(jwtAlgorithm('k256')).toBe('ES256K')
    expect(jwtAlgorithm('p256')).toBe('ES256')
  })
})
