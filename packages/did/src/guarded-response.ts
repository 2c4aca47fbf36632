import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { DidError } from './error.ts'

/** What an answer is wrapped with. */
export interface ResponseOptions {
  readonly url: string
  readonly method: string
  readonly maxBytes: number
  /** The error that a fault of the stream is reported as. */
  readonly explain: (cause: unknown) => DidError
  /** Called once when the body has ended, failed or been given up. */
  readonly done: () => void
}

/** What a compressed body may expand to, for each byte that came; the first bytes of a body are free. */
const MAX_RATIO = 20
const FREE_BYTES = 1024 * 1024

/**
 * The web form of an answer, whose body ends in `too-large` past the bound, counted after decompression, and in `too-compressed`
 * when it is a bomb within that bound.
 * @throws {DidError} `network` for a content coding that was not asked for
 */
export function toResponse(message: IncomingMessage, options: ResponseOptions): Response {
  const { method, maxBytes, explain, done, url } = options
  const status = message.statusCode ?? 0
  // A fault before anybody reads must not become an uncaught event; who reads later still gets it.
  message.on('error', () => undefined)
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  if (method === 'HEAD' || status === 204 || status === 205 || status === 304) {
    message.resume()
    done()
    return withUrl(new Response(null, { status, headers }), url)
  }

  const { source, received } = decompress(message)
  if (received !== null) headers.delete('content-length')
  headers.delete('content-encoding')
  const iterator = source.iterator({ destroyOnReturn: true }) as AsyncIterator<Buffer>
  let size = 0
  const end = (): void => {
    done()
    message.destroy()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next()
          if (next.done) {
            done()
            controller.close()
            return
          }
          size += next.value.length
          if (size > maxBytes) throw new DidError('too-large', `answer is too large; max=${maxBytes}`)
          if (received !== null && size > FREE_BYTES && size > MAX_RATIO * received()) {
            throw new DidError('too-compressed', `answer expands too much; max=${MAX_RATIO}:1`)
          }
          controller.enqueue(new Uint8Array(next.value))
        } catch (cause) {
          const error = explain(cause)
          end()
          controller.error(error)
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
  return withUrl(new Response(body, { status, headers }), url)
}

/** `received`: how many bytes went into the decoder; null where there is none. */
function decompress(message: IncomingMessage): {
  source: Readable
  received: (() => number) | null
} {
  const encoding = message.headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return { source: message, received: null }
  const create = DECODERS.get(encoding)
  if (create === undefined) {
    message.destroy()
    throw new DidError('network', `unknown content coding; encoding=${encoding.slice(0, 100)}`)
  }
  let bytes = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  // The pipeline destroys all of them on a fault of any; the reader of the last one hears of it.
  return { source: pipeline(message, counter, create(), () => undefined), received: () => bytes }
}

const DECODERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

/** `Response.url` cannot be given to the constructor; redirects make it worth knowing. */
function withUrl(response: Response, url: string): Response {
  Object.defineProperty(response, 'url', { value: url })
  return response
}
