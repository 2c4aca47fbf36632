import { createKeypair } from '@avocet/crypto'
import { describe, expect, test } from 'vitest'
import { importNativeKeypair, isNative, nativeVerifier } from '../src/index.ts'

if (!isNative) console.warn('libsecp256k1 has no binding for this platform: these tests run on the fallback')

describe('native keys', () => {
  test.each(['k256', 'p256'] as const)('%s: signs and verifies', async (curve) => {
    const plain = createKeypair(curve)
    const native = importNativeKeypair(curve, plain.exportPrivateKey())
    expect(native.didKey).toBe(plain.didKey)
    const verify = nativeVerifier()
    const message = new TextEncoder().encode('hello')
    for (const signer of [plain, native]) {
      const signature = await signer.sign(message)
      expect(verify(plain.publicKey, message, signature)).toBe(true)
      expect(verify(plain.publicKey, new Uint8Array(3), signature)).toBe(false)
    }
  })

  test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    'the binding is there on linux-x64',
    () => {
      expect(isNative).toBe(true)
    },
  )
})
