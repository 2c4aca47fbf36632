import { findBlobs, formatCid, isCid, isLegacyBlobRef, type DataObject, type DataValue } from '@avocet/data'
import type { Catalog } from '@avocet/lexicon'
import { isNsid, isRecordKey, isRecordKeyOfType, isTid, type RecordKeyType } from '@avocet/syntax'

import { RepoServerError } from './error.ts'
import type { CheckedRecord, ValidationStatus } from './plan.ts'
import { BUNDLED_LEXICONS, type RecordLexicons } from './record-lexicons.ts'

/** A record as a client hands it in. */
export interface GivenRecord {
  readonly collection: string
  /** Absent when the client leaves the key to the server. */
  readonly rkey: string | undefined
  readonly record: DataObject
  /**
   * true: the lexicon must be known, and is obeyed; undefined: that of this server is obeyed, a published one only says
   * whether the record is `valid`; false: not checked.
   */
  readonly validate: boolean | undefined
}

/** What records are checked by. */
export interface RecordChecks {
  readonly lexicons: RecordLexicons
  /** A record key for a record that comes without one. */
  readonly nextTid: () => string
  /** Whether a record key that somebody chose holds a word that the host does not want to show. */
  readonly isUnacceptable?: ((rkey: string) => boolean) | undefined
}

/**
 * Checks a record before it is written: its `$type`, its lexicon, the form of its blobs, and its key: the one asked for, or
 * the one its lexicon prescribes, or a fresh TID.
 * @throws RepoServerError `invalid-record`, `invalid-request`
 */
export async function checkRecord(
  given: GivenRecord,
  { lexicons, nextTid, isUnacceptable }: RecordChecks,
): Promise<CheckedRecord & { readonly rkey: string }> {
  const { collection, record, validate } = given
  if (!isNsid(collection)) {
    throw new RepoServerError('invalid-request', `Invalid collection NSID; collection=${collection}`)
  }
  const type = record['$type']
  if (type !== undefined && type !== collection) {
    throw new RepoServerError(
      'invalid-record',
      `Invalid $type: expected ${collection}, got ${describe(type)}`,
    )
  }
  const typed = type === undefined ? { $type: collection, ...record } : record
  refuseLegacyBlobs(typed)
  const catalog = await catalogFor(collection, validate, lexicons)
  const kind = catalog?.record(collection)?.key
  // A lexicon that somebody publishes binds who asks for it: else a write that every other server takes would fail here
  // from the day it is published, and succeed again while its host is away.
  const isBinding = validate === true || BUNDLED_LEXICONS.known(collection) !== null
  const rkey = recordKey(given, isBinding ? kind : undefined, nextTid, isUnacceptable)
  const status = validate === false ? undefined : validateLexicon(typed, rkey, collection, catalog, isBinding)
  return { rkey, record: typed, status, blobs: findBlobs(typed).map(({ ref }) => formatCid(ref)) }
}

async function catalogFor(
  collection: string,
  validate: boolean | undefined,
  lexicons: RecordLexicons,
): Promise<Catalog | null> {
  if (validate === false) return null
  const catalog = lexicons.known(collection)
  if (catalog !== null || validate === undefined) return catalog
  const found = await lexicons.find(collection)
  if (found === null) throw new RepoServerError('invalid-record', `Unknown lexicon type: ${collection}`)
  return found
}

function validateLexicon(
  record: DataObject,
  rkey: string,
  collection: string,
  catalog: Catalog | null,
  isBinding: boolean,
): ValidationStatus {
  if (catalog === null) return 'unknown'
  const result = catalog.validateRecord(record)
  if (result.ok) return fitsKey(rkey, catalog.record(collection)?.key) ? 'valid' : 'unknown'
  if (!isBinding) return 'unknown'
  const issue = result.issues[0]!
  const path = issue.path.replaceAll('/', '.')
  throw new RepoServerError(
    'invalid-record',
    `Invalid ${collection} record: ${issue.message} at $.record${path}`,
  )
}

function recordKey(
  { collection, rkey }: GivenRecord,
  kind: string | undefined,
  nextTid: () => string,
  isUnacceptable: RecordChecks['isUnacceptable'],
): string {
  if (rkey === undefined) {
    if (kind?.startsWith('literal:') === true) return kind.slice('literal:'.length)
    if (kind === 'nsid') {
      throw new RepoServerError('invalid-request', `A record key is required; collection=${collection}`)
    }
    return nextTid()
  }
  const valid: boolean = isRecordKey(rkey)
  if (!valid) {
    throw new RepoServerError('invalid-request', `Invalid record key (got "${rkey.slice(0, 64)}") at $.rkey`)
  }
  // A timestamp says nothing, whatever it looks like.
  if (!isTid(rkey) && isUnacceptable?.(rkey) === true)
    throw new RepoServerError('invalid-request', 'Unacceptable slur in record key')
  if (!fitsKey(rkey, kind)) {
    throw new RepoServerError(
      'invalid-request',
      `Invalid record key for ${collection}: expected ${kind ?? 'any'}, got "${rkey}"`,
    )
  }
  return rkey
}

function fitsKey(rkey: string, kind: string | undefined): boolean {
  return kind === undefined || isRecordKeyOfType(rkey, kind as RecordKeyType)
}

function refuseLegacyBlobs(value: DataValue): void {
  if (isLegacyBlobRef(value))
    throw new RepoServerError('invalid-record', 'Legacy blob references are not allowed')
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || isCid(value)) return
  for (const item of Array.isArray(value) ? value : Object.values(value)) refuseLegacyBlobs(item)
}

const describe = (value: DataValue): string =>
  typeof value === 'string' ? value.slice(0, 128) : typeof value
