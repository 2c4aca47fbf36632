import type {
  Catalog,
  InferDecodedParams,
  InferInput,
  InferMessage,
  InferOutput,
  Procedure,
  Query,
  Subscription,
} from '@avocet/lexicon'
import type { XrpcError } from '@avocet/xrpc'
import type { Answer, BodyBytes, Call } from './call.ts'
import type { CorsOptions } from './cors.ts'
import type { RequestInfo } from './info.ts'
import type { Limits } from './limits.ts'
import type { RateLimitOptions, RateLimitRule } from './rate-limit.ts'
import type { Reply } from './reply.ts'
import type { Connection, Subscriber } from './subscription.ts'

/** What an auth function gets. */
export interface AuthContext<P = unknown> extends RequestInfo {
  /** Validated parameters. */
  readonly params: P
}

/**
 * Establishes who calls: returns credentials, which the handler gets as `auth`, or throws an `XrpcError`
 * (401 `AuthMissing`, 400 `InvalidToken`, …).
 */
export type Auth<A, P = unknown> = (context: AuthContext<P>) => A | Promise<A>

// Schemas type a body without a schema as bytes and an absent one as undefined. `any` (untyped methods) stays any.
type IsBytes<T> = 0 extends 1 & T ? false : [T] extends [Uint8Array] ? true : false

/** What a handler gets as `input`: the validated JSON body, or a byte-bounded stream where the body is not JSON. */
export type HandlerInput<S> = IsBytes<InferInput<S>> extends true ? ReadableStream<Uint8Array> : InferInput<S>

/**
 * Nothing is of this type. That a handler might return it makes TypeScript keep the form of texts in what it does return: otherwise
 * `at://${did}/…` would be no more than a string, and would not fit an identifier of the schema, which is known too late.
 */
export interface KeepsTexts {
  readonly [keepsTexts]: never
  readonly [name: string]: KeepsTextsIn
}
type KeepsTextsIn = KeepsTexts | readonly KeepsTextsIn[] | `${string}:${string}`
declare const keepsTexts: unique symbol

/** What a handler may return. */
export type HandlerOutput<S> =
  | KeepsTexts
  | Reply
  | Response
  | (IsBytes<InferOutput<S>> extends true
      ? BodyBytes
      : undefined extends InferOutput<S>
        ? InferOutput<S> | void
        : InferOutput<S>)

/** What the handler of a query or procedure gets. */
export interface HandlerContext<S, A> extends AuthContext<InferDecodedParams<S>> {
  /** The request body; undefined for a method that takes none. */
  readonly input: HandlerInput<S>
  /** MIME type of the request body; null without one. */
  readonly encoding: string | null
  /** What the auth function returned. */
  readonly auth: A
  /** Response headers to add to. */
  readonly headers: Headers
}

/** Answers a query or procedure. */
export type MethodHandler<S, A = undefined> = (
  context: HandlerContext<S, A>,
) => HandlerOutput<S> | Promise<HandlerOutput<S>>

/** A query or procedure with its settings. */
export interface MethodEntry<S, A = undefined> {
  /**
   * What a call asks of its caller, in the words of the app: kept beside the method for {@link Router.methods}, so that tests and
   * documents read what `auth` and `permit` act on.
   */
  readonly needs?: unknown
  /** Who may call; everybody when absent. */
  readonly auth?: Auth<A, InferDecodedParams<S>>
  /**
   * Whether this caller may make this call, asked once the input was read (JSON; other bodies are a stream that nobody has read),
   * before anything is done and before rules that count by the caller. What it throws is the answer.
   */
  readonly permit?: (context: HandlerContext<S, A>) => void | Promise<void>
  /** Limits on how often, on top of the router's. */
  readonly rateLimit?: RateLimitRule | readonly RateLimitRule[]
  /** Bounds that differ from the router's. */
  readonly limits?: Partial<Limits>
  /** Whether answers are checked against the schema; the router's setting when absent. */
  readonly validateOutput?: boolean
  /** Whether JSON inputs are checked against the schema; the router's setting when absent. */
  readonly validateInput?: boolean
  /** Whether strings of JSON inputs that are too long are shortened; the router's setting when absent. */
  readonly truncate?: boolean
  /** The method itself. */
  readonly handler: MethodHandler<S, A>
}

