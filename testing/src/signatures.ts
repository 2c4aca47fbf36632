import { describe, expect, test } from 'vitest'
import { fromHex } from './bytes.ts'
import { signatureVectors } from './signature-vectors.ts'

/** A verifier as `@avocet/crypto` defines it. */
type Verify = (
  key: { readonly curve: 'k256' | 'p256'; readonly bytes: Uint8Array },
  message: Uint8Array,
  signature: Uint8Array,
) => boolean

/** The one suite that every signature backend passes. */
export function testVerifier(name: string, verify: Verify): void {
  describe(`signatures by ${name}`, () => {
    test.each(signatureVectors)('$curve: $comment', ({ curve, key, message, signature, valid }) => {
      const bytes = fromHex(key)
      // Twice with one key object: a backend may keep what it made of it.
      for (const object of [
        { curve, bytes },
        { curve, bytes: Uint8Array.from(bytes) },
      ]) {
        expect(verify(object, fromHex(message), fromHex(signature))).toBe(valid)
        expect(verify(object, fromHex(message), fromHex(signature))).toBe(valid)
      }
    })

    test('every bit of a signature counts', () => {
      for (const { curve, key, message, signature } of signatureVectors.filter(
        ({ comment }) => comment === 'a usual signature',
      )) {
        const object = { curve, bytes: fromHex(key) }
        for (let bit = 0; bit < 512; bit += 5) {
          const changed = fromHex(signature)
          changed.set([changed.at(bit >> 3)! ^ (1 << (bit & 7))], bit >> 3)
          expect(verify(object, fromHex(message), changed)).toBe(false)
        }
      }
    })

    test('bytes inside a larger array', () => {
      const { curve, key, message, signature } = signatureVectors.at(0)!
      const larger = fromHex(`ffff${message}${signature}${key}ffff`)
      const part = (at: number, length: number): Uint8Array => larger.subarray(at, at + length)
      const size = message.length / 2
      expect(verify({ curve, bytes: part(2 + size + 64, 33) }, part(2, size), part(2 + size, 64))).toBe(true)
    })
  })
}
