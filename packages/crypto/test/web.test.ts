// The asynchronous backend says what the others say.
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { createRandom, fromHex, signatureVectors, toHex } from '@avocet/testing'
import { describe, expect, test, vi } from 'vitest'
import * as noble from '../src/ecdsa-noble.ts'
import { createKeypair, parseDidKey as parseSync, type Curve } from '../src/index.ts'
import { compressPoint } from '../src/web/ecdsa.ts'
import {
  formatDidKey,
  parseDidKey,
  parseMultikey,
  parsePoint,
  parseVerificationMethod,
  verifySignature,
} from '../src/web/index.ts'

describe('WebCrypto', () => {
  test.each(signatureVectors)('$curve: $comment', async ({ curve, key, message, signature, valid }) => {
    const bytes = fromHex(key)
    expect(await verifySignature({ curve, bytes }, fromHex(message), fromHex(signature))).toBe(valid)
  })

  test.each(['k256', 'p256'] as const)(
    '%s: verifies what the others sign, and nothing else',
    async (curve) => {
      const random = createRandom(curve.length)
      for (let i = 0; i < 10; i++) {
        const keypair = createKeypair(curve)
        const message = random.bytes(i * 40)
        const signature = await keypair.sign(message)
        const key = parseDidKey(keypair.didKey)
        expect(key).toEqual(parseSync(keypair.didKey))
        if (!key.ok) throw new Error(key.error.message)
        expect(formatDidKey(key.value)).toBe(keypair.didKey)
        // Twice: the second time by the key that was kept.
        for (const _ of [1, 2]) expect(await verifySignature(key.value, message, signature)).toBe(true)
        const other = signature.with(random.below(64), random.below(256))
        const isSame = toHex(other) === toHex(signature)
        expect(await verifySignature(key.value, message, other)).toBe(isSame)
        expect(await verifySignature(key.value, Uint8Array.of(...message, 0), signature)).toBe(false)
        expect(await verifySignature(createKeypair(curve).publicKey, message, signature)).toBe(false)
      }
    },
  )

  test('goes by the bytes as they were when it was called', async () => {
    const keypair = createKeypair('p256')
    const message = new Uint8Array(100)
    const signature = await keypair.sign(message)
    const verdict = verifySignature(keypair.publicKey, message, signature)
    message.fill(1)
    signature.fill(1)
    expect(await verdict).toBe(true)
  })

  test('that is not there is no bad signature', async () => {
    const keypair = createKeypair('p256')
    const signature = await keypair.sign(new Uint8Array(1))
    vi.stubGlobal('crypto', {})
    try {
      await expect(verifySignature(keypair.publicKey, new Uint8Array(1), signature)).rejects.toThrow(
        TypeError,
      )
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('points without noble', () => {
  test('are the same bytes', () => {
    const random = createRandom(3)
    const cases: Array<[Curve, Uint8Array]> = signatureVectors.map(({ curve, key }) => [curve, fromHex(key)])
    for (let i = 0; i < 400; i++) {
      const bytes = random.bytes(random.pick([33, 33, 65, 32, 1]))
      if (bytes.length > 0) bytes[0] = random.pick([2, 3, 4, 5, 6, 0])
      cases.push([random.pick(['k256', 'p256']), bytes])
    }
    for (const curve of ['k256', 'p256'] as const) {
      // At the ends of the field, where a number is no coordinate any more.
      const p =
        curve === 'k256'
          ? 2n ** 256n - 2n ** 32n - 977n
          : 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
      for (const x of [
        0n,
        1n,
        2n,
        3n,
        4n,
        5n,
        6n,
        p - 3n,
        p - 2n,
        p - 1n,
        p,
        p + 1n,
        p + 5n,
        2n ** 256n - 1n,
      ]) {
        for (const form of ['02', '03']) cases.push([curve, fromHex(form + x.toString(16).padStart(64, '0'))])
      }
      for (let i = 0; i < 5; i++) {
        const { uncompressed } = uncompressedKey(curve)
        cases.push([curve, uncompressed], [curve, uncompressed.with(64, uncompressed[64]! ^ 1)])
        cases.push([curve, uncompressed.with(0, 6)], [curve, uncompressed.subarray(0, 64)])
      }
    }
    let points = 0
    for (const [curve, bytes] of cases) {
      const expected = noble.compressPoint(curve, bytes)
      const found = compressPoint(curve, bytes)
      expect(found && toHex(found), `${curve} ${toHex(bytes)}`).toBe(expected && toHex(expected))
      if (found !== null) points++
    }
    expect(points).toBeGreaterThan(60)
  })

  test('are keys in every form', () => {
    for (const curve of ['k256', 'p256'] as const) {
      const { compressed, uncompressed } = uncompressedKey(curve)
      const key = { ok: true, value: { curve, bytes: compressed } }
      expect(parsePoint(curve, uncompressed)).toEqual(key)
      const multikey = formatDidKey({ curve, bytes: compressed }).slice('did:key:'.length)
      expect(parseMultikey(multikey)).toEqual(key)
      expect(parseVerificationMethod('Multikey', multikey)).toEqual(key)
    }
    expect(parseDidKey('did:key:z')).toMatchObject({ ok: false, error: { code: 'invalid-multikey' } })
  })
})

function uncompressedKey(curve: Curve): { compressed: Uint8Array; uncompressed: Uint8Array } {
  const compressed = createKeypair(curve).publicKey.bytes
  return {
    compressed,
    uncompressed: (curve === 'k256' ? secp256k1 : p256).Point.fromBytes(compressed).toBytes(false),
  }
}
