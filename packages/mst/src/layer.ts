// SHA-256 (FIPS 180-4) of ASCII strings, of which only the leading zeros matter. Each key of each node that is
// verified is hashed, and a call into OpenSSL costs more than this does for the one block that a key usually is.

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
   * @param shared how many leading characters are those of the key given last: whole blocks of 64 among them are not
   *   hashed again, so that a node full of long keys with a common prefix costs no more than its bytes.
   */
  layer(key: string, shared: number): number
}

/** Makes a {@link LayerHasher} with buffers of its own. */
export function createLayerHasher(): LayerHasher {
  const w = new Int32Array(64)
  // State before block n at 8n: 1024 characters and the padding are at most 17 blocks; one more for the result.
  const states = new Int32Array(8 * 18)
  states.set(INITIAL)

  const compress = (block: number): void => {
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!
      const y = w[i - 2]!
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0
    }
    const at = block * 8
    let a = states[at]!
    let b = states[at + 1]!
    let c = states[at + 2]!
    let d = states[at + 3]!
    let e = states[at + 4]!
    let f = states[at + 5]!
    let g = states[at + 6]!
    let h = states[at + 7]!
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + (g ^ (e & (f ^ g))) + K[i]! + w[i]!) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
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
    layer(key, shared) {
      const { length } = key
      const blocks = ((length + 8) >> 6) + 1
      for (let block = shared >> 6; block < blocks; block++) {
        const start = block << 6
        if (start + 64 <= length) {
          for (let i = 0, p = start; i < 16; i++, p += 4) {
            w[i] =
              (key.charCodeAt(p) << 24) |
              (key.charCodeAt(p + 1) << 16) |
              (key.charCodeAt(p + 2) << 8) |
              key.charCodeAt(p + 3)
          }
        } else {
          w.fill(0, 0, 16)
          for (let p = start; p < length; p++) {
            w[(p - start) >> 2]! |= key.charCodeAt(p) << (24 - ((p & 3) << 3))
          }
          if (length >= start) w[(length - start) >> 2]! |= 0x80 << (24 - ((length & 3) << 3))
          if (block === blocks - 1) w[15] = length << 3
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

/** The layer of a key: how many leading zero bit-pairs the SHA-256 of its ASCII bytes has. 0 for most, 128 at most. */
export function keyLayer(key: string): number {
  return hasher.layer(key, 0)
}
