// A capture's plain bytes in browsers: from a Blob or memory, decompressed where the platform knows zstd.

import { FirehoseError } from './errors.ts'

/** The first four bytes of a zstd frame: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
const ZSTD_MAGIC = 0xfd2fb528

/** The capture’s bytes, decompressed. */
export async function* openChunks(
  capture: string | URL | Blob | Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof capture === 'string' || capture instanceof URL) {
    throw new FirehoseError('invalid-option', 'there are no files here: give a Blob or bytes')
  }
  const blob = capture instanceof Blob ? capture : new Blob([new Uint8Array(capture)])
  const head = new DataView(await blob.slice(0, 4).arrayBuffer())
  const compressed = head.byteLength === 4 && head.getUint32(0, true) === ZSTD_MAGIC
  const reader = (compressed ? blob.stream().pipeThrough(decompress()) : blob.stream()).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } catch (cause) {
    throw new FirehoseError('capture-malformed', 'capture cannot be decompressed', { cause })
  } finally {
    reader.cancel().catch(() => {})
  }
}

function decompress(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  try {
    return new DecompressionStream('zstd' as 'gzip')
  } catch (cause) {
    throw new FirehoseError(
      'invalid-option',
      'this platform does not know zstd: decompress the capture first',
      {
        cause,
      },
    )
  }
}
