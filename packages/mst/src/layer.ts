// SHA-256 (FIPS 180-4) of ASCII strings, of which only the leading zeros matter. Each key of each node that is
// verified is hashed, and a call into OpenSSL costs more than this does for the one block that a key usually is.

import { MstError } from './error.ts'
import { MAX_KEY_LENGTH } from './key.ts'

const K = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
])
const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]

/** A reusable hasher of keys. It keeps the states between the blocks of the last key. */
export interface LayerHasher {
  /**
   * The layer of an ASCII key: the number of leading zero bit-pairs of its SHA-256, 0 to 128.
   *
   * @param key its bytes, from index 0; at least 72 more must be writable behind them.
   * @param length number of its bytes, at most 1024.
   * @param shared how many leading bytes are those of the key given last: whole blocks of 64 among them are not
   *   hashed again, so that a node full of long keys with a common prefix costs no more than its bytes.
   */
  layer(key: Uint8Array, length: number, shared: number): number
}

/** Makes a {@link LayerHasher} with buffers of its own. */
export function createLayerHasher(): LayerHasher {
  const w = new Int32Array(16)
  // State before block n at 8n: 1024 characters and the padding are at most 17 blocks; one more for the result.
  const states = new Int32Array(8 * 18)
  states.set(INITIAL)

  // Sixteen rounds at a time with the message schedule in variables: twice as fast as a loop over an array of 64.
  const compress = (block: number): void => {
    const at = block * 8
    let a = states[at]!
    let b = states[at + 1]!
    let c = states[at + 2]!
    let d = states[at + 3]!
    let e = states[at + 4]!
    let f = states[at + 5]!
    let g = states[at + 6]!
    let h = states[at + 7]!
    let w0 = w[0]!
    let w1 = w[1]!
    let w2 = w[2]!
    let w3 = w[3]!
    let w4 = w[4]!
    let w5 = w[5]!
    let w6 = w[6]!
    let w7 = w[7]!
    let w8 = w[8]!
    let w9 = w[9]!
    let w10 = w[10]!
    let w11 = w[11]!
    let w12 = w[12]!
    let w13 = w[13]!
    let w14 = w[14]!
    let w15 = w[15]!
    for (let i = 0; ; i += 16) {
      h =
        (h +
          ((((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) +
            (g ^ (e & (f ^ g))) +
            K[i]! +
            w0)) |
        0
      d = (d + h) | 0
      h =
        (h +
          (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) +
          ((a & b) | (c & (a | b)))) |
        0
      g =
        (g +
          ((((d >>> 6) | (d << 26)) ^ ((d >>> 11) | (d << 21)) ^ ((d >>> 25) | (d << 7))) +
            (f ^ (d & (e ^ f))) +
            K[i + 1]! +
            w1)) |
        0
      c = (c + g) | 0
      g =
        (g +
          (((h >>> 2) | (h << 30)) ^ ((h >>> 13) | (h << 19)) ^ ((h >>> 22) | (h << 10))) +
          ((h & a) | (b & (h | a)))) |
        0
      f =
        (f +
          ((((c >>> 6) | (c << 26)) ^ ((c >>> 11) | (c << 21)) ^ ((c >>> 25) | (c << 7))) +
            (e ^ (c & (d ^ e))) +
            K[i + 2]! +
            w2)) |
        0
      b = (b + f) | 0
      f =
        (f +
          (((g >>> 2) | (g << 30)) ^ ((g >>> 13) | (g << 19)) ^ ((g >>> 22) | (g << 10))) +
          ((g & h) | (a & (g | h)))) |
        0
      e =
        (e +
          ((((b >>> 6) | (b << 26)) ^ ((b >>> 11) | (b << 21)) ^ ((b >>> 25) | (b << 7))) +
            (d ^ (b & (c ^ d))) +
            K[i + 3]! +
            w3)) |
        0
      a = (a + e) | 0
      e =
        (e +
          (((f >>> 2) | (f << 30)) ^ ((f >>> 13) | (f << 19)) ^ ((f >>> 22) | (f << 10))) +
          ((f & g) | (h & (f | g)))) |
        0
      d =
        (d +
          ((((a >>> 6) | (a << 26)) ^ ((a >>> 11) | (a << 21)) ^ ((a >>> 25) | (a << 7))) +
            (c ^ (a & (b ^ c))) +
            K[i + 4]! +
            w4)) |
        0
      h = (h + d) | 0
      d =
        (d +
          (((e >>> 2) | (e << 30)) ^ ((e >>> 13) | (e << 19)) ^ ((e >>> 22) | (e << 10))) +
          ((e & f) | (g & (e | f)))) |
        0
      c =
        (c +
          ((((h >>> 6) | (h << 26)) ^ ((h >>> 11) | (h << 21)) ^ ((h >>> 25) | (h << 7))) +
            (b ^ (h & (a ^ b))) +
            K[i + 5]! +
            w5)) |
        0
      g = (g + c) | 0
      c =
        (c +
          (((d >>> 2) | (d << 30)) ^ ((d >>> 13) | (d << 19)) ^ ((d >>> 22) | (d << 10))) +
          ((d & e) | (f & (d | e)))) |
        0
      b =
        (b +
          ((((g >>> 6) | (g << 26)) ^ ((g >>> 11) | (g << 21)) ^ ((g >>> 25) | (g << 7))) +
            (a ^ (g & (h ^ a))) +
            K[i + 6]! +
            w6)) |
        0
      f = (f + b) | 0
      b =
        (b +
          (((c >>> 2) | (c << 30)) ^ ((c >>> 13) | (c << 19)) ^ ((c >>> 22) | (c << 10))) +
          ((c & d) | (e & (c | d)))) |
        0
      a =
        (a +
          ((((f >>> 6) | (f << 26)) ^ ((f >>> 11) | (f << 21)) ^ ((f >>> 25) | (f << 7))) +
            (h ^ (f & (g ^ h))) +
            K[i + 7]! +
            w7)) |
        0
      e = (e + a) | 0
      a =
        (a +
          (((b >>> 2) | (b << 30)) ^ ((b >>> 13) | (b << 19)) ^ ((b >>> 22) | (b << 10))) +
          ((b & c) | (d & (b | c)))) |
        0
      h =
        (h +
          ((((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) +
            (g ^ (e & (f ^ g))) +
            K[i + 8]! +
            w8)) |
        0
      d = (d + h) | 0
      h =
        (h +
          (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) +
          ((a & b) | (c & (a | b)))) |
        0
      g =
        (g +
          ((((d >>> 6) | (d << 26)) ^ ((d >>> 11) | (d << 21)) ^ ((d >>> 25) | (d << 7))) +
            (f ^ (d & (e ^ f))) +
            K[i + 9]! +
            w9)) |
        0
      c = (c + g) | 0
      g =
        (g +
          (((h >>> 2) | (h << 30)) ^ ((h >>> 13) | (h << 19)) ^ ((h >>> 22) | (h << 10))) +
          ((h & a) | (b & (h | a)))) |
        0
      f =
        (f +
          ((((c >>> 6) | (c << 26)) ^ ((c >>> 11) | (c << 21)) ^ ((c >>> 25) | (c << 7))) +
            (e ^ (c & (d ^ e))) +
            K[i + 10]! +
            w10)) |
        0
      b = (b + f) | 0
      f =
        (f +
          (((g >>> 2) | (g << 30)) ^ ((g >>> 13) | (g << 19)) ^ ((g >>> 22) | (g << 10))) +
          ((g & h) | (a & (g | h)))) |
        0
      e =
        (e +
          ((((b >>> 6) | (b << 26)) ^ ((b >>> 11) | (b << 21)) ^ ((b >>> 25) | (b << 7))) +
            (d ^ (b & (c ^ d))) +
            K[i + 11]! +
            w11)) |
        0
      a = (a + e) | 0
      e =
        (e +
          (((f >>> 2) | (f << 30)) ^ ((f >>> 13) | (f << 19)) ^ ((f >>> 22) | (f << 10))) +
          ((f & g) | (h & (f | g)))) |
        0
      d =
        (d +
          ((((a >>> 6) | (a << 26)) ^ ((a >>> 11) | (a << 21)) ^ ((a >>> 25) | (a << 7))) +
            (c ^ (a & (b ^ c))) +
            K[i + 12]! +
            w12)) |
        0
      h = (h + d) | 0
      d =
        (d +
          (((e >>> 2) | (e << 30)) ^ ((e >>> 13) | (e << 19)) ^ ((e >>> 22) | (e << 10))) +
          ((e & f) | (g & (e | f)))) |
        0
      c =
        (c +
          ((((h >>> 6) | (h << 26)) ^ ((h >>> 11) | (h << 21)) ^ ((h >>> 25) | (h << 7))) +
            (b ^ (h & (a ^ b))) +
            K[i + 13]! +
            w13)) |
        0
      g = (g + c) | 0
      c =
        (c +
          (((d >>> 2) | (d << 30)) ^ ((d >>> 13) | (d << 19)) ^ ((d >>> 22) | (d << 10))) +
          ((d & e) | (f & (d | e)))) |
        0
      b =
        (b +
          ((((g >>> 6) | (g << 26)) ^ ((g >>> 11) | (g << 21)) ^ ((g >>> 25) | (g << 7))) +
            (a ^ (g & (h ^ a))) +
            K[i + 14]! +
            w14)) |
        0
      f = (f + b) | 0
      b =
        (b +
          (((c >>> 2) | (c << 30)) ^ ((c >>> 13) | (c << 19)) ^ ((c >>> 22) | (c << 10))) +
          ((c & d) | (e & (c | d)))) |
        0
      a =
        (a +
          ((((f >>> 6) | (f << 26)) ^ ((f >>> 11) | (f << 21)) ^ ((f >>> 25) | (f << 7))) +
            (h ^ (f & (g ^ h))) +
            K[i + 15]! +
            w15)) |
        0
      e = (e + a) | 0
      a =
        (a +
          (((b >>> 2) | (b << 30)) ^ ((b >>> 13) | (b << 19)) ^ ((b >>> 22) | (b << 10))) +
          ((b & c) | (d & (b | c)))) |
        0
      if (i === 48) break
      w0 =
        (w0 +
          w9 +
          (((w1 >>> 7) | (w1 << 25)) ^ ((w1 >>> 18) | (w1 << 14)) ^ (w1 >>> 3)) +
          (((w14 >>> 17) | (w14 << 15)) ^ ((w14 >>> 19) | (w14 << 13)) ^ (w14 >>> 10))) |
        0
      w1 =
        (w1 +
          w10 +
          (((w2 >>> 7) | (w2 << 25)) ^ ((w2 >>> 18) | (w2 << 14)) ^ (w2 >>> 3)) +
          (((w15 >>> 17) | (w15 << 15)) ^ ((w15 >>> 19) | (w15 << 13)) ^ (w15 >>> 10))) |
        0
      w2 =
        (w2 +
          w11 +
          (((w3 >>> 7) | (w3 << 25)) ^ ((w3 >>> 18) | (w3 << 14)) ^ (w3 >>> 3)) +
          (((w0 >>> 17) | (w0 << 15)) ^ ((w0 >>> 19) | (w0 << 13)) ^ (w0 >>> 10))) |
        0
      w3 =
        (w3 +
          w12 +
          (((w4 >>> 7) | (w4 << 25)) ^ ((w4 >>> 18) | (w4 << 14)) ^ (w4 >>> 3)) +
          (((w1 >>> 17) | (w1 << 15)) ^ ((w1 >>> 19) | (w1 << 13)) ^ (w1 >>> 10))) |
        0
      w4 =
        (w4 +
          w13 +
          (((w5 >>> 7) | (w5 << 25)) ^ ((w5 >>> 18) | (w5 << 14)) ^ (w5 >>> 3)) +
          (((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10))) |
        0
      w5 =
        (w5 +
          w14 +
          (((w6 >>> 7) | (w6 << 25)) ^ ((w6 >>> 18) | (w6 << 14)) ^ (w6 >>> 3)) +
          (((w3 >>> 17) | (w3 << 15)) ^ ((w3 >>> 19) | (w3 << 13)) ^ (w3 >>> 10))) |
        0
      w6 =
        (w6 +
          w15 +
          (((w7 >>> 7) | (w7 << 25)) ^ ((w7 >>> 18) | (w7 << 14)) ^ (w7 >>> 3)) +
          (((w4 >>> 17) | (w4 << 15)) ^ ((w4 >>> 19) | (w4 << 13)) ^ (w4 >>> 10))) |
        0
      w7 =
        (w7 +
          w0 +
          (((w8 >>> 7) | (w8 << 25)) ^ ((w8 >>> 18) | (w8 << 14)) ^ (w8 >>> 3)) +
          (((w5 >>> 17) | (w5 << 15)) ^ ((w5 >>> 19) | (w5 << 13)) ^ (w5 >>> 10))) |
        0
      w8 =
        (w8 +
          w1 +
          (((w9 >>> 7) | (w9 << 25)) ^ ((w9 >>> 18) | (w9 << 14)) ^ (w9 >>> 3)) +
          (((w6 >>> 17) | (w6 << 15)) ^ ((w6 >>> 19) | (w6 << 13)) ^ (w6 >>> 10))) |
        0
      w9 =
        (w9 +
          w2 +
          (((w10 >>> 7) | (w10 << 25)) ^ ((w10 >>> 18) | (w10 << 14)) ^ (w10 >>> 3)) +
          (((w7 >>> 17) | (w7 << 15)) ^ ((w7 >>> 19) | (w7 << 13)) ^ (w7 >>> 10))) |
        0
      w10 =
        (w10 +
          w3 +
          (((w11 >>> 7) | (w11 << 25)) ^ ((w11 >>> 18) | (w11 << 14)) ^ (w11 >>> 3)) +
          (((w8 >>> 17) | (w8 << 15)) ^ ((w8 >>> 19) | (w8 << 13)) ^ (w8 >>> 10))) |
        0
      w11 =
        (w11 +
          w4 +
          (((w12 >>> 7) | (w12 << 25)) ^ ((w12 >>> 18) | (w12 << 14)) ^ (w12 >>> 3)) +
          (((w9 >>> 17) | (w9 << 15)) ^ ((w9 >>> 19) | (w9 << 13)) ^ (w9 >>> 10))) |
        0
      w12 =
        (w12 +
          w5 +
          (((w13 >>> 7) | (w13 << 25)) ^ ((w13 >>> 18) | (w13 << 14)) ^ (w13 >>> 3)) +
          (((w10 >>> 17) | (w10 << 15)) ^ ((w10 >>> 19) | (w10 << 13)) ^ (w10 >>> 10))) |
        0
      w13 =
        (w13 +
          w6 +
          (((w14 >>> 7) | (w14 << 25)) ^ ((w14 >>> 18) | (w14 << 14)) ^ (w14 >>> 3)) +
          (((w11 >>> 17) | (w11 << 15)) ^ ((w11 >>> 19) | (w11 << 13)) ^ (w11 >>> 10))) |
        0
      w14 =
        (w14 +
          w7 +
          (((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)) +
          (((w12 >>> 17) | (w12 << 15)) ^ ((w12 >>> 19) | (w12 << 13)) ^ (w12 >>> 10))) |
        0
      w15 =
        (w15 +
          w8 +
          (((w0 >>> 7) | (w0 << 25)) ^ ((w0 >>> 18) | (w0 << 14)) ^ (w0 >>> 3)) +
          (((w13 >>> 17) | (w13 << 15)) ^ ((w13 >>> 19) | (w13 << 13)) ^ (w13 >>> 10))) |
        0
    }
    states[at + 8] = (states[at]! + a) | 0
    states[at + 9] = (states[at + 1]! + b) | 0
    states[at + 10] = (states[at + 2]! + c) | 0
    states[at + 11] = (states[at + 3]! + d) | 0
    states[at + 12] = (states[at + 4]! + e) | 0
    states[at + 13] = (states[at + 5]! + f) | 0
    states[at + 14] = (states[at + 6]! + g) | 0
    states[at + 15] = (states[at + 7]! + h) | 0
  }

  return {
    layer(key, length, shared) {
      const blocks = ((length + 8) >> 6) + 1
      const end = blocks << 6
      key[length] = 0x80
      for (let i = length + 1; i < end - 3; i++) key[i] = 0
      // Keys have at most 1024 bytes: the length in bits fits the last two.
      key[end - 3] = 0
      key[end - 2] = length >> 5
      key[end - 1] = length << 3
      for (let block = shared >> 6; block < blocks; block++) {
        for (let i = 0, p = block << 6; i < 16; i++, p += 4) {
          w[i] = (key[p]! << 24) | (key[p + 1]! << 16) | (key[p + 2]! << 8) | key[p + 3]!
        }
        compress(block)
      }
      const result = blocks * 8
      let zeros = 0
      for (let i = 0; i < 8; i++) {
        const word = states[result + i]!
        if (word !== 0) return (zeros + Math.clz32(word)) >> 1
        zeros += 32
      }
      return 128
    },
  }
}

const hasher = createLayerHasher()
const scratch = new Uint8Array(MAX_KEY_LENGTH + 128)

/**
 * The layer of a key: how many leading zero bit-pairs the SHA-256 of its ASCII bytes has. 0 for most, 128 at most.
 *
 * @throws {MstError} `invalid-key` for more than 1024 characters.
 */
export function keyLayer(key: string): number {
  const { length } = key
  if (length > MAX_KEY_LENGTH) throw new MstError('invalid-key', `key is too long; length=${length}`, { key })
  for (let i = 0; i < length; i++) scratch[i] = key.charCodeAt(i)
  return hasher.layer(scratch, length, 0)
}
