// https://datatracker.ietf.org/doc/html/draft-msporny-base58-03
// Quadratic in the length, so both directions are bounded by the longest key text there is.

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const VALUES: Int8Array = /* @__PURE__ */ makeValues()

function makeValues(): Int8Array {
  const values = new Int8Array(128).fill(-1)
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i
  return values
}

/** Longest text read: an uncompressed point with a codec prefix takes 92 characters. */
const MAX_BASE58_LENGTH = 100

/** Base58 (Bitcoin's alphabet) of some bytes. */
export function encodeBase58(bytes: Uint8Array): string {
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let i = 0; i < digits.length; i++) {
      carry += digits[i]! << 8
      digits[i] = carry % 58
      carry = (carry / 58) | 0
    }
    for (; carry > 0; carry = (carry / 58) | 0) digits.push(carry % 58)
  }
  let text = ''
  for (let i = 0; bytes[i] === 0; i++) text += ALPHABET[0]!
  for (let i = digits.length - 1; i >= 0; i--) text += ALPHABET[digits[i]!]!
  return text
}

/** The bytes of a base58 text; null for other characters or a text that is too long. */
export function decodeBase58(text: string): Uint8Array | null {
  if (text.length > MAX_BASE58_LENGTH) return null
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    let carry = code < 128 ? VALUES[code]! : -1
    if (carry < 0) return null
    for (let i = 0; i < bytes.length; i++) {
      carry += bytes[i]! * 58
      bytes[i] = carry & 0xff
      carry >>= 8
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff)
  }
  for (let i = 0; text[i] === ALPHABET[0]; i++) bytes.push(0)
  return Uint8Array.from(bytes.toReversed())
}
