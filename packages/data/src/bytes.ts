/** All bytes of some pieces in one array: the piece itself where there is one alone, a copy otherwise. */
export function concatBytes<Bytes extends Uint8Array>(
  pieces: readonly Bytes[],
): Bytes | Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0]!
  let length = 0
  for (const piece of pieces) length += piece.length
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/**
 * A body whole, such as that of a `Response`; null for one of more than `maxBytes` bytes, which is read no further and given up.
 *
 * @throws what reading the body throws
 */
export async function readBounded<Bytes extends Uint8Array>(
  body: ReadableStream<Bytes> | null,
  maxBytes: number,
): Promise<Bytes | Uint8Array<ArrayBuffer> | null> {
  const pieces: Bytes[] = []
  if (body === null) return concatBytes(pieces)
  // Not by `for await`: not every browser has it for streams.
  const reader = body.getReader()
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(pieces)
    length += value.length
    if (length > maxBytes) {
      // What giving up fails with is of no interest any more; it may also take as long as it likes.
      void reader.cancel().catch(() => undefined)
      return null
    }
    pieces.push(value)
  }
}
