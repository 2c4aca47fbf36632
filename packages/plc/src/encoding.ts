// Spellings that signatures and identifiers depend on: one text per value, everything else refused.
import { encode } from '@avocet/cbor'
import { cidForCbor, formatCid, sha256, type DataValue } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import type { SignedOperation, UnsignedOperation } from './types.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** 64 bytes are 85 whole characters and one that carries two bits: only these four spell it canonically. */
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/

/** The DAG-CBOR of an operation. */
export function encodeOperation(operation: UnsignedOperation | SignedOperation): Uint8Array {
  return encode(operation as unknown as DataValue)
}

/** The bytes a signature covers: the operation without its `sig`. */
export function signedBytes(operation: SignedOperation): Uint8Array {
  const { sig: _, ...unsigned } = operation
  return encodeOperation(unsigned)
}

/** CID of a signed operation, as the string the next operation's `prev` holds. */
export function operationCid(operation: SignedOperation): string {
  return formatCid(cidForCbor(encodeOperation(operation)))
}

/**
 * The DID that a signed genesis operation makes: `did:plc:` and the first 24 base32 characters of its SHA-256.
 * https://web.plc.directory/spec/v0.1/did-plc#did-creation
 */
export function didForOperation(genesis: SignedOperation): Did {
  const digest = sha256(encodeOperation(genesis))
  let text = ''
  let bits = 0
  let count = 0
  // 24 characters of 5 bits are exactly the first 15 bytes.
  for (let i = 0; i < 15; i++) {
    bits = ((bits & 0xff) << 8) | digest[i]!
    count += 8
    while (count >= 5) {
      count -= 5
      text += BASE32[(bits >> count) & 31]!
    }
  }
  return `did:plc:${text}`
}

/** base64url without padding. */
export function encodeSignature(signature: Uint8Array): string {
  return btoa(String.fromCharCode(...signature))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** The 64 bytes of a `sig`, or null for any other length, padding, white space or stray bits. */
export function decodeSignature(text: string): Uint8Array | null {
  if (!SIGNATURE.test(text)) return null
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}
