import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
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

/**
 * The web form of an answer, whose body ends in `too-large` past the bound, counted after decompression.
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

  const source = decompress(message)
  if (source !== message) headers.delete('content-length')
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

function decompress(message: IncomingMessage): Readable {
  const encoding = message.headers['content-encoding']?.trim().toLowerCase()
  if (encoding === undefined || encoding === '' || encoding === 'identity') return message
  const create = DECODERS.get(encoding)
  if (create === undefined) {
    message.destroy()
    throw new DidError('network', `unknown content coding; encoding=${encoding.slice(0, 100)}`)
  }
  // The pipeline destroys both ends on a fault of either; the reader of the last one hears of it.
  return pipeline(message, create(), () => undefined)
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
