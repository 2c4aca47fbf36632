import { isLegacyBlobRef, parseCid, type DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import type { BlobReads } from './store.ts'

const PROFILE = 'app.bsky.actor.profile'
const PICTURES = ['avatar', 'banner']

/**
 * A profile whose pictures are named in the form of early records, with the form of today: clients hand back what they read.
 * Any other record, and a picture that is not here, stays as it is.
 */
export async function upgradeProfile(
  did: Did,
  collection: string,
  record: DataObject,
  blobs: Pick<BlobReads, 'get'>,
): Promise<DataObject> {
  if (collection !== PROFILE) return record
  const upgraded = { ...record }
  for (const field of PICTURES) {
    const value = record[field]
    if (!isLegacyBlobRef(value)) continue
    const row = await blobs.get(did, value.cid)
    if (row === null) continue
    upgraded[field] = { $type: 'blob', ref: parseCid(value.cid), mimeType: row.mimeType, size: row.size }
  }
  return upgraded
}
