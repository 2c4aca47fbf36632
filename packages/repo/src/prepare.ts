import { CborError, encode } from '@avocet/cbor'
import { cidForCbor, type DataObject } from '@avocet/data'
import { isNsid, isRecordKey, type Nsid, type RecordKey } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { MAX_RECORD_SIZE } from './limits.ts'
import type { Write } from './types.ts'

/** A write as a caller has it. */
export type WriteInput =
  | {
      readonly action: 'create' | 'update'
      readonly collection: Nsid
      readonly rkey: RecordKey
      readonly record: DataObject
    }
  | { readonly action: 'delete'; readonly collection: Nsid; readonly rkey: RecordKey }

/**
 * Encodes and hashes a record, once: later steps only hand its bytes on.
 *
 * @throws {RepoError} `invalid-path`, `invalid-record`, `record-too-large`
 */
export function prepareWrite(input: WriteInput): Write {
  const { action, collection, rkey } = input
  if (!isNsid(collection) || !isRecordKey(rkey)) {
    throw new RepoError(
      'invalid-path',
      `not a collection and record key; collection=${collection} rkey=${rkey}`,
    )
  }
  const path = `${collection}/${rkey}`
  if (action === 'delete') return { action, path, cid: null, bytes: null }
  let bytes: Uint8Array
  try {
    bytes = encode(input.record)
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause
    const what = `record is not of the data model: ${cause.message}; record=${path}`
    throw new RepoError('invalid-record', what, { path, cause })
  }
  if (bytes.length > MAX_RECORD_SIZE) {
    throw new RepoError('record-too-large', `record is too large; path=${path} size=${bytes.length}`, {
      path,
    })
  }
  return { action, path, cid: cidForCbor(bytes), bytes }
}
