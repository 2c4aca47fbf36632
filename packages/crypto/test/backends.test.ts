import { createRandom, fuzzRounds, signatureVectors, testVerifier, toHex } from '@avocet/testing'
import { describe, expect, test } from 'vitest'
import { fromDer, toDer } from '../src/der.ts'
import * as noble from '../src/ecdsa-noble.ts'
import {
  createKeypair,
  isCanonicalSignature,
  parseDidKey,
  parseMultikey,
  parseVerificationMethod,
  toLowS,
  verifySignature,
  type Curve,
  type VerifySignature,
} from '../src/index.ts'

const inNode = typeof process === 'object' && process.versions?.node !== undefined
// What Node takes by the condition in `imports`; node:crypto is not there in a browser.
const openssl = inNode ? await import('../src/ecdsa-node.ts') : null

const byNoble: VerifySignature = (key, message, signature) =>
  isCanonicalSignature(key.curve, signature) && noble.verifyCanonical(key, message, signature)

testVerifier(inNode ? 'OpenSSL' : 'the default of this platform', verifySignature)
testVerifier('noble', byNoble)

describe.skipIf(openssl === null)('OpenSSL and noble', () => {
  test.each(['k256', 'p256'] as const)(
    '%s: each verifies what the other signs; the same public keys',
    (curve) => {
      for (let i = 0; i < 5; i++) {
        const privateKey = createKeypair(curve).exportPrivateKey()
        const message = new Uint8Array(i * 40).fill(i)
        const keys = [noble, openssl!].map((backend) => backend.openPrivateKey(curve, privateKey))
        expect(new Set(keys.map(({ publicKey }) => toHex(publicKey))).size).toBe(1)
        for (const { publicKey, sign } of keys) {
          const signature = toLowS(curve, sign(message))
          const key = { curve, bytes: publicKey }
          expect(byNoble(key, message, signature)).toBe(true)
          expect(verifySignature(key, message, signature)).toBe(true)
        }
      }
    },
  )

  test('agree on which bytes are a point', () => {
    const random = createRandom(3)
    const cases: Array<[Curve, Uint8Array]> = signatureVectors.map(({ curve, key }) => [
      curve,
      Uint8Array.from(key.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)),
    ])
    for (let i = 0; i < 300; i++) {
      const bytes = random.bytes(random.pick([33, 33, 65, 32, 1]))
      if (bytes.length > 0) bytes[0] = random.pick([2, 3, 4, 5, 6, 0])
      cases.push([random.pick(['k256', 'p256']), bytes])
    }
    let points = 0
    for (const [curve, bytes] of cases) {
      const expected = noble.compressPoint(curve, bytes)
      const found = openssl!.compressPoint(curve, bytes)
      expect(found === null ? null : toHex(found), toHex(bytes)).toBe(
        expected === null ? null : toHex(expected),
      )
      if (found !== null) points++
    }
    expect(points).toBeGreaterThan(30)
  })
})

test('noble signs as RFC 6979 has it', () => {
  const { sign } = noble.openPrivateKey('k256', new Uint8Array(32).with(31, 1))
  const message = 'All those moments will be lost in time, like tears in rain. Time to die...'
  expect(toHex(sign(new TextEncoder().encode(message)))).toBe(
    '8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21',
  )
})

test('toLowS makes any signature canonical, once', () => {
  for (const curve of ['k256', 'p256'] as const) {
    const vectors = signatureVectors.filter((vector) => vector.curve === curve)
    const high = vectors.find(({ comment }) => comment === 'high S')!
    const usual = vectors.find(({ comment }) => comment === 'a usual signature')!
    const bytes = Uint8Array.from(high.signature.match(/../g)!, (pair) => Number.parseInt(pair, 16))
    expect(isCanonicalSignature(curve, bytes)).toBe(false)
    expect(toHex(toLowS(curve, bytes))).toBe(usual.signature)
    expect(toHex(toLowS(curve, bytes))).toBe(usual.signature)
  }
})

test('DER both ways, with leading zeros and set first bits', () => {
  const random = createRandom(5)
  for (let i = 0; i < 500; i++) {
    const signature = random.bytes(64)
    signature.fill(0, 0, random.below(32))
    signature.fill(0, 32, 32 + random.below(32))
    expect(toHex(fromDer(toDer(signature)))).toBe(toHex(signature))
  }
  const one = new Uint8Array(64)
  one[31] = 1
  one[63] = 0x80
  expect(toHex(toDer(one))).toBe('300702010102020080')
})

test('hostile texts and bytes are refused, never thrown on', { timeout: 600_000 }, () => {
  const random = createRandom(9)
  const { didKey, publicKey } = createKeypair()
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl:zé \0'.split('')
  for (let round = fuzzRounds(2000, 1_000_000); round > 0; round--) {
    const at = random.below(didKey.length)
    const text = didKey.slice(0, at) + random.pick(alphabet) + didKey.slice(at + random.below(3))
    const other = Array.from({ length: random.below(120) }, () => random.pick(alphabet)).join('')
    expect(parseDidKey(other).ok).toBe(false)
    expect(parseDidKey(text).ok && text !== didKey && !text.startsWith('did:key:zQ3sh')).toBe(false)
    expect(typeof parseMultikey(text.slice(8)).ok).toBe('boolean')
    expect(
      typeof parseVerificationMethod(random.pick(['Multikey', 'EcdsaSecp256k1VerificationKey2019']), other)
        .ok,
    ).toBe('boolean')
    if (round % 50 === 0) {
      expect(
        verifySignature(publicKey, random.bytes(10), random.bytes(random.pick([64, 64, 63, 0, 72]))),
      ).toBe(false)
    }
  }
})
