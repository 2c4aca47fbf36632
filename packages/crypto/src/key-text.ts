// https://atproto.com/specs/cryptography#public-key-encoding
// https://www.w3.org/TR/controller-document/#Multikey

import type { Result } from '@avocet/syntax'
import { decodeBase58, encodeBase58 } from './base58.ts'
import type { Curve, PublicKey } from './curve.ts'
import type { CryptoErrorCode, KeyFailure } from './error.ts'

/** The compressed form of a point; null for bytes that are no point of the curve. */
export type CompressPoint = (curve: Curve, bytes: Uint8Array) => Uint8Array | null

/** A public key as a DID: `did:key:` and its multikey. */
export type DidKey = `did:key:${string}`

/** What a parser gives: the value, or why there is none. */
export type KeyResult<T> = Result<T, KeyFailure>

const DID_KEY_PREFIX = 'did:key:'

/** Multicodec prefixes as varints: secp256k1-pub (0xe7) and p256-pub (0x1200). */
const PREFIXES: Record<Curve, readonly [number, number]> = { k256: [0xe7, 0x01], p256: [0x80, 0x24] }

const COMPRESSED_LENGTH = 33
const UNCOMPRESSED_LENGTH = 65

function fail(code: CryptoErrorCode, message: string): { ok: false; error: KeyFailure } {
  return { ok: false, error: { code, message } }
}

/** `parsePoint` of both entries. */
export function readPoint(
  compressPoint: CompressPoint,
  curve: Curve,
  bytes: Uint8Array,
): KeyResult<PublicKey> {
  const compressed = compressPoint(curve, bytes)
  if (compressed === null) return fail('invalid-public-key', `not a point of the curve; curve=${curve}`)
  return { ok: true, value: { curve, bytes: compressed } }
}

/** `parseMultikey` of both entries. */
export function readMultikey(compressPoint: CompressPoint, text: string): KeyResult<PublicKey> {
  const bytes = typeof text === 'string' && text.startsWith('z') ? decodeBase58(text.slice(1)) : null
  if (bytes === null || bytes.length !== 2 + COMPRESSED_LENGTH) {
    return fail('invalid-multikey', 'not the multikey of a K-256 or P-256 key')
  }
  for (const curve of ['k256', 'p256'] as const) {
    const [first, second] = PREFIXES[curve]
    if (bytes[0] === first && bytes[1] === second) return readPoint(compressPoint, curve, bytes.subarray(2))
  }
  return fail('invalid-multikey', 'not the multikey of a K-256 or P-256 key')
}

/** The multikey of a key, `z…`. */
export function formatMultikey(key: PublicKey): string {
  return `z${encodeBase58(Uint8Array.from([...PREFIXES[key.curve], ...key.bytes]))}`
}

/** `parseDidKey` of both entries. */
export function readDidKey(compressPoint: CompressPoint, text: string): KeyResult<PublicKey> {
  if (typeof text !== 'string' || !text.startsWith(DID_KEY_PREFIX)) {
    return fail('invalid-did-key', 'a did:key starts with did:key:')
  }
  return readMultikey(compressPoint, text.slice(DID_KEY_PREFIX.length))
}

/** The `did:key` of a key. */
export function formatDidKey(key: PublicKey): DidKey {
  return `${DID_KEY_PREFIX}${formatMultikey(key)}`
}

/** The early verification methods: their text is the bare point, without a codec prefix, often uncompressed. */
const LEGACY_TYPES = new Map<string, Curve>([
  ['EcdsaSecp256k1VerificationKey2019', 'k256'],
  ['EcdsaSecp256r1VerificationKey2019', 'p256'],
])

/** `parseVerificationMethod` of both entries. */
export function readVerificationMethod(
  compressPoint: CompressPoint,
  type: string,
  publicKeyMultibase: string,
): KeyResult<PublicKey> {
  if (type === 'Multikey') return readMultikey(compressPoint, publicKeyMultibase)
  const curve = LEGACY_TYPES.get(type)
  if (curve === undefined)
    return fail('unsupported-type', `unknown type of verification method; type=${type}`)
  const isText = typeof publicKeyMultibase === 'string' && publicKeyMultibase.startsWith('z')
  const bytes = isText ? decodeBase58(publicKeyMultibase.slice(1)) : null
  if (bytes === null || (bytes.length !== COMPRESSED_LENGTH && bytes.length !== UNCOMPRESSED_LENGTH)) {
    return fail('invalid-multikey', 'not the base58btc of a point')
  }
  return readPoint(compressPoint, curve, bytes)
}
