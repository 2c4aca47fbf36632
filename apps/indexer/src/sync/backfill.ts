// How a repo is read whole: whom to ask, what to compare it with.

import type { VerifySignature } from '@avocet/crypto'
import { parseCid } from '@avocet/data'
import { type HostFetch, type Resync, createResync, repoFetcher } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { createRecordReader } from '../queries/records.ts'
import type { IsWanted } from './collections.ts'
import { storedPaths } from './stored-paths.ts'

/** Largest export accepted; the largest repos known are well below it. */
const MAX_EXPORT_BYTES = 4 * 1024 ** 3

/**
 * @param options.fetch guarded against addresses inside the network, redirects included, and fair to each host
 * @param options.relays origins to ask before the account's own PDS
 */
export function createBackfill(options: {
  readonly db: Database
  readonly fetch: HostFetch
  /** As `fetch`, for small questions while an export is read. */
  readonly ask: HostFetch
  readonly relays: readonly string[]
  readonly isWanted: IsWanted
  readonly verify: VerifySignature
}): Resync {
  const { db, isWanted, verify } = options
  const records = createRecordReader(db)
  return createResync({
    fetchRepo: repoFetcher({ fetch: options.fetch, fetchBlocks: options.ask, upstream: options.relays }),
    *stored(did) {
      // Also of collections that are not wanted any more: those go.
      const collections = records.collections(did)
      for (const { path, cid } of storedPaths(db, did, collections)) yield { path, cid: parseCid(cid) }
    },
    wanted: isWanted,
    maxPartBytes: 1024 * 1024,
    maxSize: MAX_EXPORT_BYTES,
    verify,
  })
}
