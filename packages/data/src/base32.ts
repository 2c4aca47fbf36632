// RFC 4648 base32, lower case, no padding, for the one length this package needs: the 36 bytes of a CID are
// 288 bits = 57 characters of 5 bits and a last one with 3 bits and 2 zero bits.

import { latin1 } from './latin1.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const PREFIX = 0x62

// Each table is made by a call without effects, so that a bundler drops the one that a program does not use.

/** Character code → its 5 bits; 0xff for characters outside the alphabet. */
const VALUES: Uint8Array = /*#__PURE__*/ makeValues()
/** 10 bits → two character codes, as one number for a Uint16Array (in the byte order of the machine). */
const PAIRS: Uint16Array = /*#__PURE__*/ makePairs()

function makeValues(): Uint8Array {
  const values = new Uint8Array(128).fill(0xff)
  for (let i = 0; i < 32; i++) values[ALPHABET.charCodeAt(i)] = i
  return values
}

function makePairs(): Uint16Array {
  const bytes = new Uint8Array(2048)
  for (let i = 0; i < 1024; i++) {
    bytes[2 * i] = ALPHABET.charCodeAt(i >> 5)
    bytes[2 * i + 1] = ALPHABET.charCodeAt(i & 31)
  }
  return new Uint16Array(bytes.buffer)
}

/** Multibase prefix and 58 characters. */
const CID_TEXT_LENGTH = 59

// Where a text is put together; one is enough, nothing here waits. The prefix goes to 1, so that the pairs are aligned.
const scratch: Uint8Array<ArrayBuffer> = /*#__PURE__*/ new Uint8Array(2 + 58)
const scratchPairs: Uint16Array = /*#__PURE__*/ new Uint16Array(scratch.buffer)

/** `b…` for 36 bytes. */
export function encodeBase32Cid(bytes: Uint8Array): string {
  let at = 1
  scratch[1] = PREFIX
  // Five bytes are four pairs of characters; 35 of the 36 bytes go this way.
  for (let i = 0; i < 35; i += 5) {
    const b = bytes[i + 1]!
    const d = bytes[i + 3]!
    scratchPairs[at] = PAIRS[(bytes[i]! << 2) | (b >> 6)]!
    scratchPairs[at + 1] = PAIRS[((b & 63) << 4) | (bytes[i + 2]! >> 4)]!
    scratchPairs[at + 2] = PAIRS[((bytes[i + 2]! & 15) << 6) | (d >> 2)]!
    scratchPairs[at + 3] = PAIRS[((d & 3) << 8) | bytes[i + 4]!]!
    at += 4
  }
  scratchPairs[at] = PAIRS[bytes[35]! << 2]!
  return latin1(scratch, 1, 60)
}

/** The 36 bytes of `b…`, or null where the text is not canonical base32 of that length. */
export function decodeBase32Cid(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length !== CID_TEXT_LENGTH || text.charCodeAt(0) !== PREFIX) return null
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
