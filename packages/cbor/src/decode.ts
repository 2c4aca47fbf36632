// DAG-CBOR as the AT Protocol uses it, in one pass.
// https://atproto.com/specs/data-model, https://ipld.io/specs/codecs/dag-cbor/spec/, RFC 8949 section 4.2

import { CID, CID_LENGTH, type DataValue, cidAt } from '@avocet/data'
import { CborError, type CborErrorCode } from './error.ts'
import { toFloat } from './float.ts'
import { MAX_INTERNED, createTextTable, decodeKey, decodeShort, decodeUtf8 } from './text.ts'

/** What a decoder may be told. */
export interface DecodeOptions {
  /** How deep arrays, maps and tags may nest. Default 256. */
  readonly maxDepth?: number
  /**
   * How many items there may be: the values in arrays, and the keys and values in maps, at any depth. What bytes expand to in
   * memory depends on these: an item takes one byte here and some tens there. Default: no bound but the input's length.
   */
  readonly maxItems?: number
  /** Shared by several inputs: items of each value that was decoded are taken from it, and one that asks for more is refused. */
  readonly budget?: ItemBudget
  /**
   * Also take what strict writers never made but early ones did: map keys in any order, integers and lengths in longer
   * forms than needed, finite floats, `undefined` (read as null), CIDs of any version, codec and hash. For looking into
   * old records only: what comes out may not be encodable, and its encoding may have another CID.
   */
  readonly lenient?: boolean
}

/** Items that may still be decoded. See `DecodeOptions.budget`. */
export interface ItemBudget {
  left: number
}

const DEFAULT_MAX_DEPTH = 256
/** More items than memory has room for, and still an integer that engines keep in a register. */
const UNBOUNDED = 0x7fff_ffff
const keyTable = createTextTable()
const valueTable = createTextTable()

class Reader {
  readonly bytes: Uint8Array
  readonly end: number
  readonly lenient: boolean
  pos = 0
  depth: number
  /** Items left. Counted where a count is read, so that a value itself costs nothing. */
  items: number

  constructor(bytes: Uint8Array, options: DecodeOptions | undefined) {
    // Parts of a Buffer would be Buffers, whose `slice` does not copy.
    const isPlain = Object.getPrototypeOf(bytes) === Uint8Array.prototype
    this.bytes = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.end = bytes.length
    this.lenient = options?.lenient ?? false
    this.depth = options?.maxDepth ?? DEFAULT_MAX_DEPTH
    this.items = options === undefined ? UNBOUNDED : itemsAllowed(options)
  }
}

function itemsAllowed({ maxItems = UNBOUNDED, budget }: DecodeOptions): number {
  return Math.min(maxItems, budget?.left ?? UNBOUNDED, UNBOUNDED)
}

function fail(code: CborErrorCode, detail: string, offset: number, cause?: unknown): never {
  throw new CborError(code, detail, offset, cause === undefined ? undefined : { cause })
}

/** Reads the argument that follows an initial byte whose low five bits are 24 or more; only minimal forms pass. */
function readLongArgument(r: Reader, info: number): number {
  const { bytes, pos } = r
  const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
  if (size === 0) {
    if (info === 31) fail('indefinite-length', 'indefinite lengths are not allowed', pos - 1)
    fail('unsupported-simple', `reserved additional information ${info}`, pos - 1)
  }
  if (r.end - pos < size) fail('unexpected-end', 'input ends inside a length or integer', pos)
  r.pos = pos + size
  if (size === 1) {
    const value = bytes[pos]!
    if (value < 24 && !r.lenient) fail('not-minimal', 'integer is not in its shortest form', pos - 1)
    return value
  }
  if (size === 2) {
    const value = (bytes[pos]! << 8) | bytes[pos + 1]!
    if (value < 0x100 && !r.lenient) fail('not-minimal', 'integer is not in its shortest form', pos - 1)
    return value
  }
  const high =
    ((bytes[pos]! << 24) | (bytes[pos + 1]! << 16) | (bytes[pos + 2]! << 8) | bytes[pos + 3]!) >>> 0
  if (size === 4) {
    if (high < 0x10000 && !r.lenient) fail('not-minimal', 'integer is not in its shortest form', pos - 1)
    return high
  }
  const low =
    ((bytes[pos + 4]! << 24) | (bytes[pos + 5]! << 16) | (bytes[pos + 6]! << 8) | bytes[pos + 7]!) >>> 0
  if (high === 0 && !r.lenient) fail('not-minimal', 'integer is not in its shortest form', pos - 1)
  // 2^53 - 1 is the largest integer that JavaScript and the data model carry exactly.
  if (high > 0x1fffff) fail('integer-out-of-range', 'integer is larger than 2^53 - 1', pos - 1)
  return high * 0x1_0000_0000 + low
}

