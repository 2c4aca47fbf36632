// zstd with a dictionary: what Node's zlib does, and what nothing in browsers does yet.

/**
 * Unpacks one frame. Must stop, and throw, before it has made more than `maxBytes`.
 */
export type Decompress = (frame: Uint8Array, maxBytes: number) => Uint8Array

/** Makes an unpacker for frames packed with a dictionary. */
export type CreateDecompress = (dictionary: Uint8Array) => Decompress

const MAGIC = 0xec30a437

/**
 * The id in the header of a zstd dictionary (RFC 8878, 5): by it a server of v2 is asked for that dictionary. Null for what is none.
 */
export function parseDictionaryId(dictionary: Uint8Array): number | null {
  if (dictionary.length < 8) return null
  const view = new DataView(dictionary.buffer, dictionary.byteOffset, dictionary.length)
  return view.getUint32(0, true) === MAGIC ? view.getUint32(4, true) : null
}
