// https://atproto.com/specs/lexicon and https://standardschema.dev

/** Why a value does not fit its schema. */
export type IssueCode =
  | 'required'
  | 'invalid-type'
  | 'invalid-format'
  | 'invalid-const'
  | 'invalid-enum'
  | 'too-short'
  | 'too-long'
  | 'too-few-graphemes'
  | 'too-many-graphemes'
  | 'too-small'
  | 'too-large'
  | 'missing-type'
  | 'wrong-type'
  | 'unknown-variant'
  | 'unknown-lexicon'
  | 'unknown-field'
  | 'blob-too-large'
  | 'blob-mime-type'
  | 'record-key'
  | 'too-deep'
  | 'too-many-issues'

/** One thing wrong with a value. */
export type Issue = {
  /** Where, as a JSON pointer: `/embed/images/0/alt`; the empty string is the value itself. */
  readonly path: string
  readonly code: IssueCode
  /** A sentence for people, without the path. */
  readonly message: string
}

/** What a validator answers: the typed value, or everything that is wrong with it. */
export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** How strictly to validate; the defaults are the rules of the specification. */
export type ValidateOptions = {
  /** Fields that the schema does not name: `keep` them (default, as the network needs) or `reject`. */
  readonly unknownFields?: 'keep' | 'reject'
  /** Accept blobs of the form `{ cid, mimeType }` from before 2023 (default false). */
  readonly legacyBlobs?: boolean
  /** Shorten strings over `maxLength` or `maxGraphemes` instead of refusing them (default false). */
  readonly truncate?: boolean
  /** Fill in absent fields that have a default (default: true for params, false elsewhere). */
  readonly defaults?: boolean
  /** Stop after so many issues (default 100). */
  readonly maxIssues?: number
  /** How links, bytes and blobs look. Default: as values of `@avocet/data`; see `validateJson` for JSON. */
  readonly forms?: ValueForms
}

/** How values that JSON has no form for are written. */
export interface ValueForms {
  readonly isLink: (value: unknown) => boolean
  /** Of bytes; -1 for what is none. */
  readonly byteLength: (value: unknown) => number
  readonly isBlob: (value: unknown) => value is { readonly mimeType: string; readonly size: number }
}

/** The Standard Schema properties of a validator. */
export interface StandardProps<In, Out> {
  readonly version: 1
  readonly vendor: 'avocet'
  readonly validate: (value: unknown) => StandardResult<Out>
  readonly types?: { readonly input: In; readonly output: Out } | undefined
}

/** The result of a Standard Schema validation. */
export type StandardResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[] }

/**
 * A compiled schema. `T` is what a valid value is, `In` what a caller may pass (they differ only where defaults are
 * filled in). Implements Standard Schema, so tRPC, Hono and form libraries take it as it is.
 */
export interface Validator<T, In = T> {
  /** Checks a data value (CIDs, bytes and blobs as in `@avocet/data`, not their JSON form). Never throws. */
  validate(value: unknown, options?: ValidateOptions): Validation<T>
  /** Whether `value` is valid as it is, under default options. */
  is(value: unknown): value is T
  readonly '~standard': StandardProps<In, T>
}
