import type { Procedure, Query, Subscription } from '@avocet/lexicon'
import { decodeParams, XrpcError } from '@avocet/xrpc'
import { isNsid } from '@avocet/syntax'
import { readInput } from './body.ts'
import { isStream, lengthOf, type Answer, type Call, type HeaderRecord } from './call.ts'
import { checkMethod, errorAnswer, isPromise, markPrivate, splitRules, wrongMethod } from './checks.ts'
import { compress, wantsCompression } from './compress.ts'
import { Context } from './context.ts'
import { addCors, type CorsOptions, preflight } from './cors.ts'
import { Deadlines } from './deadlines.ts'
import { callOf, responseOf } from './fetch.ts'
import { agreeOn } from './frames.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { networkOf } from './network.ts'
import { fromResponse, makeAnswer } from './output.ts'
import { applyRules, createMemoryRateLimitStore, type RateLimitRule } from './rate-limit.ts'
import { Reply } from './reply.ts'
import { Reports } from './reports.ts'
import { routeOf, type AnyEntry, type Route } from './route.ts'
import { discard } from './stream.ts'
import { fail, pump, type Connection, type FrameSocket } from './subscription.ts'
import { Subscribers } from './subscribers.ts'
import { Turns } from './turns.ts'
import type {
  MethodHandler,
  Router,
  RouterOptions,
  StreamHandler,
  UntypedEntry,
  UntypedHandler,
} from './types.ts'

/**
 * Makes a router. It answers `/xrpc/<nsid>` and `/xrpc/_health`; mount its `fetch` anywhere, or serve it with
 * `serve` of `@avocet/xrpc-server/node`.
 *
 * @see https://atproto.com/specs/xrpc
 */
export function createRouter(options: RouterOptions = {}): Router {
  return new XrpcRouter(options)
}

const prefix = '/xrpc/'
const idPrefix = Math.floor(Math.random() * 0x7fffffff).toString(36)

class XrpcRouter implements Router {
  readonly #routes = new Map<string, Route>()
  readonly #subscribers = new Subscribers()
  readonly #deadlines = new Deadlines()
  readonly #turns = new Turns()
  readonly #options: RouterOptions
  readonly #reports: Reports
  readonly #limits: Limits
  readonly #cors: CorsOptions | null
  readonly #rules: { readonly early: readonly RateLimitRule[]; readonly late: readonly RateLimitRule[] }
  readonly #store: NonNullable<NonNullable<RouterOptions['rateLimit']>['store']>
  #requests = 0

  constructor(options: RouterOptions) {
    this.#options = options
    this.#reports = new Reports(options)
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#cors = options.cors === false ? null : typeof options.cors === 'object' ? options.cors : {}
    this.#rules = splitRules(options.rateLimit?.rules ?? [])
    this.#store = options.rateLimit?.store ?? createMemoryRateLimitStore()
  }

