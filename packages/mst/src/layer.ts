// SHA-256 (FIPS 180-4) of ASCII strings, of which only the leading zeros matter. Each key of each node that is
// verified is hashed, and a call into OpenSSL costs more than this does for the one block that a key usually is.

import { MstError } from './error.ts'
import { MAX_KEY_LENGTH } from './key.ts'
import { compress } from './sha256.ts'

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
  // Of the array given last, mostly the same one: a view reads a whole word at once.
  let viewed: Uint8Array = new Uint8Array(0)
  let view: DataView = new DataView(viewed.buffer)

  return {
    layer(key, length, shared) {
      if (key !== viewed) {
        viewed = key
        view = new DataView(key.buffer, key.byteOffset, key.byteLength)
      }
      const blocks = ((length + 8) >> 6) + 1
      const end = blocks << 6
      key[length] = 0x80
      // Bytes up to the next whole word, then words.
      let at = length + 1
      while ((at & 3) !== 0) key[at++] = 0
      for (; at < end - 4; at += 4) view.setInt32(at, 0)
      view.setInt32(end - 4, length << 3)
      for (let block = shared >> 6; block < blocks; block++) {
        for (let i = 0, p = block << 6; i < 16; i++, p += 4) w[i] = view.getInt32(p)
        compress(states, block, w)
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
