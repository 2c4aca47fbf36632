// https://atproto.com/specs/data-model#blob-type

import type { CID } from 'multiformats/cid'
import { parseCid } from './cid.ts'
import { cidTextBytes, isCid } from './compact-cid.ts'
import { Budget, type Bounds, type DataValue } from './value.ts'

/** A reference to a blob: its CID (codec raw), MIME type and size in bytes. */
export type BlobRef = { $type: 'blob'; ref: CID; mimeType: string; size: number }

/** The form of a blob reference in early records: no type, no size, the CID as text. */
export type LegacyBlobRef = { cid: string; mimeType: string }

/** Whether a value is exactly a blob ref: the four fields, of the right types, and nothing else. */
export function isBlobRef(value: unknown): value is BlobRef {
  return hasBlobFields(value, isCid)
}

/** The same for each form of a link. */
export function hasBlobFields(value: unknown, isLink: (ref: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { $type, ref, mimeType, size } = value as Partial<BlobRef>
  return (
    $type === 'blob' &&
    isLink(ref) &&
    typeof mimeType === 'string' &&
    mimeType.length > 0 &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    Object.keys(value).length === 4
  )
}

/** Whether a value is exactly a blob reference of the early form. */
export function isLegacyBlobRef(value: unknown): value is LegacyBlobRef {
  if (typeof value !== 'object' || value === null) return false
  const { cid, mimeType } = value as Partial<LegacyBlobRef>
  if (typeof cid !== 'string' || typeof mimeType !== 'string' || mimeType.length === 0) return false
  if (Object.keys(value).length !== 2) return false
  return cidTextBytes(cid) !== null
}

/**
 * Every typed blob ref in a value, in the order of the walk, duplicates kept.
 *
 * @throws DataError `too-deep`, `too-large`.
 */
export function findBlobs(value: DataValue, bounds: Bounds = {}): BlobRef[] {
  const found: BlobRef[] = []
  collect(value, 0, new Budget(bounds), found)
  return found
}

/**
 * The CID of every blob a value names, in whatever form records of the network have it: typed, typed with a size that is not
 * known (-1) or with fields of its own, or the early form. Order and duplicates as in {@link findBlobs}.
 *
 * @throws DataError `too-deep`, `too-large`.
 */
export function findBlobCids(value: DataValue, bounds: Bounds = {}): CID[] {
  const found: CID[] = []
  collectCids(value, 0, new Budget(bounds), found)
  return found
}

function collectCids(value: DataValue, depth: number, budget: Budget, found: CID[]): void {
  budget.spend(depth)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isCid(value)) return
  if (Array.isArray(value)) {
    for (const item of value) collectCids(item, depth + 1, budget, found)
  } else if (value['$type'] === 'blob' && isCid(value['ref'])) {
    found.push(value['ref'])
  } else if (isLegacyBlobRef(value)) {
    found.push(parseCid(value.cid))
  } else {
    for (const key of Object.keys(value)) collectCids(value[key]!, depth + 1, budget, found)
  }
}

function collect(value: DataValue, depth: number, budget: Budget, found: BlobRef[]): void {
  budget.spend(depth)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isCid(value)) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, depth + 1, budget, found)
  } else if (isBlobRef(value)) {
    found.push(value)
  } else {
    for (const key of Object.keys(value)) collect(value[key]!, depth + 1, budget, found)
  }
}
