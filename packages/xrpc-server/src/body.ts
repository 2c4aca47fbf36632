/** Request bodies: bounded before they are parsed. */
import { inflateChunks } from '#gzip'
import { concatBytes, DataError, fromJson } from '@avocet/data'
import type { Procedure } from '@avocet/lexicon'
import { matchesMime, mimeEssence, XrpcError } from '@avocet/xrpc'
import type { Call } from './call.ts'
import type { Limits } from './limits.ts'

/** What a request body turned out to be. */
export interface Input {
  /** Validated value, byte-bounded stream, or undefined. */
  readonly input: unknown
  /** Its MIME type, lower case, without parameters. */
  readonly encoding: string | null
}

/** What is done with JSON that its schema refuses. */
export interface InputChecks {
  readonly validate: boolean
  readonly truncate: boolean
}

const CHECKED: InputChecks = { validate: true, truncate: false }

const nothing: Input = { input: undefined, encoding: null }

/** Whether bodies of this encoding are JSON. */
export function isJsonEncoding(encoding: string): boolean {
  return encoding === 'application/json' || encoding.endsWith('+json')
}

/** Reads the body of a procedure. @throws {XrpcError} 400, 408, 413, 415 */
export async function readInput(
  call: Call,
  schema: Procedure,
  limits: Limits,
  { validate, truncate }: InputChecks = CHECKED,
): Promise<Input> {
  const body = schema.input
  const chunks = call.body()
  if (body === null) {
    if (chunks !== null) await refuseBody(chunks, limits)
    return nothing
  }
  const json = isJsonEncoding(body.encoding)
  // No bytes at all are bytes too, for who says what they are.
  if (chunks === null && (json || call.header('content-type') === null)) throw missing()
  const encoding = checkEncoding(body.encoding, call.header('content-type'))
  const max = json ? limits.jsonBytes : limits.blobBytes
  const declared = Number(call.header('content-length') ?? '0')
  if (declared > max) throw tooLarge(max)
  const plain = decompress(chunks ?? none(), call.header('content-encoding'))
  if (!json) return { input: boundedStream(plain, max, limits.bodyMs), encoding }
  const arrived = plain === chunks ? (call.arrived?.() ?? null) : null
  if (arrived !== null && arrived.length > max) throw tooLarge(max)
  const bytes = arrived ?? (await readAll(plain, max, limits.bodyMs))
  if (bytes.length === 0) throw missing()
  const value = parseJson(bytes)
  if (body.schema === null || !(validate || truncate)) return { input: value, encoding }
  const checked = body.schema.validate(value, truncate ? { truncate } : undefined)
  if (checked.ok) return { input: checked.value, encoding }
  if (!validate) return { input: value, encoding }
  const first = checked.issues[0]
  throw new XrpcError(
    400,
    'InvalidRequest',
    `Invalid input: ${first?.message ?? 'refused'} at ${first?.path || '/'}`,
  )
}

async function* none(): AsyncGenerator<Uint8Array> {}

function checkEncoding(wanted: string, contentType: string | null): string {
  if (contentType === null) {
    if (matchesMime(wanted, 'application/octet-stream')) return 'application/octet-stream'
    throw new XrpcError(415, 'InvalidRequest', 'Request encoding (Content-Type) required but not provided')
  }
  const encoding = mimeEssence(contentType)
  if (encoding === null || !matchesMime(wanted, encoding)) {
    throw new XrpcError(415, 'InvalidRequest', `Wrong request encoding (Content-Type): expected ${wanted}`)
  }
  return encoding
}

async function refuseBody(chunks: AsyncIterable<Uint8Array>, limits: Limits): Promise<void> {
  // An empty chunked body is no body.
  const bytes = await readAll(chunks, 0, limits.bodyMs).catch((error: unknown) => {
    if (error instanceof XrpcError && error.status === 413) return null
    throw error
  })
  if (bytes === null)
    throw new XrpcError(400, 'InvalidRequest', 'A request body was provided when none was expected')
}

