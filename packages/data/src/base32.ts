// RFC 4648 base32, lower case, no padding, for the one length this package needs: the 36 bytes of a CID are
// 288 bits = 57 characters of 5 bits and a last one with 3 bits and 2 zero bits.

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

const CODES = Array.from(ALPHABET, (char) => char.charCodeAt(0))

/** Character code → its 5 bits; 0xff for characters outside the alphabet. */
const VALUES = new Uint8Array(128).fill(0xff)
for (const [value, code] of CODES.entries()) VALUES[code] = value

/** Multibase prefix and 58 characters. */
export const CID_TEXT_LENGTH = 59

/** `b…` for 36 bytes. */
export function encodeBase32Cid(bytes: Uint8Array): string {
  const codes: number[] = [0x62]
  let bits = 0
  let count = 0
  for (let i = 0; i < 36; i++) {
    bits = ((bits & 0xff) << 8) | bytes[i]!
    count += 8
    while (count >= 5) {
      count -= 5
      codes.push(CODES[(bits >> count) & 31]!)
    }
  }
  codes.push(CODES[(bits << (5 - count)) & 31]!)
  return String.fromCharCode.apply(null, codes)
}

/** The 36 bytes of `b…`, or null where the text is not canonical base32 of that length. */
export function decodeBase32Cid(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length !== CID_TEXT_LENGTH || text.charCodeAt(0) !== 0x62) return null
  const bytes = new Uint8Array(36)
  let bits = 0
  let count = 0
  let at = 0
  for (let i = 1; i < CID_TEXT_LENGTH; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? VALUES[code]! : 0xff
    if (value === 0xff) return null
    bits = ((bits & 0xff) << 5) | value
    count += 5
    if (count >= 8) {
      count -= 8
      bytes[at++] = bits >> count
    }
  }
  // The two bits left over are padding: one spelling per CID.
  return (bits & 3) === 0 ? bytes : null
}
