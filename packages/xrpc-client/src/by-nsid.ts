/**
 * Calls by NSID, with a schema or without: for methods that a program learns of as it runs. What the lexicons of the client know is checked by
 * them; all else is JSON of the data model, as it comes.
 */
import { DataError, type DataValue, fromJson } from '@avocet/data'
import type { Procedure, Query } from '@avocet/lexicon'
import { isNsid } from '@avocet/syntax'
import { encodeParams, type ParamValue, stringifyJson } from '@avocet/xrpc'
import { parseJson, readJson } from './client.ts'
import { issuesError, XrpcClientError } from './error.ts'
import { items, type ItemFailure } from './pages.ts'
import type { CallResult, CallSettings, Client, RawRequest, UploadBody } from './types.ts'

/** What a call by NSID takes. */
export interface NamedOptions extends CallSettings {
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly signal?: AbortSignal
}

/** What a procedure takes besides. */
export interface NamedInput extends NamedOptions {
  /** JSON, or bytes with their `encoding`. */
  readonly input?: object | UploadBody
  /** MIME type of an input that is not JSON; a `Blob` brings its own. */
  readonly encoding?: string
}

/** What came of it: data where the answer is JSON, a stream where it is not, undefined where there is none. */
export type NamedOutput = DataValue | ReadableStream<Uint8Array> | undefined

const MAX_JSON = 16 * 1024 * 1024

/** Calls a query by its NSID. */
export function get(
  client: Client,
  nsid: string,
  options: NamedOptions = {},
): Promise<CallResult<NamedOutput>> {
  return call(client, 'query', nsid, options)
}

/** Calls a procedure by its NSID. */
export function post(
  client: Client,
  nsid: string,
  options: NamedInput = {},
): Promise<CallResult<NamedOutput>> {
  return call(client, 'procedure', nsid, options)
}

/**
 * The items of a query with a cursor, across its pages.
 *
 * @param key which member of a page holds them: `records`, `followers`, …
 * @param options `onInvalid`: told of each item that is not of the data model, or that a known schema refuses; it is left out. Default: the first
 *   one ends the list
 * @throws {XrpcClientError} of a call that failed; `invalid-response` for a page without such a list, and when the cursor does not move
 */
export async function* list(
  client: Client,
  nsid: string,
  key: string,
  options: NamedOptions & { readonly onInvalid?: (failure: ItemFailure) => void } = {},
): AsyncGenerator<DataValue, void> {
  const { onInvalid, ...rest } = options
  const schema = schemaOf(client, 'query', nsid)
  if (schema !== undefined) {
    yield* items(client, schema as Query, key as never, options as never) as AsyncGenerator<DataValue, void>
    return
  }
  const lenient = options.lenient ?? client.settings.lenient ?? false
  let cursor = options.params?.['cursor']
  for (;;) {
    const answer = await send(client, 'query', nsid, { ...rest, params: { ...options.params, cursor } })
    if (!answer.ok) throw answer.error
    const page = ((await parseJson(answer.value, MAX_JSON, nsid)) ?? {}) as Record<string, unknown>
    const found = Object.hasOwn(page, key) ? page[key] : undefined
    if (!Array.isArray(found)) {
      throw new XrpcClientError('invalid-response', `no such list in the answer; nsid=${nsid} key=${key}`)
    }
    for (const [index, value] of found.entries()) {
      let item: DataValue
      try {
        item = fromJson(value, { lenient })
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        const issues = [{ path: error.path, code: 'invalid-type' as const, message: error.message }]
        if (onInvalid === undefined) throw issuesError('invalid-response', nsid, `${key}/${index}`, issues)
        onInvalid({ index, value, issues })
        continue
      }
      yield item
    }
    const { cursor: next } = page
    if (typeof next !== 'string' || next === '') return
    if (next === cursor)
      throw new XrpcClientError('invalid-response', `the cursor does not move; nsid=${nsid}`)
    cursor = next
  }
}

async function call(
  client: Client,
  type: 'query' | 'procedure',
  nsid: string,
  options: NamedInput,
): Promise<CallResult<NamedOutput>> {
  try {
    const schema = schemaOf(client, type, nsid)
    // What it takes is not known here; the call says what is wrong with it.
    if (schema !== undefined) return await client.call(schema as Query, options as never)
    const answer = await send(client, type, nsid, options)
    if (!answer.ok) return answer
    const response = answer.value
    const encoding = response.headers.get('content-type') ?? ''
    if (/^application\/(?:[\w.-]+\+)?json\b/i.test(encoding)) {
      const lenient = options.lenient ?? client.settings.lenient ?? false
      const maxBytes = options.maxJsonBytes ?? client.settings.maxJsonBytes ?? MAX_JSON
      return { ...answer, value: await readJson(response, maxBytes, nsid, lenient) }
    }
    return { ...answer, value: encoding === '' ? undefined : (response.body ?? undefined) }
  } catch (error) {
    if (error instanceof XrpcClientError) return { ok: false, error }
    throw error
  }
}

/** The schema, where the client's lexicons have it. @throws {XrpcClientError} `unknown-method` for a method of another kind */
function schemaOf(client: Client, type: 'query' | 'procedure', nsid: string): Query | Procedure | undefined {
  const schema = client.settings.lexicons?.method(nsid)
  if (schema === undefined || schema.type === type) return schema as Query | Procedure | undefined
  throw new XrpcClientError('unknown-method', `a ${schema.type}, not a ${type}; nsid=${nsid}`)
}

async function send(
  client: Client,
  type: 'query' | 'procedure',
  nsid: string,
  { params = {}, input, encoding, ...rest }: NamedInput,
): Promise<CallResult<Response>> {
  // Part of a URL: a name that is none could lead anywhere on the service.
  if (!isNsid(nsid)) {
    return {
      ok: false,
      error: new XrpcClientError('invalid-request', `not an NSID; nsid=${nsid.slice(0, 320)}`),
    }
  }
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null)
  const query = encodeParams(null, Object.fromEntries(given))
  const request: RawRequest = { ...rest, nsid, type, query }
  if (input === undefined) return await client.request(request)
  if (!isBytes(input)) {
    const body = stringifyJson(input as DataValue)
    return await client.request({ ...request, body, encoding: 'application/json' })
  }
  const mime = encoding ?? (input instanceof Blob ? input.type : '')
  if (mime !== '') return await client.request({ ...request, body: input, encoding: mime })
  return { ok: false, error: new XrpcClientError('invalid-request', `no encoding; nsid=${nsid}`) }
}

function isBytes(input: object): input is UploadBody {
  return input instanceof Uint8Array || input instanceof Blob || Symbol.asyncIterator in input
}
