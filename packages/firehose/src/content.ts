// What records cost once they are decoded: each block once, within bounds.
// Spec: https://atproto.com/specs/data-model

import { CborError, decode } from '@avocet/cbor'
import { type CID, CidMap, type DataObject, type DataValue, isCid } from '@avocet/data'

/** Why the content of a record is not handed over, though its bytes are proved. */
export type Unread = 'too-costly' | 'malformed'

/** Bounds of what records may expand to. */
export type ContentLimits = {
  /** Bytes of a record. */
  readonly maxRecordBytes: number
  /** Items of a record: values in lists, keys and values in maps, at any depth. */
  readonly maxRecordItems: number
  /** Items of all records of a commit together, each block counted once. */
  readonly maxCommitItems: number
  /** How deep a record may nest. */
  readonly maxRecordDepth: number
}

/** A decoded record. `record` is null when `unread` says why. */
export type Content = {
  /** Those of the first block with this CID: another copy of them need not be kept. */
  readonly bytes: Uint8Array
  readonly record: DataObject | null
  readonly unread: Unread | null
  /** It was read before. */
  readonly isRepeat: boolean
}

/** Decodes the records of one commit, or of one part of an export. */
export type ContentReader = {
  /** The same object for the same CID: a commit may put one block at two hundred paths. */
  read(cid: CID, bytes: Uint8Array): Content
  /** Items spent so far. */
  readonly items: number
  /** Bytes of different records so far. */
  readonly bytes: number
}

/** A reader with the whole budget of a commit. */
export function createContentReader(limits: ContentLimits): ContentReader {
  const known = new CidMap<Content>()
  const budget = { left: limits.maxCommitItems }
  let seen = 0
  const options = { maxItems: limits.maxRecordItems, maxDepth: limits.maxRecordDepth, budget }
  return {
    read(cid, bytes) {
      const before = known.get(cid)
      if (before !== undefined) return { ...before, isRepeat: true }
      const content =
        bytes.length > limits.maxRecordBytes ? without(bytes, 'too-costly') : readContent(bytes, options)
      // What was given up has cost time as well: at most an item a byte.
      if (content.unread !== null) budget.left -= Math.min(bytes.length, limits.maxRecordItems, budget.left)
      known.set(cid, content)
      seen += bytes.length
      return content
    },
    get items() {
      return limits.maxCommitItems - budget.left
    },
    get bytes() {
      return seen
    },
  }
}

function readContent(bytes: Uint8Array, options: Parameters<typeof decode>[1]): Content {
  let value: DataValue
  try {
    value = decode(bytes, options)
  } catch (error) {
    if (!(error instanceof CborError)) throw error
    const isTooCostly = error.code === 'too-many-items' || error.code === 'too-deep'
    return without(bytes, isTooCostly ? 'too-costly' : 'malformed')
  }
  const isObject =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isCid(value)
  if (!isObject) return without(bytes, 'malformed')
  return { bytes, record: value as DataObject, unread: null, isRepeat: false }
}

function without(bytes: Uint8Array, unread: Unread): Content {
  return { bytes, record: null, unread, isRepeat: false }
}
