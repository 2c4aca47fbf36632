/** Calls by name: segment by segment, typed by a catalog that was generated. */
import type { Catalog, InferInput, InferParams, Procedure, Query } from '@avocet/lexicon'
import type { ParamValue } from '@avocet/xrpc'
import { XrpcClientError } from './error.ts'
import { type CallOutput, type CallSettings, type Client, unwrap, type UploadBody } from './types.ts'

/** What a call by name takes besides its parameters or input. */
export interface RpcOptions extends CallSettings {
  /** Parameters of a procedure, which takes its input first. */
  readonly params?: Readonly<Record<string, ParamValue>>
  /** MIME type of an input that is not JSON. */
  readonly encoding?: string
  readonly signal?: AbortSignal
}

// A method without parameters has an index signature of none.
type Arguments<T, O> = undefined extends T
  ? [first?: T, options?: O]
  : string extends keyof T
    ? [first?: T, options?: O]
    : object extends T
      ? [first?: T, options?: O]
      : [first: T, options?: O]

/** A method by its name: parameters of a query or input of a procedure, then the rest. Gives the output itself. */
export type RpcMethod<S> =
  S extends Query<any, any, any, any>
    ? (...args: Arguments<InferParams<S>, RpcOptions>) => Promise<CallOutput<S>>
    : S extends Procedure<any, any, any, any, any>
      ? [InferInput<S>] extends [Uint8Array]
        ? (input: UploadBody, options: RpcOptions & { readonly encoding: string }) => Promise<CallOutput<S>>
        : (...args: Arguments<InferInput<S>, RpcOptions>) => Promise<CallOutput<S>>
      : never

type Callable<M> = {
  [N in keyof M]: M[N] extends { readonly type: 'query' | 'procedure' } ? N : never
}[keyof M] &
  string
/** The first segments of names, and of each its rest: `''` where there is none. */
type Heads<N extends string> = N extends `${infer Head}.${string}` ? Head : N
type Rests<N extends string, Head extends string> = N extends `${Head}.${infer Rest}` ? Rest : never
type Tree<M, N extends string, Before extends string> = {
  readonly [Head in Heads<N>]: (`${Before}${Head}` extends keyof M
    ? Head extends N
      ? RpcMethod<M[`${Before}${Head}` & keyof M]>
      : unknown
    : unknown) &
    ([Rests<N, Head>] extends [never] ? unknown : Tree<M, Rests<N, Head>, `${Before}${Head}.`>)
}

/** Methods of a catalog that nobody wrote types for: each name may be one, and gives what it gives. */
export type UntypedRpc = ((paramsOrInput?: object | UploadBody, options?: RpcOptions) => Promise<unknown>) & {
  readonly [segment: string]: UntypedRpc
}

/** Methods by the segments of their names, with the types of a catalog's; `_` stands for `-` where a name has one. */
export type Rpc<M> = unknown extends M ? UntypedRpc : Tree<M, Callable<M>, ''>

/**
 * The methods of a catalog by their names: `rpc.com.atproto.repo.getRecord({ … })`. A call gives the output itself, and throws an
 * `XrpcClientError`. `catalog` of `@avocet/lexicons/catalog` brings its types; one that was read at run time has none.
 *
 * @example
 * const rpc = createRpc(client, catalog)
 * const { did } = await rpc.com.atproto.identity.resolveHandle({ handle: 'alice.example.com' })
 */
export function createRpc<M>(
  client: Pick<Client, 'call'>,
  catalog: Pick<Catalog<M>, 'method' | '~methods'>,
): Rpc<M>
/** The same by types that the caller vouches for: `createRpc<{ 'com.example.search': typeof search }>(…)`. */
export function createRpc<M>(client: Pick<Client, 'call'>, catalog: Pick<Catalog, 'method'>): Rpc<M>
export function createRpc(client: Pick<Client, 'call'>, catalog: Pick<Catalog, 'method'>): UntypedRpc {
  return grow(client, catalog, '')
}

function grow(client: Pick<Client, 'call'>, catalog: Pick<Catalog, 'method'>, name: string): UntypedRpc {
  const made = new Map<string, UntypedRpc>()
  return new Proxy<object>(function rpc() {}, {
    get(_, segment) {
      // So that `await rpc.com` and printing it do not look like method names. No segment is a symbol or `then`.
      if (typeof segment !== 'string' || segment === 'then') return undefined
      let next = made.get(segment)
      if (next === undefined) {
        next = grow(client, catalog, `${name}${name === '' ? '' : '.'}${segment.replaceAll('_', '-')}`)
        made.set(segment, next)
      }
      return next
    },
    apply: (_, __, args: Parameters<UntypedRpc>) => invoke(client, catalog, name, ...args),
  }) as UntypedRpc
}

async function invoke(
  client: Pick<Client, 'call'>,
  catalog: Pick<Catalog, 'method'>,
  nsid: string,
  ...[first, options]: Parameters<UntypedRpc>
): Promise<unknown> {
  const schema = catalog.method(nsid)
  if (schema === undefined) throw new XrpcClientError('unknown-method', `no such method; nsid=${nsid}`)
  if (schema.type === 'subscription') {
    throw new XrpcClientError('unknown-method', `a subscription: use subscribe; nsid=${nsid}`)
  }
  // A name alone cannot say what a method takes, so its schema does; the types end here.
  const call = client.call.bind(client) as (
    schema: Query | Procedure,
    options: object,
  ) => ReturnType<Client['call']>
  if (schema.type === 'query') return unwrap(await call(schema, { ...options, params: first }))
  return unwrap(await call(schema, { ...options, input: first }))
}
