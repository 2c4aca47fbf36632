// https://atproto.com/specs/lexicon#primary-type-definitions
import type { Nsid, RecordKeyType } from '@avocet/syntax'
import type { LexiconParams, LexiconPermission } from './document.ts'
import type { Validator } from './validation.ts'

/**
 * A body of a request or response. `schema` is null where the lexicon gives none (then the body is bytes, unless
 * `encoding` is JSON).
 */
export interface Body<T> {
  /** A MIME type, possibly a pattern such as `*` + `/*`, or a list separated by commas. */
  readonly encoding: string
  readonly schema: Validator<T> | null
}

/** The query parameters of a method: `P` as a caller passes them, `D` with defaults filled in. */
export interface ParamsSchema<P, D = P> extends Validator<D, P> {
  /** The definition; null when the method declares no parameters (then any parameter is unknown). */
  readonly def: LexiconParams | null
}

/** An XRPC query (HTTP GET). `O` is `undefined` when there is no output, `Uint8Array` when it has no schema. */
export interface Query<P = any, O = any, D = any, E extends string = string> {
  readonly type: 'query'
  readonly nsid: Nsid
  readonly params: ParamsSchema<P, D>
  readonly output: Body<O> | null
  readonly errors: readonly E[]
  readonly description?: string
}

/** An XRPC procedure (HTTP POST). `I` and `O` are `undefined` when absent, `Uint8Array` when without a schema. */
export interface Procedure<P = any, I = any, O = any, D = any, E extends string = string> {
  readonly type: 'procedure'
  readonly nsid: Nsid
  readonly params: ParamsSchema<P, D>
  readonly input: Body<I> | null
  readonly output: Body<O> | null
  readonly errors: readonly E[]
  readonly description?: string
}

/** An event stream. Messages carry their full `$type` (`com.example.sub#event`; the frame has the part from `#`). */
export interface Subscription<P = any, M = any, D = any, E extends string = string> {
  readonly type: 'subscription'
  readonly nsid: Nsid
  readonly params: ParamsSchema<P, D>
  readonly message: Validator<M> | null
  /** What a connection speaks that negotiates nothing; `xrpc.v0.cbor` where it is absent. */
  readonly subprotocol?: string
  readonly errors: readonly E[]
  readonly description?: string
}

/** A record type. `key` is its record key type: `tid`, `nsid`, `any` or `literal:<value>`. */
export interface RecordSchema<T = any> extends Validator<T> {
  readonly type: 'record'
  readonly nsid: Nsid
  readonly key: RecordKeyType
}

/** A named object, array, string, … definition. */
export interface DefSchema<T = any> extends Validator<T> {
  readonly type: 'def'
  /** Its full name: `com.example.defs#view`, or the NSID alone for `main`. */
  readonly ref: string
}

/** A bundle of permissions for OAuth scopes. */
export interface PermissionSet {
  readonly type: 'permission-set'
  readonly nsid: Nsid
  readonly title?: string
  readonly detail?: string
  readonly permissions: readonly LexiconPermission[]
}

/** Whatever a method schema can be. */
export type Method = Query | Procedure | Subscription

/** The parameters of a method as a caller passes them (those with a default are optional). */
export type InferParams<S> = S extends { readonly params: ParamsSchema<infer P, any> } ? P : never
/** The parameters of a method as its handler receives them (those with a default are present). */
export type InferDecodedParams<S> = S extends { readonly params: ParamsSchema<any, infer D> } ? D : never
/** The input body of a procedure; `undefined` when it takes none. */
export type InferInput<S> = S extends Procedure<any, infer I> ? I : undefined
/** The output body of a method; `undefined` when it has none. */
export type InferOutput<S> = S extends { readonly output: Body<infer O> | null } ? O : never
/** The names of the errors that a method declares; a service may give others. */
export type InferErrorName<S> = S extends { readonly errors: readonly (infer E extends string)[] } ? E : never
/** The messages of a subscription. */
export type InferMessage<S> = S extends Subscription<any, infer M> ? M : never
/** The record of a record schema. */
export type InferRecord<S> = S extends RecordSchema<infer T> ? T : never
/** What a validator accepts, after validation. */
export type Infer<S> = S extends Validator<infer T, any> ? T : never
