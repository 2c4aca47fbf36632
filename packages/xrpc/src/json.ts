/**
 * JSON bodies: values of the data model as text.
 * @see https://atproto.com/specs/data-model#json-representation
 */
import { type DataObject, type DataValue, isCid, toJson } from '@avocet/data'

// What a value needs before JSON.stringify may have it; bits of one number.
const converted = 1 // CIDs or bytes in it
const holed = 2 // `undefined` members in it
const maxDepth = 256

/**
 * The JSON text of a value, CIDs as `$link` and bytes as `$bytes`. Members that are `undefined` are left out, as
 * `JSON.stringify` does. Most answers hold neither CIDs nor bytes: one walk finds that out, and no copy is made.
 *
 * @throws {DataError} as `toJson` of the data package
 * @throws {RangeError} deeper than 256 levels
 */
export function stringifyJson(value: DataValue): string {
  const needs = scan(value, 0)
  if ((needs & converted) === 0) return JSON.stringify(value)
  return JSON.stringify(toJson((needs & holed) === 0 ? value : fill(value)))
}

function scan(value: unknown, depth: number): number {
  if (typeof value !== 'object') return value === undefined ? holed : 0
  if (value === null) return 0
  if (depth > maxDepth) throw new RangeError(`value nested too deep; max=${maxDepth}`)
  let needs = 0
  if (Array.isArray(value)) {
    for (const item of value) needs |= scan(item, depth + 1)
    return needs
  }
  if (value instanceof Uint8Array || isCid(value)) return converted
  for (const key in value) needs |= scan((value as DataObject)[key], depth + 1)
  return needs
}

function fill(value: DataValue): DataValue {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isCid(value)) return value
  if (Array.isArray(value)) return value.map(fill)
  const entries = Object.entries(value).filter((entry) => entry[1] !== undefined)
  return Object.fromEntries(entries.map(([key, member]) => [key, fill(member)]))
}
