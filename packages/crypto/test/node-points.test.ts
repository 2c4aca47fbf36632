// Points as keys, made by Node's own curves.
import { createECDH } from 'node:crypto'

import { fromHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { formatDidKey, parsePoint } from '../src/index.ts'
import { KNOWN } from './known-keys.ts'

describe('a point', () => {
  test.each(KNOWN)('of $curve is a key, compressed or not', ({ curve, privateKey, didKey }) => {
    const ecdh = createECDH(curve === 'k256' ? 'secp256k1' : 'prime256v1')
    ecdh.setPrivateKey(fromHex(privateKey))
    for (const form of ['compressed', 'uncompressed'] as const) {
      // A Buffer: its slices share its memory.
      const bytes = ecdh.getPublicKey(null, form)
      const before = bytes.toString('hex')
      const key = parsePoint(curve, bytes)
      expect(key.ok && formatDidKey(key.value)).toBe(didKey)
      expect(bytes.toString('hex')).toBe(before)
      // The key does not follow what becomes of the bytes.
      bytes.fill(0)
      expect(key.ok && formatDidKey(key.value)).toBe(didKey)
    }
  })

  test.each(KNOWN)('off the curve of $curve is none', ({ curve, privateKey }) => {
    const ecdh = createECDH(curve === 'k256' ? 'secp256k1' : 'prime256v1')
    ecdh.setPrivateKey(fromHex(privateKey))
    const bytes = ecdh.getPublicKey()
    bytes[64]! ^= 1
    expect(parsePoint(curve, bytes)).toMatchObject({ ok: false, error: { code: 'invalid-public-key' } })
    expect(parsePoint(curve, bytes.subarray(0, 64))).toMatchObject({ ok: false })
  })
})