function readText(r: Reader, length: number): string {
  const start = r.pos
  const end = start + length
  if (end > r.end) fail('unexpected-end', `input ends inside a text of ${length} bytes`, start)
  r.pos = end
  if (length === 0) return ''
  try {
    return length <= MAX_INTERNED
      ? decodeShort(valueTable, r.bytes, start, end)
      : decodeUtf8(r.bytes, start, end)
  } catch (cause) {
    return fail('invalid-utf8', 'text is not valid UTF-8', start, cause)
  }
}

function readMap(r: Reader, count: number): DataValue {
  const { bytes, end } = r
  // Each entry takes at least two bytes, so a lying count is refused before any work.
  if (count > (end - r.pos) >> 1) fail('unexpected-end', `map of ${count} entries does not fit`, r.pos)
  if ((r.items -= count << 1) < 0) fail('too-many-items', `map of ${count} entries is too much`, r.pos)
  if (--r.depth < 0) fail('too-deep', 'values nest too deep', r.pos)
  const map: { [key: string]: DataValue } = {}
  let lastStart = 0
  let lastLength = -1
  for (let i = 0; i < count; i++) {
    if (r.pos >= end) fail('unexpected-end', 'input ends inside a map', r.pos)
    const head = bytes[r.pos++]!
    if (head >> 5 !== 3) fail('key-not-string', 'map key is not a text', r.pos - 1)
    let length = head & 31
    if (length >= 24) length = readLongArgument(r, length)
    const start = r.pos
    const stop = start + length
    if (stop > end) fail('unexpected-end', `input ends inside a key of ${length} bytes`, start)
    // Canonical order: shorter keys first, then by bytes.
    if (length <= lastLength && !r.lenient) {
      if (length < lastLength) fail('key-order', 'map keys are not in canonical order', start)
      let k = 0
      while (k < length && bytes[lastStart + k] === bytes[start + k]) k++
      if (k === length) fail('duplicate-key', 'map key appears twice', start)
      if (bytes[lastStart + k]! > bytes[start + k]!) {
        fail('key-order', 'map keys are not in canonical order', start)
      }
    }
    lastStart = start
    lastLength = length
    r.pos = stop
    let key: string
    try {
      if (length === 0) key = ''
      else if (length <= MAX_INTERNED) key = decodeKey(keyTable, bytes, start, stop)
      else key = decodeUtf8(bytes, start, stop)
    } catch (cause) {
      fail('invalid-utf8', 'map key is not valid UTF-8', start, cause)
    }
    if (r.lenient && Object.hasOwn(map, key)) fail('duplicate-key', 'map key appears twice', start)
    const value = readValue(r)
    if (length === 9 && key === '__proto__') {
      // A plain assignment would change the prototype instead of adding a property.
      Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
    } else {
      map[key] = value
    }
  }
  r.depth++
  return map
}

function readArray(r: Reader, count: number): DataValue[] {
  if (count > r.end - r.pos) fail('unexpected-end', `array of ${count} items does not fit`, r.pos)
  if ((r.items -= count) < 0) fail('too-many-items', `array of ${count} items is too much`, r.pos)
  if (--r.depth < 0) fail('too-deep', 'values nest too deep', r.pos)
  const array: DataValue[] = []
  for (let i = 0; i < count; i++) array.push(readValue(r))
  r.depth++
  return array
}

/** Tag 42 holds a byte string: the multibase identity prefix 0x00, then the CID. */
function readCid(r: Reader): CID {
  const { bytes, pos } = r
  // 0x58 0x25: a byte string of 37 bytes in its shortest form.
  if (bytes[pos] === 0x58 && bytes[pos + 1] === CID_LENGTH + 1 && bytes[pos + 2] === 0) {
    const cid = cidAt(bytes, pos + 3)
    if (cid !== null) {
      r.pos = pos + CID_LENGTH + 3
      return cid
    }
  }
  return readOtherCid(r)
}

