// The signature backend of WebCrypto: asynchronous, and so a third of the size. It has P-256, but takes no compressed points
// everywhere; K-256 it does not have.

import { Point, verify } from '@noble/secp256k1'
import type { Curve, PublicKey } from '../curve.ts'

// NIST SP 800-186, section 3.2.1.3: y² = x³ − 3x + b modulo p.
const P = 0xffffffff_00000001_00000000_00000000_00000000_ffffffff_ffffffff_ffffffffn
const B = 0x5ac635d8_aa3a93e7_b3ebbd55_769886bc_651d06b0_cc53b0f6_3bce3c3e_27d2604bn

/** The coordinates of a point of P-256, compressed or not; null where the bytes are none. */
function coordinatesOf(bytes: Uint8Array): readonly [x: bigint, y: bigint] | null {
  const x = numberOf(bytes.subarray(1, 33))
  if (x >= P) return null
  const square = (x * x * x - 3n * x + B) % P
  // p is 3 modulo 4, so this is a root where there is one.
  let y = power(square < 0n ? square + P : square, (P + 1n) / 4n)
  if (bytes.length === 65) {
    const given = numberOf(bytes.subarray(33))
    return given < P && (given === y || given === P - y) && isRoot(y, square) ? [x, given] : null
  }
  if (!isRoot(y, square)) return null
  if ((y & 1n) !== BigInt(bytes[0]! & 1)) y = P - y
  return [x, y]
}

function isRoot(y: bigint, square: bigint): boolean {
  return (y * y - square) % P === 0n
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let factor = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % P
    factor = (factor * factor) % P
  }
  return result
}

function numberOf(bytes: Uint8Array): bigint {
  let number = 0n
  for (const byte of bytes) number = (number << 8n) | BigInt(byte)
  return number
}

function bytesOf(head: number, ...numbers: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + 32 * numbers.length)
  bytes[0] = head
  for (const [i, number] of numbers.entries()) {
    for (let at = 32, rest = number; at > 0; at--, rest >>= 8n) bytes[32 * i + at] = Number(rest & 0xffn)
  }
  return bytes
}

/** Whether bytes begin as a point does and have its length: 33 compressed, 65 not. */
function hasPointShape(bytes: Uint8Array): boolean {
  const form = bytes[0]
  return bytes.length === 33 ? form === 2 || form === 3 : bytes.length === 65 && form === 4
}

/** The compressed form of a compressed or uncompressed point, or null where the bytes are no point of the curve. */
export function compressPoint(curve: Curve, bytes: Uint8Array): Uint8Array | null {
  if (!hasPointShape(bytes)) return null
  if (curve === 'k256') {
    try {
      return Point.fromBytes(bytes).toBytes(true)
    } catch {
      return null
    }
  }
  const point = coordinatesOf(bytes)
  return point === null ? null : bytesOf(2 | Number(point[1] & 1n), point[0])
}

/** The key as WebCrypto has it: making one costs as much as a verification. It is kept as long as the key is. */
const imported = new WeakMap<PublicKey, CryptoKey>()

/** Checks a signature whose form was checked already; false for a key that is no point. */
export async function verifyCanonical(
  key: PublicKey,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const { subtle } = crypto
  if (key.bytes.length !== 33 || !hasPointShape(key.bytes)) return false
  if (key.curve === 'k256') {
    const hash = new Uint8Array(await subtle.digest('SHA-256', message))
    return verify(signature, hash, key.bytes, { prehash: false, lowS: true })
  }
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  let object = imported.get(key)
  if (object === undefined) {
    const point = coordinatesOf(key.bytes)
    if (point === null) return false
    object = await subtle.importKey('raw', bytesOf(4, ...point), ecdsa, false, ['verify'])
    imported.set(key, object)
  }
  return await subtle.verify(ecdsa, object, signature, message)
}
