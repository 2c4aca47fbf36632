import { BlobError, sniffMime, type BlobStore, type BlobUpkeep, type StoredBlob } from '@avocet/blobs'
import { formatCid, type BlobRef } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { Quotas } from '../accounts/quotas.ts'
import type { BlobIndex } from './blob-index.ts'

/** Taking in blobs, and forgetting those that were never used. */
export interface Uploads {
  /** Stores a blob and tells how a record refers to it. `declared` is the sender's media type. */
  upload(did: Did, source: AsyncIterable<Uint8Array>, declared: string | null): Promise<BlobRef>
  /** Removes the files of blobs that a commit left without a reference. */
  discard(did: Did, cids: readonly string[]): Promise<void>
  /** Removes uploads that no record has referred to within a day, and what the uploads of a killed process left. */
  collect(): Promise<number>
}

const TEMPORARY_MS = 24 * 60 * 60 * 1000
const MIME = /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}$/

/** Uploads of at most `limit` bytes each. */
export function createUploads(
  db: Database,
  files: BlobStore & BlobUpkeep,
  index: BlobIndex,
  limit: number,
  quotas: Pick<Quotas, 'room' | 'checkBlobs'>,
  now: () => number = Date.now,
): Uploads {
  // Uploading and discarding the same bytes must not overlap, or the file of a live row would be removed: what is to be
  // discarded while an account uploads waits until it does not.
  const uploading = new Map<Did, { count: number; waiting: Set<string> }>()

  const begin = (did: Did): void => {
    const state = uploading.get(did) ?? { count: 0, waiting: new Set() }
    state.count += 1
    uploading.set(did, state)
  }
  const end = async (did: Did): Promise<void> => {
    const state = uploading.get(did)!
    state.count -= 1
    if (state.count > 0) return
    uploading.delete(did)
    await discard(did, [...state.waiting])
  }

  const discard: Uploads['discard'] = async (did, cids) => {
    for (const cid of cids) {
      const state = uploading.get(did)
      if (state !== undefined) state.waiting.add(cid)
      else if (index.get(did, cid) === null) await files.remove(did, cid)
    }
  }

  /** Stores the bytes; what an account's room is too small for is refused as soon as that shows. */
  const put = async (did: Did, source: AsyncIterable<Uint8Array>): Promise<StoredBlob> => {
    const room = quotas.room(did)
    try {
      return await files.put(did, source, Math.min(limit, room))
    } catch (error) {
      if (!(error instanceof BlobError && error.code === 'too-large')) throw error
      throw room < limit
        ? new PdsError('quota-exceeded', `The account has room for ${room} bytes of blobs`)
        : new PdsError('blob-too-large', error.message)
    }
  }

  /** Stores the row of a file; a file whose row is refused goes. */
  const kept = async <T>(did: Did, cid: string, write: () => T): Promise<T> => {
    try {
      return await db.write(write)
    } catch (error) {
      await discard(did, [cid])
      throw error
    }
  }

  return {
    upload: async (did, source, declared) => {
      begin(did)
      try {
        const { cid, size, head } = await put(did, source)
        const claimed = declared?.split(';')[0]!.trim().toLowerCase() ?? ''
        const mimeType =
          sniffMime(head) ?? (MIME.test(claimed) && claimed !== '*/*' ? claimed : 'application/octet-stream')
        const key = formatCid(cid)
        const row = await kept(did, key, () => {
          index.add(did, { cid: key, mimeType, size, now: now() })
          // Uploads side by side each found room.
          quotas.checkBlobs(did)
          return index.get(did, key)!
        })
        if (row.takedownRef !== null) {
          throw new PdsError('invalid-request', 'Blob has been taken down, it cannot be uploaded again')
        }
        return { $type: 'blob', ref: cid, mimeType: row.mimeType, size }
      } finally {
        await end(did)
      }
    },
    discard,
    collect: async () => {
      await files.clean()
      const expired = await db.write(() => index.expire(now() - TEMPORARY_MS))
      for (const { did, cid } of expired) await discard(did, [cid])
      return expired.length
    },
  }
}
