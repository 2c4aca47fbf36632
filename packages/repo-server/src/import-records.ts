import { CborError, decode } from '@avocet/cbor'
import { findBlobCids, formatCid, isCid } from '@avocet/data'
import type { EncodedEntry } from '@avocet/repo'
import { isNsid, isRecordKey } from '@avocet/syntax'

import type { StagedRecord } from './change.ts'
import { recordLinks } from './links.ts'

/** A record of an archive that cannot stand here, and why. */
export interface OddRecord {
  readonly path: string
  readonly reason: string
}

/** Reads a record of an archive: what could not be addressed or written here is odd. */
export function readImported({ path, cid, bytes }: EncodedEntry): StagedRecord | OddRecord {
  const slash = path.indexOf('/')
  const [collection, rkey] = [path.slice(0, slash), path.slice(slash + 1)]
  if (!isNsid(collection)) return { path, reason: 'the collection is not an NSID' }
  if (!isRecordKey(rkey)) return { path, reason: 'the record key is not valid' }
  let record
  try {
    record = decode(bytes)
  } catch (error) {
    if (!(error instanceof CborError)) throw error
    return { path, reason: error.message }
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return { path, reason: 'not an object' }
  }
  if (record instanceof Uint8Array || isCid(record)) return { path, reason: 'not an object' }
  return {
    collection,
    rkey,
    cid: formatCid(cid),
    links: recordLinks(collection, record),
    blobs: new Set(findBlobCids(record).map(formatCid)),
  }
}