/** What the handler of a subscription gets. */
export interface StreamContext<S, A> extends AuthContext<InferDecodedParams<S>> {
  /** What the auth function returned. */
  readonly auth: A
}

/** A message of a subscription: encoded already, or an object whose `$type` is its full or short name. */
export type StreamItem<S> = Uint8Array | InferMessage<S> | ({ readonly $type: `#${string}` } & object)

/**
 * Serves one subscriber. Ends when it returns; an `XrpcError` thrown by it is sent as an error frame. The same object
 * or bytes given to many subscribers are encoded once.
 */
export type StreamHandler<S, A = undefined> = (context: StreamContext<S, A>) => AsyncIterable<StreamItem<S>>

/** A subscription with its settings. */
export interface StreamEntry<S, A = undefined> {
  /**
   * What a call asks of its caller, in the words of the app: kept beside the method for {@link Router.methods}, so that tests and
   * documents read what `auth` and `permit` act on.
   */
  readonly needs?: unknown
  /** Who may subscribe; everybody when absent. */
  readonly auth?: Auth<A, InferDecodedParams<S>>
  /** Limits on how often one may connect, on top of the router's. */
  readonly rateLimit?: RateLimitRule | readonly RateLimitRule[]
  /** Bounds that differ from the router's. */
  readonly limits?: Partial<Limits>
  /** Whether messages are checked against the schema; the router's setting when absent. */
  readonly validateOutput?: boolean
  /** The subscription itself. */
  readonly handler: StreamHandler<S, A>
}

/** What the handler of a method added by its NSID gets: known at run time alone. */
export interface UntypedContext<A> extends AuthContext<any> {
  readonly input: any
  readonly encoding: string | null
  readonly auth: A
  readonly headers: Headers
}

/** Answers a query or procedure, or serves a subscriber, added by its NSID. */
export type UntypedHandler<A = undefined> = (context: UntypedContext<A>) => unknown

/** A method added by its NSID, with its settings. */
export interface UntypedEntry<A = undefined> extends Omit<
  MethodEntry<any, A>,
  'auth' | 'permit' | 'handler'
> {
  /** Who may call; everybody when absent. */
  readonly auth?: Auth<A, any>
  /** Whether this caller may make this call, once its input was read. */
  readonly permit?: (context: UntypedContext<A>) => void | Promise<void>
  /** The method itself. */
  readonly handler: UntypedHandler<A>
}

/** What `onRequest` is told of a finished request or subscription. */
export interface RequestReport {
  readonly requestId: string
  /** Null when the path named no method. */
  readonly nsid: string | null
  /** HTTP method, or `WS` for a subscription. */
  readonly method: string
  readonly address: string | null
  readonly status: number
  /** The error's name, when it was one. */
  readonly error: string | undefined
  /** What the auth function returned; undefined where there is none, or it refused. */
  readonly auth: unknown
  /** Length of the answer's body before compression: bytes, of text characters; null where it is streamed. */
  readonly length: number | null
  /** From the call until its answer was known (subscriptions: until they ended). */
  readonly durationMs: number
}

/** What a fallback gets. */
export interface FallbackContext extends RequestInfo {
  /** Who calls, if the fallback finds out: it is reported to `onRequest`. */
  auth: unknown
}

