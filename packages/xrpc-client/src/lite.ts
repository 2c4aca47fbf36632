/**
 * The smallest client: calls by name, answers as JSON has them, failures typed. It knows no lexicons, and so neither checks what it sends and gets
 * nor turns `$link` and `$bytes` into CIDs and bytes; there is no time limit but the caller's signal, and no second try.
 * @see https://atproto.com/specs/xrpc
 */
import type { CID } from '@avocet/data'
import type { InferInput, InferOutput, InferParams, Procedure, Query } from '@avocet/lexicon'
import type { ParamValue } from '@avocet/xrpc'
import { readText } from './body.ts'
import { XrpcClientError } from './error.ts'
import type { HeaderFields } from './header-fields.ts'
import { parse, refusalOf } from './refusal.ts'
import type { CallResult, Service } from './types.ts'

/** Settings of {@link createLiteClient}. */
export interface LiteClientOptions {
  /** The service: its URL, or a session. */
  readonly service: string | URL | Service
  /** Sends requests. Not with a session, which has its own. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Headers for each call. */
  readonly headers?: HeaderFields
  /** The service that a PDS is to forward calls to: `did:web:api.example.com#bsky_appview`. */
  readonly proxy?: string
}

type IsAny<T> = 0 extends 1 & T ? true : false

/** A value as its JSON form is typed: CIDs as `{ $link }`, bytes as `{ $bytes }`. */
export type JsonOf<T> =
  IsAny<T> extends true
    ? any
    : T extends CID
      ? { $link: string }
      : T extends Uint8Array
        ? { $bytes: string }
        : T extends readonly (infer I)[]
          ? JsonOf<I>[]
          : T extends object
            ? { [K in keyof T]: JsonOf<T[K]> }
            : T

/** What a call takes besides the method's name; its types are those of a schema, which is not needed at run time. */
export interface LiteCallOptions<S = Query | Procedure> {
  /** Parameters; null and undefined leave one out, arrays repeat it. */
  readonly params?: (IsAny<InferParams<S>> extends true ? unknown : InferParams<S>) &
    Readonly<Record<string, ParamValue>>
  /** What a procedure takes: bytes as they are, anything else as JSON. */
  readonly input?: JsonOf<InferInput<S>> | Uint8Array | Blob | ReadableStream<Uint8Array>
  /** MIME type of an input that is not JSON; a `Blob` brings its own. */
  readonly encoding?: string
  /** Headers for this call; they come before those of the client. */
  readonly headers?: HeaderFields
  /** Ends the call: `AbortSignal.timeout(30_000)`. */
  readonly signal?: AbortSignal
  /** Largest JSON answer in bytes. Default 16 MiB. */
  readonly maxJsonBytes?: number
}

/** The other forms that an answer can be had in: `none` does not read it. */
export interface LiteForms {
  readonly blob: Blob
  readonly stream: ReadableStream<Uint8Array> | null
  readonly none: null
}

/** A call by name. Resolves to a failure rather than rejecting. */
export interface LiteCall<M> {
  <S extends M = M>(nsid: string, options?: LiteCallOptions<S>): Promise<CallResult<JsonOf<InferOutput<S>>>>
  <A extends keyof LiteForms>(
    nsid: string,
    options: LiteCallOptions<M> & { readonly as: A },
  ): Promise<CallResult<LiteForms[A]>>
}

/** Calls the methods of one service by their names. */
export interface LiteClient {
  /** Calls a query: `get<typeof GetProfile.main>('app.bsky.actor.getProfile', { params: { actor } })`. */
  readonly get: LiteCall<Query>
  /** Calls a procedure. */
  readonly post: LiteCall<Procedure>
}

const defaultMaxJsonBytes = 16 * 1024 * 1024
const maxErrorBytes = 64 * 1024

/**
 * Makes a client that calls methods by name and takes JSON as it comes: a tenth of {@link createClient} in a bundle.
 *
 * @throws {TypeError} for a service that is not a URL
 */
export function createLiteClient(options: LiteClientOptions): LiteClient {
  const service = serviceOf(options)
  const call = async (
    method: string,
    nsid: string,
    given: LiteCallOptions & { readonly as?: keyof LiteForms } = {},
  ): Promise<CallResult<unknown>> => {
    const { params, input, encoding, signal, maxJsonBytes = defaultMaxJsonBytes, as } = given
    try {
      const isStream = input instanceof ReadableStream
      const isJson = !(isStream || input === undefined || input instanceof Blob || ArrayBuffer.isView(input))
      const headers = new Headers(options.headers)
      new Headers(given.headers).forEach((value, name) => headers.set(name, value))
      const type = isJson ? 'application/json' : encoding
      if (type) headers.set('content-type', type)
      if (options.proxy) headers.set('atproto-proxy', options.proxy)
      const response = await service.fetch(
        `${service.url.replace(/\/$/, '')}/xrpc/${nsid}${queryOf(params)}`,
        {
          method,
          headers,
          signal: signal ?? null,
          body: isJson ? JSON.stringify(input) : ((input ?? null) as BodyInit | null),
          // Undefined elsewhere: browsers know the option only with a stream.
          duplex: isStream ? 'half' : undefined,
        } as RequestInit,
      )
      const { ok, status } = response
      const answer = { status, headers: response.headers }
      if (!ok) {
        const text = await readText(response, maxErrorBytes).catch(() => '')
        return { ok, error: refusalOf(response, text, nsid) }
      }
      if (as === 'blob') return { ok, value: await response.blob(), ...answer }
      if (as === 'stream') return { ok, value: response.body, ...answer }
      if (as) {
        await response.body?.cancel()
        return { ok, value: null, ...answer }
      }
      const body = await readText(response, maxJsonBytes)
      const value = parse(body)
      // Methods without output answer with nothing.
      if (value !== undefined || body === '') return { ok, value, ...answer }
      return { ok: false, error: new XrpcClientError('invalid-response', `not JSON; nsid=${nsid}`, answer) }
    } catch (cause) {
      if (cause instanceof XrpcClientError) return { ok: false, error: cause }
      const code = signal?.aborted ? 'aborted' : 'network'
      return {
        ok: false,
        error: new XrpcClientError(code, `no answer: ${String(cause)}; nsid=${nsid}`, { cause }),
      }
    }
  }
  return {
    get: (nsid: string, given?: LiteCallOptions) => call('GET', nsid, given),
    post: (nsid: string, given?: LiteCallOptions) => call('POST', nsid, given),
  } as LiteClient
}

function serviceOf({ service, fetch }: LiteClientOptions): Service {
  if (typeof service === 'object' && 'fetch' in service) return service
  // Called as a function of globalThis: browsers refuse fetch with another `this`.
  return { url: new URL(service).href, fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)) }
}

function queryOf(params: Readonly<Record<string, ParamValue>> = {}): string {
  const query = new URLSearchParams()
  for (const name in params) {
    for (const value of [params[name]].flat()) if (value != null) query.append(name, String(value))
  }
  return query.size > 0 ? `?${query}` : ''
}
