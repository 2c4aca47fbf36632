import type {
  Catalog,
  InferErrorName,
  InferInput,
  InferOutput,
  InferParams,
  Issue,
  Procedure,
  Query,
} from '@avocet/lexicon'
import type { ParamValue } from '@avocet/xrpc'
import type { MethodError } from './error.ts'
import type { HeaderFields } from './header-fields.ts'

/** Where calls go: an address that can change between calls, and how to reach it. A session is one. */
export interface Service {
  /** Base URL, with or without a slash at its end. */
  readonly url: string
  /** As `fetch`; may add credentials. */
  fetch(url: string, init: RequestInit): Promise<Response>
}

/** A call that worked. */
export interface CallSuccess<T> {
  readonly ok: true
  readonly value: T
  readonly status: number
  readonly headers: Headers
  /** Of a lenient reading: where `value` is not what the method's schema says, though its type does. Absent where all of it fits. */
  readonly issues?: readonly Issue[]
}

/** A call that did not. */
export interface CallFailure<E extends string = string> {
  readonly ok: false
  readonly error: MethodError<E>
}

/** What became of a call: its value, or an error that may have one of the names `E`, among others. */
export type CallResult<T, E extends string = string> = CallSuccess<T> | CallFailure<E>

/** A body to upload. A stream is sent as it comes, once: such a call is never repeated. */
export type UploadBody = Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** When to try again, only ever for queries, and for calls that were refused with 429 before they did anything. */
export interface RetryOptions {
  /** Further tries after the first. Default 2; 0 for none. */
  readonly times?: number
  /** Wait before the first further try; doubles each time, with jitter. Default 250. */
  readonly minMs?: number
  /** Longest wait; a service that asks for more is not waited for. Default 15 000. */
  readonly maxMs?: number
}

/** Which parts of a call are checked against its schema. */
export interface ValidateSwitches {
  readonly params?: boolean
  readonly input?: boolean
  readonly output?: boolean
}

/** A labeler for `atproto-accept-labelers`: its DID, or that and whether its takedowns are applied. */
export type Labeler = string | { readonly did: string; readonly redact?: boolean }

/** Settings that hold for every call of a client, and can be overridden for one. */
export interface CallSettings {
  /** Headers for each call. */
  readonly headers?: HeaderFields
  /** Labelers whose labels to apply. */
  readonly labelers?: readonly Labeler[]
  /** The service that a PDS is to forward calls to: `did:web:api.example.com#bsky_appview`. */
  readonly proxy?: string
  /** Milliseconds for the answer, whole if it is JSON, else its head. Default 30 000; 0 for none. */
  readonly timeoutMs?: number
  /** When to try again; false for never. */
  readonly retry?: RetryOptions | false
  /** What to check. Default all of it. */
  readonly validate?: boolean | ValidateSwitches
  /**
   * Read what others wrote as far as it goes. One float, one bad date, one over-long name does not cost the whole answer: values are kept as they
   * are, and a call that worked lists what does not fit its schema in `issues`. What comes out may have no CBOR form. Default false: such an
   * answer is a failure, `invalid-response`, that names the place.
   */
  readonly lenient?: boolean
  /** Shorten strings of the input, and of records in it, that are longer than their schema allows. Default false. */
  readonly truncate?: boolean
  /** Largest JSON answer in bytes. Default 16 MiB. */
  readonly maxJsonBytes?: number
}

/** Settings of {@link createClient}. */
export interface ClientOptions extends CallSettings {
  /** The service: its URL, or a session. */
  readonly service: string | URL | Service
  /** Sends requests; wrap it to add credentials of any kind (Bearer, DPoP). Not with a session, which has its own. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Lexicons for the records in writes, and for calls by NSID. */
  readonly lexicons?: Pick<Catalog, 'method' | 'validateRecord' | 'record'>
}

// Schemas type a body without a schema as bytes and an absent one as undefined. `any` stays any.
type IsAny<T> = 0 extends 1 & T ? true : false
type IsBytes<T> = IsAny<T> extends true ? false : [T] extends [Uint8Array] ? true : false

type ParamsOption<P> =
  IsAny<P> extends true
    ? { readonly params?: Readonly<Record<string, ParamValue>> }
    : // A method without parameters has an index signature of none.
      string extends keyof P
      ? { readonly params?: P }
      : object extends P
        ? { readonly params?: P }
        : { readonly params: P }
type InputOption<I> =
  IsAny<I> extends true
    ? { readonly input?: any; readonly encoding?: string }
    : IsBytes<I> extends true
      ? { readonly input: UploadBody; readonly encoding: string }
      : undefined extends I
        ? { readonly input?: I }
        : { readonly input: I }

/** What a call takes besides its schema. */
export type CallOptions<S> = CallSettings &
  ParamsOption<InferParams<S>> &
  InputOption<InferInput<S>> & {
    /** Ends the call. */
    readonly signal?: AbortSignal
  }

/** What a call gives: the JSON body, a stream where the body is not JSON, or undefined. */
export type CallOutput<S> = IsBytes<InferOutput<S>> extends true ? ReadableStream<Uint8Array> : InferOutput<S>

/** The arguments of `call` after the schema: options may be left out when nothing in them is required. */
export type CallArgs<S> =
  object extends CallOptions<S> ? [options?: CallOptions<S>] : [options: CallOptions<S>]

/** A request below the level of schemas. */
export interface RawRequest extends CallSettings {
  readonly nsid: string
  readonly type: 'query' | 'procedure'
  readonly query?: URLSearchParams
  readonly body?: string | UploadBody
  /** MIME type of `body`. */
  readonly encoding?: string
  readonly signal?: AbortSignal | undefined
}

/** Calls the methods of one service. */
export interface Client {
  /** Where calls go. */
  readonly service: Service
  /** What holds for every call, unless the call says otherwise. */
  readonly settings: CallSettings & Pick<ClientOptions, 'lexicons'>
  /** Calls a method by its schema. Resolves to a failure rather than rejecting. */
  call<S extends Query | Procedure>(
    schema: S,
    ...args: CallArgs<S>
  ): Promise<CallResult<CallOutput<S>, InferErrorName<S>>>
  /** Sends a request without a schema; the answer's body is not read. */
  request(request: RawRequest): Promise<CallResult<Response>>
}

/** The output of a call that worked. @throws {XrpcClientError} of one that did not */
export function unwrap<T>(result: CallResult<T>): T {
  if (result.ok) return result.value
  throw result.error
}
