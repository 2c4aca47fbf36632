import { DataError, type DataObject, type DataValue, fromJson } from '@avocet/data'
import type { InferErrorName, Issue, Procedure, Query } from '@avocet/lexicon'
import { encodeParams, type ParamValue, stringifyJson } from '@avocet/xrpc'
import { readText } from './body.ts'
import { issuesError, type MethodError, XrpcClientError } from './error.ts'
import { checkRecords } from './records.ts'
import { send } from './request.ts'
import { serviceUrl } from './service-url.ts'
import type {
  CallArgs,
  CallFailure,
  CallOutput,
  CallResult,
  CallSettings,
  CallSuccess,
  Client,
  ClientOptions,
  RawRequest,
  Service,
  UploadBody,
  ValidateSwitches,
} from './types.ts'

const defaultMaxJsonBytes = 16 * 1024 * 1024
/** Issues that a lenient reading lists: more than a page has items. */
const MAX_ODD = 10_000

/** The options of any call, as the implementation sees them. */
interface AnyOptions extends CallSettings {
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly input?: unknown
  readonly encoding?: string
  readonly signal?: AbortSignal
}

/**
 * Makes a client of a service.
 *
 * @throws {TypeError} for a service that is not an http(s) URL
 * @see https://atproto.com/specs/xrpc
 */
export function createClient(options: ClientOptions): Client {
  return new XrpcClient(options)
}

