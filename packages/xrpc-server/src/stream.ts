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
        if (isDestroyable(chunks)) chunks.destroy()
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Ends a stream that nobody will read, begun or not. */
export async function discard(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    if (chunks instanceof ReadableStream) await chunks.cancel()
    // A stream of Node holds its file or socket from when it is made; its iterator would let go only once begun.
    else if (isDestroyable(chunks)) chunks.destroy()
    else await chunks[Symbol.asyncIterator]().return?.()
  } catch {
    // Whatever failed was of no interest any more.
  }
}

/** Whether a stream can be ended while somebody reads it. */
export const isDestroyable = (value: object): value is { destroy(): void } =>
  'destroy' in value && typeof value.destroy === 'function'

/**
 * `chunks`, made from `source`, such that destroying it ends the source too, begun or not: a generator that never began does
 * not run its `finally`, and one that waits for its source cannot be told to stop.
 */
export function ending(
  chunks: AsyncGenerator<Uint8Array>,
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> & { destroy(): void } {
  return {
    [Symbol.asyncIterator]: () => chunks,
    destroy: () => {
      void discard(source)
      void chunks.return(undefined).catch(() => {})
    },
  }
}