/** A source that fails is a caller who left, or a connection that broke: no fault of this server. */
function broken(error: unknown): XrpcError {
  if (error instanceof XrpcError) return error
  return new XrpcError(400, 'InvalidRequest', 'The request body broke off', { cause: error })
}

function missing(): XrpcError {
  return new XrpcError(400, 'InvalidRequest', 'A request body is expected but none was provided')
}

function tooLarge(max: number): XrpcError {
  return new XrpcError(413, 'PayloadTooLarge', `request entity too large; max=${max}`)
}

function tooSlow(): XrpcError {
  return new XrpcError(408, 'RequestTimeout', 'The request body did not arrive in time')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parseJson(bytes: Uint8Array): unknown {
  try {
    return fromJson(JSON.parse(utf8.decode(bytes)))
  } catch (error) {
    if (error instanceof DataError)
      throw new XrpcError(400, 'InvalidRequest', `Invalid input: ${error.message}`)
    const what = error instanceof SyntaxError ? 'malformed JSON' : 'not UTF-8'
    throw new XrpcError(400, 'InvalidRequest', `Invalid input: ${what}`)
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>, max: number, timeMs: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  const iterator = chunks[Symbol.asyncIterator]()
  const deadline = createDeadline(timeMs)
  try {
    for (;;) {
      const next = await deadline.race(iterator.next())
      if (next.done === true) break
      length += next.value.length
      if (length > max) throw tooLarge(max)
      if (next.value.length > 0) parts.push(next.value)
    }
  } catch (error) {
    void iterator.return?.()
    throw broken(error)
  } finally {
    deadline.clear()
  }
  return concatBytes(parts)
}

function boundedStream(
  chunks: AsyncIterable<Uint8Array>,
  max: number,
  idleMs: number,
): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  let length = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const deadline = createDeadline(idleMs)
        try {
          const next = await deadline.race(iterator.next())
          if (next.done === true) {
            controller.close()
            return
          }
          length += next.value.length
          if (length > max) throw tooLarge(max)
          controller.enqueue(next.value)
        } catch (error) {
          void iterator.return?.()
          controller.error(broken(error))
        } finally {
          deadline.clear()
        }
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    // Nothing is read before the handler asks for it.
    { highWaterMark: 0 },
  )
}

function createDeadline(timeMs: number): { race<T>(work: Promise<T>): Promise<T>; clear(): void } {
  let expire: (error: XrpcError) => void = () => {}
  const expired = new Promise<never>((_, reject) => {
    expire = reject
  })
  expired.catch(() => {})
  const timer = setTimeout(() => expire(tooSlow()), timeMs)
  return {
    race: (work) => Promise.race([work, expired]),
    clear: () => clearTimeout(timer),
  }
}

function decompress(chunks: AsyncIterable<Uint8Array>, encoding: string | null): AsyncIterable<Uint8Array> {
  if (encoding === null || encoding === 'identity' || encoding === '') return chunks
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new XrpcError(
      415,
      'InvalidRequest',
      'Unsupported Content-Encoding: expected gzip, deflate or identity',
    )
  }
  return inflate(chunks, encoding)
}

/** What a packed body may expand to, for each byte that came; the first bytes of a body are free. */
const MAX_RATIO = 20
const FREE_BYTES = 1024 * 1024

async function* inflate(
  chunks: AsyncIterable<Uint8Array>,
  encoding: 'gzip' | 'deflate',
): AsyncGenerator<Uint8Array> {
  let failure: unknown
  let packed = 0
  let length = 0
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        packed += chunk.length
        yield chunk
      }
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    for await (const chunk of inflateChunks(watched(), encoding)) {
      length += chunk.length
      if (length > FREE_BYTES && length > MAX_RATIO * packed) {
        failure = new XrpcError(413, 'PayloadTooLarge', `request entity expands too much; max=${MAX_RATIO}:1`)
        break
      }
      yield chunk
    }
  } catch (error) {
    failure ??= new XrpcError(400, 'InvalidRequest', 'Malformed compressed body', { cause: error })
  }
  if (failure !== undefined) throw failure
}
