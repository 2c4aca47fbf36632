// A capture as a source: frames one behind the other, each with its length (u32, little-endian), zstd-compressed or not.

import { openChunks } from '#capture-chunks'
import { FirehoseError } from './errors.ts'
import type { Source } from './options.ts'

/** A capture: the path of a file (not in browsers), a `Blob` or `File`, or its bytes. */
export type CaptureInput = string | URL | Blob | Uint8Array

/** Options of {@link captureSource}. */
export type CaptureOptions = {
  /** The source's name. Default `capture`. */
  readonly id?: string
  /** Bytes of a frame beyond which the file is taken to be broken. Default 16 MiB. */
  readonly maxFrameBytes?: number
}

/**
 * The frames of a capture, read in bounded memory. Compression is told by the first four bytes.
 * @throws FirehoseError `capture-malformed` while iterating, when the file ends inside a frame or a length is impossible
 */
export async function* readCapture(
  capture: CaptureInput,
  options: CaptureOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const maxFrame = options.maxFrameBytes ?? 16 * 1024 * 1024
  let buffer: Uint8Array = new Uint8Array(0)
  for await (const chunk of openChunks(capture)) {
    buffer = concat(buffer, chunk)
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    let at = 0
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

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

/** A capture as a source for `consume`: read once, from its beginning. */
export function captureSource(capture: CaptureInput, options: CaptureOptions = {}): Source {
  return {
    id: options.id ?? 'capture',
    kind: 'relay',
    host: null,
    patient: true,
    frames: () => readCapture(capture, options),
  }
}
