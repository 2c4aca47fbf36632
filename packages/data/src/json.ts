// https://atproto.com/specs/data-model#json-representation

import { decodeBase64, encodeBase64 } from './base64.ts'
import { isBlobRef } from './blob.ts'
import { parseCid } from './cid.ts'
import { formatCid, isCid } from './compact-cid.ts'
import { DataError } from './error.ts'
import {
  Budget,
  isPlainObject,
  setKey,
  type Bounds,
  type DataObject,
  type DataValue,
  type ReadJsonOptions,
} from './value.ts'

/** What `JSON.stringify` takes and `JSON.parse` gives. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject

/** A JSON object. */
export interface JsonObject {
  [key: string]: JsonValue
}

/**
 * The JSON form of a value: CIDs as `{ $link }`, bytes as `{ $bytes }` (base64, no padding).
 *
 * @throws DataError for what the data model refuses (floats, unsafe integers, lone surrogates, `undefined`, objects
 *   that would read back as something else) and past the bounds.
 */
export function toJson(value: DataValue, bounds: Bounds = {}): JsonValue {
  return writeValue(value, 0, new Budget(bounds))
}

/**
 * The value in its JSON form (already parsed by `JSON.parse`). Nothing of the input is kept.
 *
 * @throws DataError for floats, unsafe integers, bad `$link`, `$bytes`, `$type` or blob refs, lone surrogates, and past
 *   the bounds; `path` says where. With `lenient`: for what is no JSON, and past the bounds.
 */
export function fromJson(json: unknown, options: ReadJsonOptions = {}): DataValue {
  return readValue(json, 0, new Budget(options), options.lenient ?? false)
}

/**
 * Like {@link fromJson}, for what must be a map, as every record is.
 *
 * @throws DataError as {@link fromJson}; `invalid-value` for anything but a plain object.
 */
export function fromJsonObject(json: unknown, options: ReadJsonOptions = {}): DataObject {
  const value = fromJson(json, options)
  if (!isPlainObject(value)) throw new DataError('invalid-value', 'not an object')
  return value
}

function readValue(json: unknown, depth: number, budget: Budget, lenient: boolean): DataValue {
  budget.spend(depth)
  switch (typeof json) {
    case 'string':
      return lenient ? json : checkString(json)
    case 'number':
      return lenient ? json : checkNumber(json)
    case 'boolean':
      return json
    case 'object':
      if (json === null) return null
      return Array.isArray(json)
        ? readArray(json, depth, budget, lenient)
        : readObject(json, depth, budget, lenient)
    default:
      throw new DataError('invalid-value', `not a JSON value; type=${typeof json}`)
  }
}

function readArray(json: readonly unknown[], depth: number, budget: Budget, lenient: boolean): DataValue[] {
  const out: DataValue[] = []
  for (let i = 0; i < json.length; i++) {
    try {
      out.push(readValue(json[i], depth + 1, budget, lenient))
    } catch (error) {
      throw at(i, error)
    }
  }
  return out
}

function readObject(json: object, depth: number, budget: Budget, lenient: boolean): DataValue {
  if (!isPlainObject(json)) throw new DataError('invalid-value', 'not a plain object')
  const special = Object.hasOwn(json, '$link')
    ? readLink
    : Object.hasOwn(json, '$bytes')
      ? readBytes
      : undefined
  if (special !== undefined) {
    try {
      return special(json)
    } catch (error) {
      if (!lenient) throw error
    }
  }
  const out: DataObject = {}
  for (const key of Object.keys(json)) {
    try {
      setKey(out, lenient ? key : checkString(key), readValue(json[key], depth + 1, budget, lenient))
    } catch (error) {
      throw at(key, error)
    }
  }
  if (!lenient) checkType(out)
  return out
}

function readLink(json: Record<string, unknown>): DataValue {
  const link = json['$link']
  if (typeof link !== 'string' || Object.keys(json).length !== 1) {
    throw new DataError('invalid-link', 'a link is exactly one $link string')
  }
  try {
    return parseCid(link)
  } catch (cause) {
    throw new DataError('invalid-link', 'a $link holds a base32 CIDv1 with sha-256', { cause })
  }
}

function readBytes(json: Record<string, unknown>): Uint8Array {
  const text = json['$bytes']
  if (typeof text !== 'string' || Object.keys(json).length !== 1) {
    throw new DataError('invalid-bytes', 'bytes are exactly one $bytes string')
  }
  const bytes = decodeBase64(text)
  if (bytes === null) throw new DataError('invalid-bytes', 'a $bytes string is base64')
  return bytes
}

function writeValue(value: DataValue, depth: number, budget: Budget): JsonValue {
  budget.spend(depth)
  switch (typeof value) {
    case 'string':
      return checkString(value)
    case 'number':
      return checkNumber(value)
    case 'boolean':
      return value
    case 'object':
      if (value === null) return null
      if (value instanceof Uint8Array) return { $bytes: encodeBase64(value) }
      if (isCid(value)) return { $link: formatCid(value) }
      if (Array.isArray(value)) return writeArray(value, depth, budget)
      return writeObject(value, depth, budget)
    default:
      throw new DataError('invalid-value', `not a value of the data model; type=${typeof value}`)
  }
}

function writeArray(value: readonly DataValue[], depth: number, budget: Budget): JsonValue[] {
  const out: JsonValue[] = []
  for (let i = 0; i < value.length; i++) {
    try {
      out.push(writeValue(value[i]!, depth + 1, budget))
    } catch (error) {
      throw at(i, error)
    }
  }
  return out
}

function writeObject(value: DataObject, depth: number, budget: Budget): JsonObject {
  if (!isPlainObject(value)) throw new DataError('invalid-value', 'not a plain object')
  // Such an object would come back as a link or as bytes.
  if (Object.hasOwn(value, '$link')) throw new DataError('invalid-link', '$link is reserved')
  if (Object.hasOwn(value, '$bytes')) throw new DataError('invalid-bytes', '$bytes is reserved')
  checkType(value)
  const out: JsonObject = {}
  for (const key of Object.keys(value)) {
    try {
      setKey(out, checkString(key), writeValue(value[key]!, depth + 1, budget))
    } catch (error) {
      throw at(key, error)
    }
  }
  return out
}

function checkType(value: DataObject): void {
  if (!Object.hasOwn(value, '$type')) return
  const type = value['$type']
  if (typeof type !== 'string' || type === '') {
    throw new DataError('invalid-type', '$type is a non-empty string', { path: '/$type' })
  }
  if (type === 'blob' && !isBlobRef(value)) {
    throw new DataError('invalid-blob', 'a blob ref is exactly $type, ref, mimeType and size')
  }
}

function checkString(value: string): string {
  if (!value.isWellFormed()) throw new DataError('invalid-string', 'a string with a lone surrogate')
  return value
}

function checkNumber(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new DataError('invalid-number', `not a safe integer; value=${value}`)
  }
  // JSON can spell -0; the data model has one zero.
  return value === 0 ? 0 : value
}

/** The error of a part, told as the whole's: its path grows on the way up, so that the happy path pays nothing. */
function at(step: string | number, error: unknown): unknown {
  if (!(error instanceof DataError)) return error
  const name = String(step).replaceAll('~', '~0').replaceAll('/', '~1')
  // The same object at every level: a new one would capture the stack each time.
  ;(error as { path: string }).path = `/${name}${error.path}`
  return error
}
