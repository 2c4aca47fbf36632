import { streamOf } from './stream.ts'

/** Gzips whole bytes. */
export async function gzipBytes(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Gzips a stream. */
export function gzipChunks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const gzipper = new CompressionStream('gzip') as unknown as ReadableWritablePair<Uint8Array, Uint8Array>
  return streamOf(chunks).pipeThrough(gzipper)
}

/** Unpacks a stream. What is malformed, or not whole, fails. */
export function inflateChunks(
  chunks: AsyncIterable<Uint8Array>,
  encoding: 'gzip' | 'deflate',
): AsyncIterable<Uint8Array> {
  const inflater = new DecompressionStream(encoding) as unknown as ReadableWritablePair<
    Uint8Array,
    Uint8Array
  >
  return streamOf(chunks).pipeThrough(inflater)
}
