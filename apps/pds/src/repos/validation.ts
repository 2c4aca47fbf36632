import { findBlobs, formatCid, isLegacyBlobRef, type DataObject, type DataValue } from '@avocet/data'
import { catalog } from '@avocet/lexicons/catalog'
import { isNsid, isRecordKey, isRecordKeyOfType, type Did } from '@avocet/syntax'

import type { BlobIndex } from '../blobs/blob-index.ts'
import { PdsError } from '../errors.ts'

/** Whether a record's lexicon was known and obeyed; absent when the client asked not to check. */
export type ValidationStatus = 'valid' | 'unknown' | undefined

/** A record that may be written. */
export interface CheckedRecord {
  readonly record: DataObject
  readonly status: ValidationStatus
  /** CIDs of the blobs it refers to. */
  readonly blobs: readonly string[]
}

/**
 * Checks a record before it is written: its `$type`, its lexicon, and its blobs' form.
 * @param validate true: the lexicon must be known; undefined: checked if known; false: not checked
 * @throws PdsError `invalid-record`
 */
export function checkRecord(
  collection: string,
  record: DataObject,
  validate: boolean | undefined,
): CheckedRecord {
  if (!isNsid(collection))
    throw new PdsError('invalid-request', `Invalid collection NSID; collection=${collection}`)
  const type = record['$type']
  if (type !== undefined && type !== collection) {
    throw new PdsError('invalid-record', `Invalid $type: expected ${collection}, got ${describe(type)}`)
  }
  const typed = type === undefined ? { $type: collection, ...record } : record
  refuseLegacyBlobs(typed)
  const status = validate === false ? undefined : validateLexicon(collection, typed, validate === true)
  return { record: typed, status, blobs: findBlobs(typed).map(({ ref }) => formatCid(ref)) }
}

function validateLexicon(collection: string, record: DataObject, required: boolean): ValidationStatus {
  if (catalog.record(collection) === undefined) {
    if (required) throw new PdsError('invalid-record', `Unknown lexicon type: ${collection}`)
    return 'unknown'
  }
  const result = catalog.validateRecord(record)
  if (result.ok) return 'valid'
  const issue = result.issues[0]!
  const path = issue.path.replaceAll('/', '.')
  throw new PdsError('invalid-record', `Invalid ${collection} record: ${issue.message} at $.record${path}`)
}

/**
 * The key a new record gets: the one asked for, checked against its lexicon's key type unless `validate` is false, or
 * the one its lexicon prescribes, or a fresh TID.
 * @throws PdsError `invalid-request`
 */
export function checkRecordKey(
  collection: string,
  rkey: string | undefined,
  validate: boolean | undefined,
  nextTid: () => string,
): string {
  const kind = validate === false ? undefined : catalog.record(collection)?.key
  if (rkey === undefined) {
    if (kind?.startsWith('literal:') === true) return kind.slice('literal:'.length)
    if (kind === 'nsid')
      throw new PdsError('invalid-request', `A record key is required; collection=${collection}`)
    return nextTid()
  }
  const valid: boolean = isRecordKey(rkey)
  if (!valid)
    throw new PdsError('invalid-request', `Invalid record key (got "${rkey.slice(0, 64)}") at $.rkey`)
  const fits: boolean = kind === undefined || isRecordKeyOfType(rkey, kind)
  if (!fits) {
    throw new PdsError(
      'invalid-request',
      `Invalid record key for ${collection}: expected ${kind ?? 'any'}, got "${rkey}"`,
    )
  }
  return rkey
}

/**
 * Every blob a record names must have been uploaded by this account, as the size and type it names.
 * @throws PdsError `blob-not-found`, `mime-mismatch`, `invalid-size`
 */
export function checkBlobs(did: Did, record: DataObject, index: BlobIndex): void {
  for (const { ref, mimeType, size } of findBlobs(record)) {
    const cid = formatCid(ref)
    const row = index.get(did, cid)
    if (row === null || row.takedownRef !== null) {
      throw new PdsError('blob-not-found', `Could not find blob: ${cid}`)
    }
    if (row.mimeType !== mimeType) {
      throw new PdsError(
        'mime-mismatch',
        `Referenced media type does not match stored blob; expected=${row.mimeType} got=${mimeType}`,
      )
    }
    if (row.size !== size) {
      throw new PdsError(
        'invalid-size',
        `Referenced size does not match stored blob; expected=${row.size} got=${size}`,
      )
    }
  }
}

function refuseLegacyBlobs(value: DataValue): void {
  if (isLegacyBlobRef(value)) throw new PdsError('invalid-record', 'Legacy blob references are not allowed')
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || 'asCID' in value) return
  for (const item of Array.isArray(value) ? value : Object.values(value)) refuseLegacyBlobs(item)
}

const describe = (value: DataValue): string =>
  typeof value === 'string' ? value.slice(0, 128) : typeof value
