/** What the first bytes of a file say of it. */
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]
const GZIP = [0x1f, 0x8b]
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/**
 * The frames of a capture: one behind the other, each with its length before it (32 bits, little-endian); plain, gzip, or
 * zstd where the browser has it. The file is streamed, never held whole.
 */
export async function* readFrames(file: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of await unpack(file)) {
    const bytes = rest.length === 0 ? chunk : join(rest, chunk)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    while (bytes.length - at >= 4) {
      const length = view.getUint32(at, true)
      if (length > MAX_FRAME_BYTES) throw new Error(`this is no capture: a frame of ${length} bytes`)
      if (bytes.length - at - 4 < length) break
      yield bytes.slice(at + 4, at + 4 + length)
      at += 4 + length
    }
    rest = bytes.subarray(at)
  }
  if (rest.length > 0) throw new Error(`the capture ends inside a frame: ${rest.length} bytes are left over`)
}

/** The text of a file, unpacked. */
export async function readText(file: Blob): Promise<string> {
  return new Response(await unpack(file)).text()
}

async function unpack(file: Blob): Promise<ReadableStream<Uint8Array>> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer())
  const starts = (magic: readonly number[]): boolean => magic.every((byte, index) => head[index] === byte)
  if (starts(GZIP)) return file.stream().pipeThrough(new DecompressionStream('gzip'))
  if (!starts(ZSTD)) return file.stream()
  try {
    return file.stream().pipeThrough(new DecompressionStream('zstd' as CompressionFormat))
  } catch {
    throw new Error('this browser cannot unpack zstd: unpack the file first (zstd -d)')
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
