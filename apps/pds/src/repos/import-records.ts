import { CborError, decode } from '@avocet/cbor'
import { findBlobCids, formatCid, isCid } from '@avocet/data'
import type { RepoEntry } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import { isNsid, isRecordKey, type Did, type Tid } from '@avocet/syntax'

import { referFrom } from '../blobs/blob-index.ts'
import { recordLinks } from './links.ts'
import { addLink, insertRow } from './record-index.ts'

/** A record of an archive that cannot stand here, and why. */
export interface OddRecord {
  readonly path: string
  readonly reason: string
}

/** The rows that a record of an archive comes to. */
export interface ImportedRecord {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  readonly links: readonly string[]
  readonly blobs: ReadonlySet<string>
}

/** Reads a record of an archive: what could not be addressed or written here is odd. */
export function readImported({ path, cid, bytes }: RepoEntry): ImportedRecord | OddRecord {
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

/** Writes the rows of imported records into a set that has none of them; in the transaction of the caller. */
export function stageRecords(
  db: Database,
  did: Did,
  set: number,
  rev: Tid,
  records: readonly ImportedRecord[],
): void {
  const now = new Date().toISOString()
  const insert = insertRow(db)
  const link = addLink(db)
  for (const { collection, rkey, cid, links, blobs } of records) {
    insert.run(set, collection, rkey, cid, rev, now)
    for (const target of links) link.run(set, target, collection, rkey)
    if (blobs.size > 0) referFrom(db, set, { did, collection, rkey, rev }, blobs)
  }
}