class XrpcClient implements Client {
  readonly service: Service
  readonly settings: Client['settings']
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
    this.settings = options
    this.service = serviceOf(options)
  }

  async call<S extends Query | Procedure>(
    schema: S,
    ...[given]: CallArgs<S>
  ): Promise<CallResult<CallOutput<S>, InferErrorName<S>>> {
    const options = (given ?? {}) as AnyOptions
    try {
      const request = this.#requestOf(schema, options)
      let issues: readonly Issue[] | undefined
      const read = async (response: Response): Promise<CallOutput<S>> =>
        (await this.#read(schema, response, options, (found) => (issues = found))) as CallOutput<S>
      const result = await send(this.service, this.#options, request, read)
      // Names are as declared, or others: which ones is for the reader to find out.
      return (issues === undefined ? result : { ...result, issues }) as CallSuccess<any> | CallFailure<any>
    } catch (error) {
      if (error instanceof XrpcClientError)
        return { ok: false, error: error as MethodError<InferErrorName<S>> }
      throw error
    }
  }

  async request(request: RawRequest): Promise<CallResult<Response>> {
    return await send(this.service, this.#options, request, async (response) => response)
  }

  #requestOf(schema: Query | Procedure, options: AnyOptions): RawRequest {
    const { nsid } = schema
    const checks = this.#checks(options)
    const params = withoutEmpty(options.params ?? {})
    if (checks.params) {
      const checked = schema.params.validate(params, { unknownFields: 'reject' })
      if (!checked.ok) throw issuesError('invalid-request', nsid, 'parameters', checked.issues)
    }
    const request = { ...options, nsid, query: encodeParams(schema.params, params) }
    if (schema.type === 'query') return { ...request, type: 'query' }
    return { ...request, type: 'procedure', ...this.#bodyOf(schema, options, checks.input) }
  }

  #bodyOf(schema: Procedure, options: AnyOptions, check: boolean): Pick<RawRequest, 'body' | 'encoding'> {
    const { nsid, input: body } = schema
    let { input } = options
    if (body === null) {
      if (input !== undefined)
        throw new XrpcClientError('invalid-request', `the method takes no input; nsid=${nsid}`)
      return {}
    }
    if (input === undefined) throw new XrpcClientError('invalid-request', `no input; nsid=${nsid}`)
    if (!isJson(body.encoding)) {
      const encoding =
        options.encoding ?? (input instanceof Blob && input.type !== '' ? input.type : body.encoding)
      if (encoding.includes('*')) throw new XrpcClientError('invalid-request', `no encoding; nsid=${nsid}`)
      return { body: input as UploadBody, encoding }
    }
    const truncate = options.truncate ?? this.#options.truncate ?? false
    if (body.schema !== null && (check || truncate)) {
      const checked = body.schema.validate(input, { truncate })
      if (!checked.ok && check) throw issuesError('invalid-request', nsid, 'input', checked.issues)
      if (checked.ok) input = checked.value
    }
    if (this.#options.lexicons !== undefined && (check || truncate)) {
      input = checkRecords(nsid, input as DataObject, this.#options.lexicons, { truncate, check })
    }
    return { body: stringifyJson(input as DataValue), encoding: body.encoding }
  }

  async #read(
    schema: Query | Procedure,
    response: Response,
    options: AnyOptions,
    onOdd: (issues: readonly Issue[]) => void,
  ): Promise<unknown> {
    const { nsid, output } = schema
    if (output === null) {
      await response.body?.cancel()
      return undefined
    }
    if (!isJson(output.encoding)) return response.body ?? emptyStream()
    const data = { status: response.status, headers: response.headers }
    const lenient = options.lenient ?? this.#options.lenient ?? false
    const maxBytes = options.maxJsonBytes ?? this.#options.maxJsonBytes ?? defaultMaxJsonBytes
    const value = await readJson(response, maxBytes, nsid, lenient)
    if (output.schema === null || !this.#checks(options).output) return value
    const checked = output.schema.validate(value, lenient ? { maxIssues: MAX_ODD } : undefined)
    if (!checked.ok && lenient) {
      onOdd(checked.issues)
      return value
    }
    if (!checked.ok) throw issuesError('invalid-response', nsid, 'output', checked.issues, data)
    return checked.value
  }

  #checks(options: AnyOptions): Required<ValidateSwitches> {
    const given = options.validate ?? this.#options.validate ?? true
    if (typeof given === 'boolean') return { params: given, input: given, output: given }
    return { params: given.params ?? true, input: given.input ?? true, output: given.output ?? true }
  }
}

/** Reads a JSON answer as data. @throws {XrpcClientError} `invalid-response`, `too-large` */
export async function readJson(
  response: Response,
  maxBytes: number,
  nsid: string,
  lenient = false,
): Promise<DataValue> {
  const json = await parseJson(response, maxBytes, nsid)
  try {
    return fromJson(json, { lenient })
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause
    const message = `not JSON of the data model: ${cause.message}; nsid=${nsid} path=${cause.path || '/'}`
    const { status, headers } = response
    throw new XrpcClientError('invalid-response', message, { status, headers, cause })
  }
}

/** Reads a JSON answer as it is. @throws {XrpcClientError} `invalid-response`, `too-large` */
export async function parseJson(response: Response, maxBytes: number, nsid: string): Promise<unknown> {
  const text = await readText(response, maxBytes)
  try {
    return JSON.parse(text)
  } catch (cause) {
    const { status, headers } = response
    const message = `not JSON: ${(cause as Error).message}; nsid=${nsid}`
    throw new XrpcClientError('invalid-response', message, { status, headers, cause })
  }
}

function serviceOf({ service, fetch }: ClientOptions): Service {
  if (typeof service === 'object' && 'fetch' in service) return service
  const url = serviceUrl(service)
  // Called as a function of globalThis: browsers refuse fetch with another `this`.
  return {
    url: url.href.replace(/^(.*[^/])?\/*$/s, '$1'),
    fetch: fetch ?? ((target, init) => globalThis.fetch(target, init)),
  }
}

function withoutEmpty(params: Readonly<Record<string, ParamValue>>): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(params).filter(([, value]) => value !== null && value !== undefined),
  )
}

function isJson(encoding: string): boolean {
  return encoding === 'application/json' || encoding.endsWith('+json')
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() })
}
