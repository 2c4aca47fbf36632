/** A body that was read, or one that is handed on without having been read to its end. */
export type ReadBody =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: true }
  | { readonly stream: ReadableStream<Uint8Array>; readonly whole: false }

/** Reads a body up to `max` bytes; a larger one is given back as it came, with what was read in front. */
export async function readBody(stream: ReadableStream<Uint8Array>, max: number): Promise<ReadBody> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  while (size <= max) {
    const next = await reader.read()
    if (next.done) return { bytes: new Uint8Array(Buffer.concat(chunks)), whole: true }
    chunks.push(next.value)
    size += next.value.length
  }
  const rest = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const chunk = chunks.shift()
        if (chunk !== undefined) {
          controller.enqueue(chunk)
          return
        }
        const next = await reader.read()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return { stream: rest, whole: false }
}
