// Signatures beside their peers. Run: node bench/crypto.ts
import * as atcute from '@atcute/crypto'
import * as atproto from '@atproto/crypto'
import { createKeypair, formatDidKey, parseDidKey, verifySignature } from '@avocet/crypto'
import { importNativeKeypair, isNative, nativeVerifier } from '@avocet/crypto-native'
import { sha256 } from '@avocet/data'
import { p256 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'

import secp256k1Native from 'secp256k1'

import { compare, save } from './support/compare.ts'

const message = new Uint8Array(230).fill(7)

for (const curve of ['k256', 'p256'] as const) {
  const keypair = createKeypair(curve)
  const native = importNativeKeypair(curve, keypair.exportPrivateKey())
  const signature = await keypair.sign(message)
  const didKey = keypair.didKey
  const theirs = await (curve === 'k256' ? atcute.Secp256k1PublicKey : atcute.P256PublicKey).importRaw(
    Uint8Array.from(keypair.publicKey.bytes),
  )
  const noble = curve === 'k256' ? secp256k1 : p256
  const verify = nativeVerifier()
  const name = curve === 'k256' ? 'ES256K' : 'ES256'

  await compare(
    `verify ${name}, 230 bytes (crypto)`,
    { unit: 'signatures', target: 1, note: 'by OpenSSL on Node' },
    {
      avocet: () => verifySignature(keypair.publicKey, message, signature),
      '@atcute/crypto': () => theirs.verify(Uint8Array.from(signature), message),
      '@atproto/crypto': () => atproto.verifySignature(didKey, message, signature),
      '@noble/curves': () => noble.verify(signature, message, keypair.publicKey.bytes),
    },
  )
  if (curve === 'k256' && isNative) {
    await compare(
      `verify ${name}, 230 bytes (crypto-native)`,
      { unit: 'signatures', target: 0.95 },
      {
        avocet: () => verify(keypair.publicKey, message, signature),
        secp256k1: () => secp256k1Native.ecdsaVerify(signature, sha256(message), keypair.publicKey.bytes),
        '@atcute/crypto': () => theirs.verify(Uint8Array.from(signature), message),
      },
    )
  }
  const theirKey = await (
    curve === 'k256' ? atcute.Secp256k1PrivateKeyExportable : atcute.P256PrivateKeyExportable
  ).importRaw(Uint8Array.from(keypair.exportPrivateKey()))
  await compare(
    `sign ${name}, 230 bytes (crypto)`,
    { unit: 'signatures' },
    {
      avocet: () => keypair.sign(message),
      '@atcute/crypto': () => theirKey.sign(message),
      '@noble/curves': () => noble.sign(message, keypair.exportPrivateKey(), { lowS: true }),
    },
  )
  if (curve === 'k256' && isNative) {
    await compare(
      `sign ${name}, 230 bytes (crypto-native)`,
      { unit: 'signatures' },
      { avocet: () => native.sign(message), '@atcute/crypto': () => theirKey.sign(message) },
    )
  }
  await compare(
    `did:key to key and back, ${name}`,
    { unit: 'keys' },
    {
      avocet: () => {
        const key = parseDidKey(didKey)
        return key.ok && formatDidKey(key.value)
      },
      '@atproto/crypto': () => {
        const key = atproto.parseDidKey(didKey)
        return atproto.formatDidKey(key.jwtAlg, key.keyBytes)
      },
    },
  )
}
save('crypto')
