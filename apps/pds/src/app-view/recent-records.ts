import { decode } from '@avocet/cbor'
import { parseCid, toJson, type JsonObject } from '@avocet/data'
import type { BlockReader } from '@avocet/repo'
import type { Did } from '@avocet/syntax'

import type { RecentRow, RecentRows } from '../stores/rows.ts'

/** A record of the caller that an AppView may not have seen. */
export interface RecentRecord {
  readonly uri: string
  readonly cid: string
  readonly record: JsonObject
  /** When it was written here, as an ISO 8601 time. */
  readonly indexedAt: string
}

/** The caller's newest writes that are shown in answers, in the order of their commits. */
export interface RecentRecords {
  readonly profile: RecentRecord | null
  readonly posts: readonly RecentRecord[]
}

/** Reads what one account wrote. */
export interface RecentReader {
  /** What was written after `rev`, at most 10 records; null for nothing, or when `rev` is from before this repository. */
  since(did: Did, rev: string): Promise<RecentRecords | null>
  /** The profile as it stands. */
  profile(did: Did): Promise<JsonObject | null>
}

const PROFILE = 'app.bsky.actor.profile'
const POST = 'app.bsky.feed.post'
const MAX_RECORDS = 10

/** A reader of rows and the blocks they name. */
export function createRecentReader(recent: RecentRows, store: BlockReader): RecentReader {
  const load = async (did: Did, rows: readonly RecentRow[]): Promise<RecentRecord[]> => {
    const cids = rows.map((row) => parseCid(row.cid))
    const blocks = await store.getBlocks(did, cids)
    return rows.flatMap(({ collection, rkey, cid, indexedAt }, i) => {
      const bytes = blocks.get(cids[i]!)
      // Deleted between the two reads.
      if (bytes === undefined) return []
      const uri = `at://${did}/${collection}/${rkey}`
      return [{ uri, cid, record: toJson(decode(bytes)) as JsonObject, indexedAt }]
    })
  }

  return {
    since: async (did, rev) => {
      const rows = await recent.since(did, rev, MAX_RECORDS)
      // An AppView that knows the repository from where it was before has a revision that none of the records here has.
      if (rows.length === 0 || !(await recent.isKnown(did, rev))) return null
      const records = await load(did, rows)
      const profile = records.find(({ uri }) => uri === `at://${did}/${PROFILE}/self`) ?? null
      const posts = records.filter(({ uri }) => uri.startsWith(`at://${did}/${POST}/`))
      return profile === null && posts.length === 0 ? null : { profile, posts }
    },
    profile: async (did) => {
      const row = await recent.profile(did)
      const [found] = row === null ? [] : await load(did, [row])
      return found?.record ?? null
    },
  }
}
