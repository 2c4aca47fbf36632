// https://atproto.com/specs/data-model

import type { CID } from 'multiformats/cid'
import { isCid } from './compact-cid.ts'
import { DataError } from './error.ts'

/** A value of the data model. Numbers are safe integers; there are no floats and no `undefined`. */
export type DataValue = null | boolean | number | string | Uint8Array | CID | DataValue[] | DataObject

/** A map of the data model. */
export interface DataObject {
  [key: string]: DataValue
}

/** How deep and how large a value may be. */
export interface Bounds {
  /** Levels of arrays and objects; 256 unless told. */
  maxDepth?: number
  /** Values in all, at every level; 1 000 000 unless told. */
  maxValues?: number
}

/** Bounds, and how strictly JSON is read. */
export interface ReadJsonOptions extends Bounds {
  /**
   * Keep what the data model has no place for, instead of refusing the whole value for it: any number of JSON, strings with lone surrogates, and
   * objects that are not the `$link`, `$bytes` or blob they call themselves. For reading what others wrote; what comes out may have no CBOR form.
   * Default false.
   */
  lenient?: boolean
}

/** Levels of nesting allowed unless told. */
const MAX_DEPTH = 256

/** Values allowed in one value unless told. */
const MAX_VALUES = 1_000_000

/** One walk over a value: counts what it has seen against the bounds. */
export class Budget {
  readonly maxDepth: number
  #left: number

  constructor(bounds: Bounds) {
    this.maxDepth = bounds.maxDepth ?? MAX_DEPTH
    this.#left = bounds.maxValues ?? MAX_VALUES
  }

  spend(depth: number): void {
    if (depth > this.maxDepth) throw new DataError('too-deep', `nested too deep; max=${this.maxDepth}`)
    if (--this.#left < 0) throw new DataError('too-large', 'too many values')
  }
}

/** Sets a key as an own property, `__proto__` included. */
export function setKey<V>(object: Record<string, V>, key: string, value: V): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    object[key] = value
  }
}

/** Whether a value is an object literal: not null, an array, bytes or a CID. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether two values are the same: keys in any order, bytes and CIDs by content. Bounded like every walk. */
export function equals(a: DataValue, b: DataValue, bounds: Bounds = {}): boolean {
  return same(a, b, 0, new Budget(bounds))
}

function same(a: DataValue, b: DataValue, depth: number, budget: Budget): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  budget.spend(depth)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b)
  if (b instanceof Uint8Array) return false
  if (isCid(a)) return isCid(b) && sameBytes(a.bytes, b.bytes)
  if (isCid(b)) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!same(a[i]!, b[i]!, depth + 1, budget)) return false
    return true
  }
  if (Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !same(a[key]!, b[key]!, depth + 1, budget)) return false
  }
  return true
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
