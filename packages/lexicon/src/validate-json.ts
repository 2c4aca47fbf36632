// https://atproto.com/specs/data-model#json-representation
import {
  isJsonBlobRef,
  isJsonLink,
  jsonByteLength,
  type BlobRef,
  type CID,
  type JsonBlobRef,
  type JsonBytes,
  type JsonLink,
} from '@avocet/data'
import type { ValidateOptions, Validation, Validator, ValueForms } from './validation.ts'

/** What a value of type `T` is in JSON: links as `{ $link }`, bytes as `{ $bytes }`. */
export type JsonForm<T> = T extends CID
  ? JsonLink
  : T extends Uint8Array
    ? JsonBytes
    : T extends BlobRef
      ? JsonBlobRef
      : T extends object
        ? { [K in keyof T]: JsonForm<T[K]> }
        : T

const JSON_FORMS: ValueForms = {
  isLink: isJsonLink,
  byteLength: jsonByteLength,
  isBlob: isJsonBlobRef,
}

/**
 * Checks JSON as it came, without making values of it: for pages that show what they get, since no CID is made and so none of
 * `multiformats` is in the bundle. `fromJson` of `@avocet/data` and the schema's own `validate` check more: the parts that no schema
 * names, strings that are no Unicode. Never throws.
 *
 * @returns the same JSON, typed
 */
export function validateJson<T>(
  schema: Pick<Validator<T, never>, 'validate'>,
  json: unknown,
  options?: Omit<ValidateOptions, 'forms'>,
): Validation<JsonForm<T>> {
  return schema.validate(json, { ...options, forms: JSON_FORMS }) as Validation<JsonForm<T>>
}
