// A capture's plain bytes on Node: from a file, a Blob or memory, decompressed by node:zlib.

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { FirehoseError } from './errors.ts'

/** The first four bytes of a zstd frame: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
const ZSTD_MAGIC = 0xfd2fb528

/** The capture’s bytes, decompressed. */
export async function* openChunks(
  capture: string | URL | Blob | Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = rawChunks(capture)[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  while (head.length < 4) {
    const next = await chunks.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    if (head.length > 0) yield head
    yield* { [Symbol.asyncIterator]: () => chunks }
  }
  const magic = head.length < 4 ? 0 : new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true)
  if (magic !== ZSTD_MAGIC) {
    yield* all()
    return
  }
  try {
    yield* Readable.from(all()).pipe(createZstdDecompress()) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw new FirehoseError('capture-malformed', 'capture cannot be decompressed', { cause })
  }
}

function rawChunks(capture: string | URL | Blob | Uint8Array): AsyncIterable<Uint8Array> {
  if (capture instanceof Uint8Array) return slices(capture)
  if (capture instanceof Blob) return capture.stream()
  return createReadStream(capture) as AsyncIterable<Uint8Array>
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}
