// RFC 4648 section 4 base64. Written without padding, read with or without it.
// https://atproto.com/specs/data-model#json-representation

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const CODES: Uint8Array = /*#__PURE__*/ Uint8Array.from(ALPHABET, (char) => char.charCodeAt(0))
const VALUES: Uint8Array = /*#__PURE__*/ makeValues()

function makeValues(): Uint8Array {
  const values = new Uint8Array(128).fill(0xff)
  for (let i = 0; i < 64; i++) values[ALPHABET.charCodeAt(i)] = i
  return values
}

const decoder: TextDecoder = /*#__PURE__*/ new TextDecoder()

/** Base64 without padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 4) / 3))
  let at = 0
  let i = 0
  for (; i + 2 < bytes.length; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!
    out[at++] = CODES[bits >> 18]!
    out[at++] = CODES[(bits >> 12) & 63]!
    out[at++] = CODES[(bits >> 6) & 63]!
    out[at++] = CODES[bits & 63]!
  }
  const left = bytes.length - i
  if (left > 0) {
    const bits = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8)
    out[at++] = CODES[bits >> 18]!
    out[at++] = CODES[(bits >> 12) & 63]!
    if (left === 2) out[at++] = CODES[(bits >> 6) & 63]!
  }
  return decoder.decode(out)
}

/**
 * The bytes of base64, padded or not; null for other characters or a wrong length. Bits beyond the last byte are
 * ignored, as the interop vectors of the Lexicon language have such (`{ "$bytes": "123" }`).
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  let length = text.length
  if (length % 4 === 0 && length > 0 && text.charCodeAt(length - 1) === 0x3d) {
    length -= text.charCodeAt(length - 2) === 0x3d ? 2 : 1
  }
  const rest = length % 4
  if (rest === 1) return null
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let at = 0
  let bits = 0
  let count = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? VALUES[code]! : 0xff
    if (value === 0xff) return null
    bits = ((bits & 0xff) << 6) | value
    count += 6
    if (count >= 8) {
      count -= 8
      bytes[at++] = bits >> count
    }
  }
  return bytes
}
