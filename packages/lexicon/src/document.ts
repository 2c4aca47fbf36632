// https://atproto.com/specs/lexicon#lexicon-files
import type { RecordKeyType } from '@avocet/syntax'

/** The string formats of the Lexicon language. */
export type StringFormat =
  | 'at-identifier'
  | 'at-uri'
  | 'cid'
  | 'datetime'
  | 'did'
  | 'handle'
  | 'language'
  | 'nsid'
  | 'record-key'
  | 'tid'
  | 'uri'

type Described = { readonly description?: string }

/** `boolean` */
export type LexiconBoolean = Described & {
  readonly type: 'boolean'
  readonly default?: boolean
  readonly const?: boolean
}
/** `integer`: a signed integer within JavaScript's safe range. */
export type LexiconInteger = Described & {
  readonly type: 'integer'
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly number[]
  readonly default?: number
  readonly const?: number
}
/** `string`: lengths count UTF-8 bytes, graphemes count grapheme clusters. */
export type LexiconString = Described & {
  readonly type: 'string'
  readonly format?: StringFormat
  readonly minLength?: number
  readonly maxLength?: number
  readonly minGraphemes?: number
  readonly maxGraphemes?: number
  readonly knownValues?: readonly string[]
  readonly enum?: readonly string[]
  readonly default?: string
  readonly const?: string
}
/** `bytes`: lengths count raw bytes. */
export type LexiconBytes = Described & {
  readonly type: 'bytes'
  readonly minLength?: number
  readonly maxLength?: number
}
/** `cid-link` */
export type LexiconCidLink = Described & { readonly type: 'cid-link' }
/** `blob`: `accept` holds MIME types or `image/*` patterns, `maxSize` counts bytes. */
export type LexiconBlob = Described & {
  readonly type: 'blob'
  readonly accept?: readonly string[]
  readonly maxSize?: number
}
/** `unknown`: any object of the data model. */
export type LexiconUnknown = Described & { readonly type: 'unknown' }
/** `ref`: `#name`, `com.example.thing` or `com.example.thing#name`. */
export type LexiconRef = Described & { readonly type: 'ref'; readonly ref: string }
/** `union`: open unless `closed`. */
export type LexiconUnion = Described & {
  readonly type: 'union'
  readonly refs: readonly string[]
  readonly closed?: boolean
}
/** `token`: a name with a meaning and no data. */
export type LexiconToken = Described & { readonly type: 'token' }
/** `array` */
export type LexiconArray = Described & {
  readonly type: 'array'
  readonly items: LexiconField
  readonly minLength?: number
  readonly maxLength?: number
}
/** `object` */
export type LexiconObject = Described & {
  readonly type: 'object'
  readonly properties: { readonly [name: string]: LexiconField }
  readonly required?: readonly string[]
  readonly nullable?: readonly string[]
}
/** Anything that can be a property of an object or an item of an array. */
export type LexiconField =
  | LexiconBoolean
  | LexiconInteger
  | LexiconString
  | LexiconBytes
  | LexiconCidLink
  | LexiconBlob
  | LexiconUnknown
  | LexiconRef
  | LexiconUnion
  | LexiconArray
  | LexiconObject

/** A parameter: a scalar, or an array of scalars. */
export type LexiconParam = LexiconBoolean | LexiconInteger | LexiconString | LexiconParamArray
/** An array of scalars among parameters. */
export type LexiconParamArray = Described & {
  readonly type: 'array'
  readonly items: LexiconBoolean | LexiconInteger | LexiconString
  readonly minLength?: number
  readonly maxLength?: number
}
/** `params`: HTTP query parameters. */
export type LexiconParams = Described & {
  readonly type: 'params'
  readonly properties: { readonly [name: string]: LexiconParam }
  readonly required?: readonly string[]
}
/** A request or response body. */
export type LexiconBody = Described & {
  readonly encoding: string
  readonly schema?: LexiconObject | LexiconRef | LexiconUnion
}
/** A declared error. */
export type LexiconErrorName = Described & { readonly name: string }
/** `record` */
export type LexiconRecord = Described & {
  readonly type: 'record'
  readonly key: RecordKeyType
  readonly record: LexiconObject
}
/** `query` */
export type LexiconQuery = Described & {
  readonly type: 'query'
  readonly parameters?: LexiconParams
  readonly output?: LexiconBody
  readonly errors?: readonly LexiconErrorName[]
}
/** `procedure` */
export type LexiconProcedure = Described & {
  readonly type: 'procedure'
  readonly parameters?: LexiconParams
  readonly input?: LexiconBody
  readonly output?: LexiconBody
  readonly errors?: readonly LexiconErrorName[]
}
/** `subscription` */
export type LexiconSubscription = Described & {
  readonly type: 'subscription'
  /** What a connection speaks that negotiates nothing: `xrpc.v0.cbor` where it is absent. Proposal 0015. */
  readonly subprotocol?: string
  readonly parameters?: LexiconParams
  readonly message?: Described & { readonly schema: LexiconUnion }
  readonly errors?: readonly LexiconErrorName[]
}
/** One permission of a set; fields beyond `resource` depend on it. */
export type LexiconPermission = Described & {
  readonly type: 'permission'
  readonly resource: string
  readonly [field: string]: unknown
}
/** `permission-set` */
export type LexiconPermissionSet = Described & {
  readonly type: 'permission-set'
  readonly title?: string
  readonly 'title:lang'?: { readonly [language: string]: string }
  readonly detail?: string
  readonly 'detail:lang'?: { readonly [language: string]: string }
  readonly permissions: readonly LexiconPermission[]
}
/** A primary definition: only ever named `main`. */
export type LexiconPrimary =
  | LexiconRecord
  | LexiconQuery
  | LexiconProcedure
  | LexiconSubscription
  | LexiconPermissionSet
/** Anything that can stand under `defs`. */
export type LexiconDef =
  | LexiconPrimary
  | LexiconToken
  | Exclude<LexiconField, LexiconUnknown | LexiconRef | LexiconUnion>

/** A lexicon document, as parsed by `parseLexicon`. */
export type LexiconDocument = {
  readonly lexicon: 1
  readonly id: string
  readonly description?: string
  readonly revision?: number
  readonly defs: { readonly [name: string]: LexiconDef }
}
