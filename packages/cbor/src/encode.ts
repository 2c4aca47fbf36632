// Canonical DAG-CBOR of the AT Protocol. https://atproto.com/specs/data-model, RFC 8949 section 4.2
// A value is written straight into a shared slab and handed out as a view of it: allocating a backing store for each
// small record costs more than encoding it.

import { type CID, type DataObject, type DataValue, isCid } from '@avocet/data'
import { CborError } from './error.ts'
import { sortAsciiKeys, sortKeys } from './key-order.ts'

type Utf8Write = (this: Uint8Array, text: string, offset: number, length: number) => number
type BufferLike = { prototype: { utf8Write?: Utf8Write } }

const utf8Write: Utf8Write | undefined = (globalThis as { Buffer?: BufferLike }).Buffer?.prototype.utf8Write
const textEncoder = new TextEncoder()

const SLAB_SIZE = 16 * 1024
/** Results above this many bytes get memory of their own, so that keeping one never keeps a slab of others. */
const MAX_SHARED = 4 * 1024
const MAX_DEPTH = 256
/** Up to this many characters a loop over code units beats the call out of JavaScript. */
const SHORT_TEXT = 24
/** Longest text whose length fits in one byte. */
const MAX_ASCII = 0xff

class Writer {
  bytes: Uint8Array
  pos: number
  start: number
  depth = 0
  /** Set once a key was not ASCII: the order of the keys may then be wrong, and the value is written again. */
  foundOtherKey = false
  /** Second round: keys are sorted by their bytes. */
  anyKeys = false

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes
    this.pos = start
    this.start = start
  }
}

// Free room that the last result left in its slab. Taken while encoding, so that a getter that encodes is safe.
const shared: { bytes: Uint8Array | null; used: number } = { bytes: null, used: 0 }

function reserve(w: Writer, count: number): void {
  if (w.bytes.length - w.pos >= count) return
  const written = w.pos - w.start
  const grown = new Uint8Array(Math.max(SLAB_SIZE, (written + count) * 2))
  grown.set(w.bytes.subarray(w.start, w.pos))
  w.bytes = grown
  w.start = 0
  w.pos = written
}

/** Writes an initial byte and its argument; the caller reserved 9 bytes. */
function writeHead(w: Writer, major: number, argument: number): void {
  const { bytes } = w
  if (argument < 24) {
    bytes[w.pos++] = (major << 5) | argument
  } else if (argument < 0x100) {
    bytes[w.pos++] = (major << 5) | 24
    bytes[w.pos++] = argument
  } else if (argument < 0x10000) {
    bytes[w.pos++] = (major << 5) | 25
    bytes[w.pos++] = argument >> 8
    bytes[w.pos++] = argument
  } else if (argument < 0x1_0000_0000) {
    bytes[w.pos++] = (major << 5) | 26
    writeUint32(w, argument)
  } else {
    bytes[w.pos++] = (major << 5) | 27
    writeUint32(w, Math.floor(argument / 0x1_0000_0000))
    writeUint32(w, argument % 0x1_0000_0000)
  }
}

function writeUint32(w: Writer, value: number): void {
  const { bytes } = w
  bytes[w.pos++] = value >>> 24
  bytes[w.pos++] = value >>> 16
  bytes[w.pos++] = value >>> 8
  bytes[w.pos++] = value
}

function writeText(w: Writer, text: string): void {
  if (text.length <= SHORT_TEXT && writeAscii(w, text)) return
  writeLongText(w, text)
}

function writeLongText(w: Writer, text: string): void {
  const { length } = text
  // Three bytes a code unit are the most UTF-8 needs.
  reserve(w, 9 + length * 3)
  // Guess that the text is ASCII, write it behind a head of that size, and move it where the guess was wrong.
  const guess = headSize(length)
  const at = w.pos + guess
  const size =
    utf8Write === undefined
      ? textEncoder.encodeInto(text, w.bytes.subarray(at)).written
      : utf8Write.call(w.bytes, text, at, w.bytes.length - at)
  if (size !== length && !text.isWellFormed()) {
    throw new CborError('invalid-utf8', 'text holds half of a surrogate pair')
  }
  const head = headSize(size)
  if (head !== guess) w.bytes.copyWithin(w.pos + head, at, at + size)
  writeHead(w, 3, size)
  w.pos += size
}

function headSize(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x10000 ? 3 : 5
}

function writeNumber(w: Writer, value: number): void {
  if (!Number.isSafeInteger(value)) {
    if (Number.isInteger(value))
      throw new CborError('integer-out-of-range', `integer is not safe; value=${value}`)
    throw new CborError('float', `only integers can be encoded; value=${value}`)
  }
  reserve(w, 9)
  if (value >= 0) writeHead(w, 0, value)
  else writeHead(w, 1, -1 - value)
}

function writeBytes(w: Writer, value: Uint8Array): void {
  reserve(w, 9 + value.length)
  writeHead(w, 2, value.length)
  w.bytes.set(value, w.pos)
  w.pos += value.length
}

function writeCid(w: Writer, cid: CID): void {
  const source = cid.bytes
  reserve(w, 6 + source.length)
  const { bytes, pos } = w
  // Tag 42, a byte string of one byte more than the CID, the multibase prefix of plain bytes.
  bytes[pos] = 0xd8
  bytes[pos + 1] = 42
  bytes[pos + 2] = 0x58
  bytes[pos + 3] = source.length + 1
  bytes[pos + 4] = 0
  bytes.set(source, pos + 5)
  w.pos = pos + 5 + source.length
}

