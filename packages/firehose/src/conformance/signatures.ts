// Signatures in forms that must not be accepted.
// Spec: https://atproto.com/specs/cryptography#ecdsa-signature-malleability

import type { Curve } from '@avocet/crypto'

const ORDER: Record<Curve, bigint> = {
  k256: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}

/** The same signature with the other S. */
export function highS(signature: Uint8Array, curve: Curve): Uint8Array {
  const hex = [...signature.subarray(32)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const other = (ORDER[curve] - BigInt(`0x${hex}`)).toString(16).padStart(64, '0')
  const copy = signature.slice()
  for (let i = 0; i < 32; i++) copy[32 + i] = Number.parseInt(other.slice(i * 2, i * 2 + 2), 16)
  return copy
}

/** The same signature in DER. */
export function derSignature(signature: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): number[] => {
    const digits = [...bytes.subarray(bytes.findIndex((byte) => byte !== 0))]
    if (digits[0]! >= 0x80) digits.unshift(0)
    return [2, digits.length, ...digits]
  }
  const body = [...integer(signature.subarray(0, 32)), ...integer(signature.subarray(32))]
  return Uint8Array.from([0x30, body.length, ...body])
}
