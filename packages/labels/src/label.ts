// https://atproto.com/specs/label#schema-and-data-model
import { CborError, encode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { Label } from '@avocet/lexicons/com.atproto.label.defs'
import { isCidString, isDatetime, isDid, isUri, type Result } from '@avocet/syntax'

export type { Label }

/** The one version of labels that there is. */
export const LABEL_VERSION = 1

/** Bytes of `val` at most. */
const MAX_VALUE_BYTES = 128

/** A label as services hand it on: `ver` and `sig` are there. */
export interface SignedLabel extends Label {
  ver: typeof LABEL_VERSION
  sig: Uint8Array
}

/** What can be wrong with a label by itself. */
export type LabelFailureCode =
  /** Not an object with the fields of a label. */
  | 'malformed'
  /** `ver` is absent, or not 1. */
  | 'unsupported-version'
  /** There is no signature. */
  | 'unsigned'
  /** The source has no `#atproto_label` key in its DID document, or no document. */
  | 'no-key'
  /** The signature is not the key's, or not in its canonical form. */
  | 'bad-signature'

/** Why a label is refused. */
export interface LabelFailure {
  readonly code: LabelFailureCode
  readonly message: string
}

/** A label, or why it is refused. */
export type LabelResult<T = SignedLabel> = Result<T, LabelFailure>

/** Fields of a label, in the words of the specification; `sig` comes on top. Nothing else is ever signed. */
const SIGNED_FIELDS = ['ver', 'src', 'uri', 'cid', 'val', 'neg', 'cts', 'exp'] as const

/**
 * Reads a label that a stranger sent, as data (bytes are a `Uint8Array`, not `$bytes`): each field against its format, other fields
 * left out. `neg: false` stays, since it may be signed.
 *
 * @returns failure `malformed`
 */
export function parseLabel(value: unknown): LabelResult<Label> {
  if (typeof value !== 'object' || value === null) return fail('malformed', 'label is not an object')
  const given = value as Record<string, unknown>
  for (const [field, isOptional, holds] of CHECKS) {
    const part = given[field]
    if (part === undefined ? !isOptional : !holds(part)) {
      return fail('malformed', `label with a bad field; field=${field}`)
    }
  }
  const label = pick(given)
  if (given['sig'] !== undefined) label['sig'] = given['sig']
  return { ok: true, value: label as unknown as Label }
}

type Check = readonly [field: string, isOptional: boolean, holds: (value: unknown) => boolean]

const CHECKS: readonly Check[] = [
  ['ver', true, Number.isSafeInteger],
  ['src', false, isDid],
  ['uri', false, isUri],
  ['cid', true, isCidString],
  ['val', false, isLabelValue],
  ['neg', true, (value) => typeof value === 'boolean'],
  ['cts', false, isDatetime],
  ['exp', true, isDatetime],
  ['sig', true, (value) => value instanceof Uint8Array],
]

/** Whether a value may be the `val` of a label: a text of at most 128 bytes in UTF-8. */
export function isLabelValue(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_VALUE_BYTES || !value.isWellFormed()) return false
  return new TextEncoder().encode(value).length <= MAX_VALUE_BYTES
}

/**
 * The bytes that are signed: DAG-CBOR of the fields of the specification, without `sig`, `$type` or anything else.
 * https://atproto.com/specs/label#signatures
 *
 * @returns null for what has no such form, such as a text that is no Unicode
 */
export function encodeLabel(label: Label): Uint8Array | null {
  try {
    return encode(pick({ ...label }) as DataObject)
  } catch (error) {
    if (error instanceof CborError) return null
    throw error
  }
}

function pick(label: Record<string, unknown>): Record<string, unknown> {
  const picked: Record<string, unknown> = {}
  for (const field of SIGNED_FIELDS) if (label[field] !== undefined) picked[field] = label[field]
  return picked
}

/** A refusal. */
export function fail(
  code: LabelFailureCode,
  message: string,
): { readonly ok: false; readonly error: LabelFailure } {
  return { ok: false, error: { code, message } }
}