function writeMap(w: Writer, value: { readonly [key: string]: DataValue }): void {
  let keys = Object.keys(value)
  if (w.anyKeys) keys = sortKeys(keys)
  else sortAsciiKeys(keys)
  enter(w)
  reserve(w, 9)
  writeHead(w, 5, keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (key.length > MAX_ASCII || !writeAscii(w, key)) {
      w.foundOtherKey = true
      writeLongText(w, key)
    }
    writeValue(w, value[key]!)
  }
  w.depth--
}

/** Writes a text of ASCII, at most MAX_ASCII characters; false (and nothing written) where it is not. */
function writeAscii(w: Writer, text: string): boolean {
  const { length } = text
  reserve(w, 2 + length)
  const { bytes } = w
  let pos = w.pos
  if (length < 24) {
    bytes[pos++] = 0x60 | length
  } else {
    bytes[pos++] = 0x78
    bytes[pos++] = length
  }
  // Four at a time: one test for all of them.
  let i = 0
  for (; i + 3 < length; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    if ((a | b | c | d) > 0x7f) return false
    bytes[pos] = a
    bytes[pos + 1] = b
    bytes[pos + 2] = c
    bytes[pos + 3] = d
    pos += 4
  }
  for (; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return false
    bytes[pos++] = unit
  }
  w.pos = pos
  return true
}

function writeArray(w: Writer, value: readonly DataValue[]): void {
  enter(w)
  reserve(w, 9)
  writeHead(w, 4, value.length)
  for (let i = 0; i < value.length; i++) writeValue(w, value[i]!)
  w.depth--
}

function enter(w: Writer): void {
  if (++w.depth > MAX_DEPTH) throw new CborError('too-deep', `values nest deeper than ${MAX_DEPTH}`)
}

function writeByte(w: Writer, byte: number): void {
  reserve(w, 1)
  w.bytes[w.pos++] = byte
}

function writeValue(w: Writer, value: DataValue): void {
  if (typeof value === 'string') return writeText(w, value)
  if (typeof value === 'number') return writeNumber(w, value)
  if (value === null) return writeByte(w, 0xf6)
  if (typeof value === 'boolean') return writeByte(w, value ? 0xf5 : 0xf4)
  if (typeof value === 'object') {
    if (Array.isArray(value)) return writeArray(w, value)
    if (value instanceof Uint8Array) return writeBytes(w, value)
    if (isPlain(value)) return writeMap(w, value as DataObject)
    if (isCid(value)) return writeCid(w, value)
    // What CIDs of multiformats have in common: it knows other versions, codecs and hashes, which no decoder of the protocol takes.
    const { bytes, '/': slash } = value as { readonly bytes?: unknown; readonly '/'?: unknown }
    if (bytes instanceof Uint8Array && slash === bytes) {
      throw new CborError('invalid-cid', 'only CIDs of this protocol can be encoded')
    }
    throw new CborError('unsupported-type', `objects of a class cannot be encoded; type=${typeName(value)}`)
  }
  throw new CborError('unsupported-type', `value cannot be encoded; type=${typeof value}`)
}

function typeName(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  return typeof constructor === 'function' ? constructor.name : 'object'
}

/** The error with its place, which is looked for only now: each level on the way to it is encoded once more. */
function located(error: unknown, value: DataValue): unknown {
  // A value that is too deep would be encoded as many times as it is deep; nothing in it is wrong by itself.
  if (!(error instanceof CborError) || error.code === 'too-deep') return error
  let found: { path: string; message: string } = error
  let path = ''
  const isOdd = ([, inner]: [string, DataValue]): boolean => {
    try {
      writeValue(new Writer(new Uint8Array(64), 0), inner)
    } catch (fault) {
      found = fault as CborError
      return true
    }
    return false
  }
  for (let at = value as DataObject | undefined; at && (Array.isArray(at) || isPlain(at));) {
    const odd = Object.entries(at).find(isOdd)
    if (odd === undefined) break
    path += `/${odd[0].replaceAll('~', '~0').replaceAll('/', '~1')}`
    at = odd[1] as DataObject
  }
  found.message += ` path=${(found.path = path) || '/'}`
  return found
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Encodes a value as canonical DAG-CBOR: keys sorted by length then bytes, shortest integers, CIDs as tag 42.
 * Results up to 4 kB may be views into memory shared with other results (as with Node's Buffer pool): pass them on as a
 * `Uint8Array`, not by their `.buffer`.
 * @throws CborError `float`, `integer-out-of-range`, `invalid-utf8` (half a surrogate pair), `too-deep`, `invalid-cid`, `unsupported-type`
 * (`undefined`, functions, instances of classes); `path` says where.
 * @see https://atproto.com/specs/data-model
 */
export function encode(value: DataValue): Uint8Array {
  const slab = shared.bytes ?? new Uint8Array(SLAB_SIZE)
  const from = shared.bytes === null ? 0 : shared.used
  shared.bytes = null
  const w = new Writer(slab, from)
  try {
    writeValue(w, value)
    if (w.foundOtherKey) {
      w.pos = w.start
      w.anyKeys = true
      writeValue(w, value)
    }
  } catch (error) {
    shared.bytes = slab
    shared.used = from
    throw located(error, value)
  }
  const size = w.pos - w.start
  if (size > MAX_SHARED) {
    shared.bytes = slab
    shared.used = from
    return w.bytes.slice(w.start, w.pos)
  }
  // Less room than a small record needs: start the next slab instead of copying each result over.
  if (w.bytes.length - w.pos >= 512) {
    shared.bytes = w.bytes
    shared.used = w.pos
  }
  return w.bytes.subarray(w.start, w.pos)
}
