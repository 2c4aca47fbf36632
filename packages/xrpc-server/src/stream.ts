/** Bodies in pieces, between what Fetch has and what `for await` takes. */

/** A stream of what an iterable gives, read only as fast as it is wanted. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  if (chunks instanceof ReadableStream) return chunks as ReadableStream<Uint8Array>
  const iterator = chunks[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Ends a stream that nobody will read. */
export async function discard(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    if (chunks instanceof ReadableStream) await chunks.cancel()
    else await chunks[Symbol.asyncIterator]().return?.()
  } catch {
    // Whatever failed was of no interest any more.
  }
}