  add(
    given: Query | Procedure | Subscription | string,
    settings: AnyEntry | UntypedEntry<any> | UntypedHandler<any>,
  ): Router {
    const schema = typeof given === 'string' ? this.#options.catalog?.method(given) : given
    if (schema === undefined) {
      const hasCatalog = this.#options.catalog !== undefined
      const why = hasCatalog
        ? 'no such method in the catalog'
        : 'a method by its NSID needs the option catalog'
      throw new TypeError(`${why}; nsid=${given as string}`)
    }
    const { nsid } = schema
    if (this.#routes.has(nsid)) throw new TypeError(`method added twice; nsid=${nsid}`)
    const entry = typeof settings === 'function' ? { handler: settings } : settings
    this.#routes.set(nsid, routeOf(schema, entry, this.#limits, this.#rules, this.#options))
    return this
  }

  methods(): ReturnType<Router['methods']> {
    return [...this.#routes.values()].map(({ schema, needs }) => ({ schema, needs }))
  }

  async fetch(request: Request, info: { readonly address?: string | null } = {}): Promise<Response> {
    const call = callOf(request, info.address ?? null)
    return responseOf(await this.handle(call), call.method === 'HEAD')
  }

  subscribers(nsid?: string): ReturnType<Router['subscribers']> {
    return this.#subscribers.list(nsid)
  }

  async handle(call: Call): Promise<Answer> {
    const started = this.#options.onRequest === undefined ? 0 : performance.now()
    const nsid = call.path.startsWith(prefix) ? call.path.slice(prefix.length) : null
    const context = new Context(call, nsid ?? '', this.#requestId(call))
    const headers: HeaderRecord = {}
    let answer: Answer
    let failure: string | undefined
    let length: number | null = null
    try {
      const pending = this.#answer(call, nsid, context, headers)
      answer = pending instanceof Promise ? await pending : pending
      length = lengthOf(answer)
      if (this.#options.compression !== false && wantsCompression(answer, call))
        answer = await compress(answer)
    } catch (error) {
      const known = this.#reports.known(error, nsid, context.requestId)
      failure = known.error
      answer = errorAnswer(known, headers)
      length = lengthOf(answer)
    }
    if (call.header('authorization') !== null) markPrivate(answer.headers)
    this.#finish(answer, call, context)
    this.#reports.answered(call, context, nsid, call.method, started, answer.status, failure, length)
    return answer
  }

  async connect(call: Call): Promise<Connection> {
    const started = performance.now()
    const nsid = call.path.startsWith(prefix) ? call.path.slice(prefix.length) : null
    const context = new Context(call, nsid ?? '', this.#requestId(call))
    const headers: HeaderRecord = {}
    try {
      const route = nsid === null ? undefined : this.#routes.get(nsid)
      if (route?.encoders === undefined || route.schema.type !== 'subscription') {
        throw new XrpcError(501, 'MethodNotImplemented', 'No subscription at this path')
      }
      if (call.method !== 'GET') throw wrongMethod(call.method, 'GET')
      const { schema, limits } = route
      const { spoken, agreed } = agreeOn(call.header('sec-websocket-protocol'), schema.subprotocol)
      const encoder = route.encoders[spoken]
      await this.#limit(route.early, context, headers)
      const taken = this.#placeTaken(route, call, context)
      if (taken !== undefined) throw taken
      // Later failures travel in the stream: https://atproto.com/specs/event-stream#connection
      let refused: unknown
      try {
        await this.#establish(route, call, context)
        await this.#limit(route.late, context, headers)
      } catch (error) {
        if (error instanceof XrpcError && error.status === 429) throw error
        refused = error ?? new Error('refused')
      }
      const handler = route.handler as unknown as StreamHandler<unknown, unknown>
      const run = async (socket: FrameSocket): Promise<void> => {
        const onError = (error: unknown): XrpcError | undefined =>
          this.#reports.explain(error, schema.nsid, context.requestId)
        // Others may have taken the places while this one's handshake was under way.
        refused ??= this.#placeTaken(route, call, context)
        const entry = this.#subscribers.enter(context.requestId, schema.nsid, context.params, call, socket)
        socket.signal.addEventListener('abort', () => context.abort(socket.signal.reason), { once: true })
        const onSent = (bytes: number): void => {
          entry.frames += 1
          entry.bytes += bytes
        }
        const end =
          refused === undefined
            ? await pump(
                () => handler(context as never),
                socket,
                limits,
                encoder,
                onSent,
                onError,
                this.#turns,
              )
            : fail(refused, socket, onError, encoder)
        context.abort(new Error('subscription ended'))
        entry.leave()
        this.#reports.answered(call, context, schema.nsid, 'WS', started, end.status, end.error, null)
      }
      return { ok: true, protocol: agreed, run }
    } catch (error) {
      const known = this.#reports.known(error, nsid, context.requestId)
      const answer = errorAnswer(known, headers)
      this.#finish(answer, call, context)
      this.#reports.answered(call, context, nsid, 'WS', started, answer.status, known.error, lengthOf(answer))
      return { ok: false, answer }
    }
  }

  /** What is on every answer, whoever made it. */
  #finish({ headers }: Answer, call: Call, context: Context): void {
    try {
      Object.assign(headers, this.#options.answerHeaders?.(context))
    } catch (error) {
      this.#reports.failed(error, context.nsid, context.requestId)
    }
    if (this.#cors !== null) addCors(headers, call, this.#cors)
    headers['x-request-id'] = context.requestId
  }

  // Small queries are answered without an `await` of ours: each costs a turn of the microtask queue.
  #answer(
    call: Call,
    nsid: string | null,
    context: Context,
    headers: HeaderRecord,
  ): Answer | Promise<Answer> {
    if (call.method === 'OPTIONS' && this.#cors !== null) return preflight(call, this.#cors)
    if (nsid === null) throw new XrpcError(404, 'XRPCNotSupported', 'Not an XRPC path')
    const route = this.#routes.get(nsid)
    if (route === undefined) {
      return nsid === '_health' ? this.#health(call, context) : this.#unknown(nsid, context, headers)
    }
    checkMethod(route.schema, call)
    if (route.isPlain) {
      this.#readParams(route, call, context)
      return this.#run(route, context, headers)
    }
    return this.#prepare(route, call, context, headers).then(() => this.#run(route, context, headers))
  }

  /** Limits, parameters, credentials, input, what the call needs of its caller, in this order. */
  async #prepare(route: Route, call: Call, context: Context, headers: HeaderRecord): Promise<void> {
    const { schema, limits } = route
    await this.#limit(route.early, context, headers)
    await this.#establish(route, call, context)
    if (schema.type === 'procedure') {
      const { input, encoding } = await readInput(call, schema, limits, route.inputChecks)
      context.input = input
      context.encoding = encoding
    }
    await route.permit?.(context as never)
    await this.#limit(route.late, context, headers)
  }

  #run(route: Route, context: Context, headers: HeaderRecord): Answer | Promise<Answer> {
    const { schema, limits, validateOutput } = route
    const handler = route.handler as unknown as MethodHandler<unknown, unknown>
    const finish = (result: unknown): Answer => {
      context.usedHeaders?.forEach((value, name) => {
        headers[name] = name === 'set-cookie' ? context.headers.getSetCookie() : value
      })
      try {
        return makeAnswer(schema as Query | Procedure, result, headers, validateOutput)
      } catch (error) {
        drop(result)
        throw error
      }
    }
    const pending: unknown = handler(context as never)
    if (!isPromise(pending)) return finish(pending)
    if (limits.handlerMs === 0 || context.input instanceof ReadableStream) return pending.then(finish)
    let isLate = false
    const late = (): XrpcError => {
      isLate = true
      const error = new XrpcError(504, 'UpstreamTimeout', 'The method took too long')
      context.abort(error)
      return error
    }
    const inTime = (result: unknown): Answer => {
      // Nobody waits for it any more.
      if (isLate) drop(result)
      return finish(result)
    }
    return this.#deadlines.race(pending, limits.handlerMs, late, inTime)
  }

  async #establish(route: Route, call: Call, context: Context): Promise<void> {
    this.#readParams(route, call, context)
    if (route.auth !== undefined) context.auth = await route.auth(context)
  }

  #readParams({ schema, limits }: Route, call: Call, context: Context): void {
    if (call.query.length > limits.queryLength) {
      throw new XrpcError(414, 'InvalidRequest', `Query string too long; max=${limits.queryLength}`)
    }
    const { unknownParams: unknown = 'refuse', emptyParams: empty = 'keep' } = this.#options
    const params = decodeParams(schema.params, call.query, { unknown, empty })
    if (!params.ok) {
      throw new XrpcError(400, 'InvalidRequest', `Invalid ${schema.nsid} params: ${params.error.message}`)
    }
    context.params = params.value
  }

  async #health(call: Call, context: Context): Promise<Answer> {
    if (call.method !== 'GET' && call.method !== 'HEAD') throw wrongMethod(call.method, 'GET')
    const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
    try {
      return { status: 200, headers, body: JSON.stringify((await this.#options.health?.(context)) ?? {}) }
    } catch (error) {
      if (error instanceof XrpcError) throw error
      throw new XrpcError(503, 'ServiceUnavailable', 'Service Unavailable', { cause: error })
    }
  }

  async #unknown(nsid: string, context: Context, headers: HeaderRecord): Promise<Answer> {
    if (!isNsid(nsid)) throw new XrpcError(400, 'InvalidRequest', 'The path does not name a method')
    const { fallback } = this.#options
    if (fallback === undefined) throw new XrpcError(501, 'MethodNotImplemented', 'Method Not Implemented')
    await this.#limit(this.#rules.early, context, headers)
    const result = await fallback(context)
    if (!(result instanceof Reply)) return fromResponse(result, headers)
    const schema = { type: 'query', nsid, output: { encoding: 'application/json', schema: null } }
    return makeAnswer(schema as unknown as Query, result, headers, false)
  }

  async #limit(rules: readonly RateLimitRule[], context: Context, headers: HeaderRecord): Promise<void> {
    if (rules.length === 0 || this.#options.rateLimit?.bypass?.(context) === true) return
    await applyRules(
      rules,
      this.#store,
      context,
      headers,
      (error) => this.#reports.failed(error, context.nsid, context.requestId),
      (rule) => this.#options.rateLimit?.onRefused?.(rule, context),
    )
  }

  /** Why there is no place for one more subscriber, if there is none. */
  #placeTaken({ schema: { nsid }, limits }: Route, call: Call, context: Context): XrpcError | undefined {
    const { subscribers, subscribersPerAddress: max } = limits
    if (subscribers > 0 && this.#subscribers.count(nsid) >= subscribers) {
      return new XrpcError(503, 'ServiceUnavailable', `Too many subscriptions; max=${subscribers}`)
    }
    const { address } = call
    if (max === 0 || address === null) return undefined
    if (this.#subscribers.countFrom(nsid, networkOf(address)) < max) return undefined
    if (this.#options.rateLimit?.bypass?.(context) === true) return undefined
    return new XrpcError(429, 'RateLimitExceeded', `Too many subscriptions from this address; max=${max}`)
  }

  #requestId(call: Call): string {
    const given = call.header('x-request-id')
    if (given !== null && /^[\w.-]{1,64}$/.test(given)) return given
    this.#requests += 1
    return `${idPrefix}-${this.#requests.toString(36)}`
  }
}

/** Closes the body of a result that will not be sent. */
function drop(result: unknown): void {
  const body = result instanceof Reply || result instanceof Response ? result.body : result
  if (isStream(body)) void discard(body as AsyncIterable<Uint8Array>)
}
