import { BlobError } from './error.ts'
import type { ByteRange } from './range.ts'
import type { S3Client } from './s3-client.ts'

/** How long an answer that nobody reads is kept, in milliseconds. */
const UNREAD_MS = 1000

/**
 * The bytes of an object, or null if there is none. The service is asked at once, so that its answer is there when the first
 * byte is wanted; if that is not soon, the answer is given up and asked for again. A connection that is cut half way
 * is continued from where it was, as the bytes of a CID never change.
 */
export async function readObject(
  client: S3Client,
  key: string,
  range?: ByteRange,
): Promise<AsyncIterable<Uint8Array> | null> {
  let ready = await client.get(key, range)
  if (ready === null) return null
  const timer = setTimeout(() => void giveUp(), UNREAD_MS)
  timer.unref()
  const giveUp = async (): Promise<void> => {
    const unread = ready
    ready = null
    await unread?.body?.cancel().catch(() => {})
  }
  const first = async (): Promise<Response> => {
    clearTimeout(timer)
    const response = ready ?? (await client.get(key, range))
    ready = null
    if (response === null) throw new BlobError('unavailable', `the blob went away; key=${key}`)
    return response
  }
  return { [Symbol.asyncIterator]: () => pieces(client, key, range, first) }
}

async function* pieces(
  client: S3Client,
  key: string,
  range: ByteRange | undefined,
  first: () => Promise<Response>,
): AsyncGenerator<Uint8Array> {
  let response = await first()
  let at = range?.start ?? 0
  const length = response.headers.get('content-length')
  if (length === null) throw new BlobError('unavailable', `an answer of unknown length; key=${key}`)
  const end = at + Number(length) - 1
  for (let failures = 0; ;) {
    const reader = (response.body ?? new Blob([]).stream()).getReader()
    try {
      for (;;) {
        const { done, value } = await inTime(reader.read(), client.silenceMs)
        if (done) break
        at += value.length
        yield value
      }
      if (at > end) return
      throw new Error('the answer ended early')
    } catch (cause) {
      failures += 1
      if (failures >= client.attempts) {
        throw new BlobError('unavailable', `the store of blobs broke off; key=${key} at=${at}`, { cause })
      }
    } finally {
      // Closes the connection unless all was read; also when the reader stops half way.
      await reader.cancel().catch(() => {})
    }
    const rest = await client.get(key, { start: at, end })
    if (rest === null) throw new BlobError('unavailable', `the blob went away; key=${key} at=${at}`)
    response = rest
  }
}

/** The clock runs while the service is waited for, not while a slow reader keeps its bytes back. */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new DOMException('no bytes in time', 'TimeoutError')), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
