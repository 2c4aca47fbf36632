// A capture as a source: frames one behind the other, each with its length (u32, little-endian), zstd-compressed or not.

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { FirehoseError } from './errors.ts'
import type { Source } from './options.ts'

/** Options of {@link captureSource}. */
export type CaptureOptions = {
  /** The source's name. Default `capture`. */
  readonly id?: string
  /** Bytes of a frame beyond which the file is taken to be broken. Default 16 MiB. */
  readonly maxFrameBytes?: number
}

const ZSTD_MAGIC = 0xfd2fb528

/**
 * The frames of a capture file (a path, or its bytes), read in bounded memory. Compression is told by the first four bytes.
 * @throws FirehoseError `capture-malformed` while iterating, when the file ends inside a frame or a length is impossible
 */
export async function* readCapture(
  capture: string | URL | Uint8Array,
  options: CaptureOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const maxFrame = options.maxFrameBytes ?? 16 * 1024 * 1024
  let buffer: Uint8Array = new Uint8Array(0)
  for await (const chunk of plainChunks(capture)) {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    let at = 0
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    while (buffer.length - at >= 4) {
      const length = view.getUint32(at, true)
      if (length > maxFrame) {
        throw new FirehoseError(
          'capture-malformed',
          `frame longer than allowed; bytes=${length} max=${maxFrame}`,
        )
      }
      if (buffer.length - at - 4 < length) break
      // A copy: what the app keeps of a frame must not keep the whole chunk.
      yield new Uint8Array(buffer.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    buffer = buffer.subarray(at)
  }
  if (buffer.length > 0) {
    throw new FirehoseError('capture-malformed', `capture ends inside a frame; bytes=${buffer.length}`)
  }
}

async function* plainChunks(capture: string | URL | Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks: AsyncIterator<Uint8Array> =
    capture instanceof Uint8Array
      ? slices(capture)
      : (createReadStream(capture)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>)
  let head: Uint8Array = new Uint8Array(0)
  while (head.length < 4) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const rest = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    if (head.length > 0) yield head
    yield* { [Symbol.asyncIterator]: () => chunks }
  }
  const magic = head.length < 4 ? 0 : new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true)
  if (magic !== ZSTD_MAGIC) {
    yield* rest()
    return
  }
  try {
    yield* Readable.from(rest()).pipe(createZstdDecompress()) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw new FirehoseError('capture-malformed', 'capture cannot be decompressed', { cause })
  }
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** A capture as a source for `consume`: read once, from its beginning. */
export function captureSource(capture: string | URL | Uint8Array, options: CaptureOptions = {}): Source {
  return {
    id: options.id ?? 'capture',
    kind: 'relay',
    host: null,
    frames: () => readCapture(capture, options),
  }
}