/** Settings of a router. */
export interface RouterOptions {
  /** Lets `add` take a method by its NSID. */
  readonly catalog?: Pick<Catalog, 'method'>
  /** Answers for methods that were not added, such as a proxy; 501 `MethodNotImplemented` when absent. */
  readonly fallback?: (context: FallbackContext) => Response | Reply | Promise<Response | Reply>
  /** Whether answers and messages are checked against their schemas. Default true. */
  readonly validateOutput?: boolean
  /** Whether JSON inputs are checked against their schemas; they are of the data model either way. Default true. */
  readonly validateInput?: boolean
  /** Whether strings of JSON inputs that are longer than their schemas allow are shortened, instead of refused. Default false. */
  readonly truncate?: boolean
  /** What to do with parameters that a schema does not have. Default `refuse`. */
  readonly unknownParams?: 'refuse' | 'ignore'
  /** What a parameter without a value (`cursor=`) is: an empty string (default `keep`), or absent. */
  readonly emptyParams?: 'keep' | 'ignore'
  /** Bounds on what is taken and on time. */
  readonly limits?: Partial<Limits>
  /** Cross-origin access. Default true: every origin, without cookies. */
  readonly cors?: boolean | CorsOptions
  /**
   * Headers of every answer to a request, over its own: a success, a refusal of whatever kind, what the fallback gave. For those that
   * clients rely on, such as `DPoP-Nonce` (RFC 9449, section 8.2). Called after the method has run.
   */
  readonly answerHeaders?: (info: RequestInfo) => Readonly<Record<string, string>> | undefined
  /** Whether text and CAR files of at least 1 KiB are compressed for callers that accept it. Default true. */
  readonly compression?: boolean
  /**
   * Body of `/xrpc/_health`. Default `{}`. A throw makes it a 503: an `XrpcError` is answered as it is, anything else
   * without its message.
   */
  readonly health?: (info: RequestInfo) => object | Promise<object>
  /** Where counts of rate limits are kept, and the rules for every method. */
  readonly rateLimit?: RateLimitOptions
  /** Told of every request when its answer is known. */
  readonly onRequest?: (report: RequestReport) => void
  /**
   * What a failure that is not an `XrpcError` is on the wire: an app's one table from its own errors to statuses and
   * names. Undefined for what nobody expected: a 500 then, and `onError`.
   */
  readonly mapError?: (error: unknown) => XrpcError | undefined
  /** Told of every failure that is not an `XrpcError`: the caller only sees a 500. Default `printFailure`: `console.error`. */
  readonly onError?: (error: unknown, context: { nsid: string | null; requestId: string }) => void
}

/** A method of a router, and what it asks of its callers. */
export interface AddedMethod {
  readonly schema: Query | Procedure | Subscription
  /** `needs` of its entry; undefined without. */
  readonly needs: unknown
}

/** Methods by NSID, answering requests. */
export interface Router {
  // Queries and procedures first: TypeScript types a handler without parameters by the first of these alone.
  /**
   * Adds a method.
   *
   * @throws {TypeError} for an NSID already there, or one that the catalog does not have
   */
  add<S extends Query | Procedure, A = undefined>(
    schema: S,
    entry: MethodEntry<S, A> | MethodHandler<S, A>,
  ): Router
  add<S extends Subscription, A = undefined>(
    schema: S,
    entry: StreamEntry<S, A> | StreamHandler<S, A>,
  ): Router
  add<A = undefined>(nsid: string, entry: UntypedEntry<A> | UntypedHandler<A>): Router
  /** The methods that were added, in their order. */
  methods(): readonly AddedMethod[]
  /** Answers a Fetch request under `/xrpc/`. Mounts in Hono, Bun, Deno, Workers. */
  fetch(request: Request, info?: { readonly address?: string | null }): Promise<Response>
  /** For adapters: answers a call. Never rejects. */
  handle(call: Call): Promise<Answer>
  /** For adapters: accepts or refuses a WebSocket. Never rejects. */
  connect(call: Call): Promise<Connection>
  /** Who is subscribed, to one method or to any. */
  subscribers(nsid?: string): Subscriber[]
}