/** What tag 42 holds instead of a CID of this protocol: taken if that was asked for, else refused for the right reason. */
function readOtherCid(r: Reader): CID {
  const { bytes, pos } = r
  if (pos >= r.end) fail('unexpected-end', 'input ends after tag 42', pos)
  if (bytes[pos]! >> 5 !== 2) fail('invalid-cid', 'tag 42 does not hold bytes', pos)
  const content = readValue(r) as Uint8Array
  if (!r.lenient) fail('invalid-cid', 'tag 42 does not hold a CID of this protocol', pos)
  if (content[0] !== 0) fail('invalid-cid', 'tag 42 does not hold a prefixed CID', pos)
  try {
    return CID.decode(content.subarray(1))
  } catch (cause) {
    return fail('invalid-cid', 'tag 42 does not hold a CID', pos, cause)
  }
}

function readValue(r: Reader): DataValue {
  const { pos } = r
  if (pos >= r.end) fail('unexpected-end', 'input ends where a value should start', pos)
  const head = r.bytes[pos]!
  r.pos = pos + 1
  const major = head >> 5
  if (major === 7) return readSimple(r, head, pos)
  let argument = head & 31
  if (argument >= 24) argument = readLongArgument(r, argument)
  switch (major) {
    case 0:
      return argument
    case 1:
      if (argument === Number.MAX_SAFE_INTEGER) {
        fail('integer-out-of-range', 'integer is smaller than -(2^53 - 1)', pos)
      }
      return -1 - argument
    case 2: {
      const start = r.pos
      if (argument > r.end - start) fail('unexpected-end', `input ends inside ${argument} bytes`, start)
      r.pos = start + argument
      return r.bytes.subarray(start, r.pos)
    }
    case 3:
      return readText(r, argument)
    case 4:
      return readArray(r, argument)
    case 5:
      return readMap(r, argument)
    default:
      if (argument !== 42) fail('unsupported-tag', `tag ${argument} is not allowed`, pos)
      return readCid(r)
  }
}

function readSimple(r: Reader, head: number, pos: number): boolean | null | number {
  if (head === 0xf5) return true
  if (head === 0xf4) return false
  if (head === 0xf6) return null
  if (head >= 0xf9 && head <= 0xfb) {
    if (r.lenient) return readFloat(r, head, pos)
    fail('float', 'floating-point numbers are not allowed', pos)
  }
  if (head === 0xf7 && r.lenient) return null
  if (head === 0xff) fail('indefinite-length', 'indefinite lengths are not allowed', pos)
  return fail('unsupported-simple', `simple value ${head & 31} is not allowed`, pos)
}

function readFloat(r: Reader, head: number, pos: number): number {
  const size = head === 0xf9 ? 2 : head === 0xfa ? 4 : 8
  if (r.end - r.pos < size) fail('unexpected-end', 'input ends inside a floating-point number', r.pos)
  const value = toFloat(r.bytes, r.pos, size)
  r.pos += size
  if (!Number.isFinite(value)) fail('float', 'infinities and NaN are not allowed', pos)
  return value
}

/**
 * Decodes exactly one value: canonical DAG-CBOR of the AT Protocol (no floats, no `undefined`, tag 42 only, keys sorted).
 * Byte strings of the result are views of `bytes`: do not write to it afterwards; copy what must outlive it.
 * @throws CborError any code but `unsupported-type`; `trailing-bytes` when input is left over.
 * @see https://atproto.com/specs/data-model
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): DataValue {
  const reader = new Reader(bytes, options)
  const value = readValue(reader)
  if (reader.pos !== reader.end) {
    fail('trailing-bytes', `${reader.end - reader.pos} bytes follow the value`, reader.pos)
  }
  if (options?.budget !== undefined) spend(reader, options, options.budget)
  return value
}

function spend(reader: Reader, options: DecodeOptions, budget: ItemBudget): void {
  budget.left -= itemsAllowed(options) - reader.items
}

/**
 * Decodes the value at the start of `bytes` and hands back the rest (a view), as event stream frames need: two values in a row.
 * @throws CborError as `decode`, but for `trailing-bytes`.
 */
export function decodeFirst(
  bytes: Uint8Array,
  options?: DecodeOptions,
): { value: DataValue; rest: Uint8Array } {
  const reader = new Reader(bytes, options)
  const value = readValue(reader)
  if (options?.budget !== undefined) spend(reader, options, options.budget)
  return { value, rest: reader.bytes.subarray(reader.pos) }
}
