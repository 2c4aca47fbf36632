import { createRequire } from 'node:module'
import { createKeypair } from '@avocet/crypto'
import { testVerifier, toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { importNativeKeypair, isNative, nativeVerifier } from '../src/index.ts'

if (!isNative) console.warn('libsecp256k1 has no binding for this platform: these tests run on the fallback')

testVerifier(isNative ? 'libsecp256k1' : 'the fallback', nativeVerifier())

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

  test.skipIf(!isNative)('the same signature each time, as RFC 6979 has it', async () => {
    const keypair = importNativeKeypair('k256', new Uint8Array(32).with(31, 1))
    const message = new TextEncoder().encode(
      'All those moments will be lost in time, like tears in rain. Time to die...',
    )
    expect(toHex(await keypair.sign(message))).toBe(
      '8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21',
    )
  })

  test('never loads the JavaScript fallback of its dependency', () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    expect(loaded.filter((path) => path.includes('elliptic'))).toEqual([])
  })

  test('what is not a private key', () => {
    expect(() => importNativeKeypair('k256', new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'invalid-private-key' }),
    )
  })
})
