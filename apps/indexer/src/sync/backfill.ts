// How a repo is read: whom to ask, what to compare it with.

import { setImmediate } from 'node:timers/promises'
import type { VerifySignature } from '@avocet/crypto'
import { type HostFetch, type Resync, createResync, repoFetcher } from '@avocet/firehose'
import { createByteBudget } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import { createRecordReader } from '../queries/records.ts'
import { storedPaths } from './stored-paths.ts'
import type { Wanted } from './wanted.ts'

/** Collections of an account that are looked up in one turn of the event loop. */
const COLLECTIONS_PER_TURN = 1000
/** Largest export accepted; the largest repos known are well below it. */
const MAX_EXPORT_BYTES = 4 * 1024 ** 3
/** Blocks that come before their turn, of all exports in flight together. */
const MAX_HELD_BYTES = 256 * 1024 ** 2

/** How repos were read since the start: by their exports, or only what is wanted of them. */
export type Reads = { readonly whole: number; readonly sparse: number }

/** What reads repos, and how it did. */
export type Backfill = { readonly resync: Resync; readonly reads: Reads }

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
  readonly wanted: Pick<Wanted, 'isWanted' | 'collections'>
  readonly verify: VerifySignature
}): Backfill {
  const { db, wanted, verify } = options
  const records = createRecordReader(db)
  const reads = { whole: 0, sparse: 0 }
  const resync = createResync({
    fetchRepo: repoFetcher({ fetch: options.fetch, fetchBlocks: options.ask, upstream: options.relays }),
    async *stored(did) {
      // Also of collections that are not wanted any more: those go.
      const collections: string[] = []
      for (const collection of records.eachCollection(did)) {
        // An account may have as many as it has records.
        if (collections.push(collection) % COLLECTIONS_PER_TURN === 0) await setImmediate()
      }
      yield* storedPaths(db, did, collections)
    },
    wanted: wanted.isWanted,
    collections: wanted.collections,
    onRead: (how) => void reads[how]++,
    maxPartBytes: 1024 * 1024,
    maxSize: MAX_EXPORT_BYTES,
    budget: createByteBudget(MAX_HELD_BYTES),
    verify,
  })
  return { resync, reads }
}
