import { decode } from '@avocet/cbor'
import { parseCid, toJson, type JsonObject } from '@avocet/data'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { LIVE_SET } from '@avocet/repo-server/sqlite'

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
/** Records looked at to tell whether a revision can be one of this repository. */
const MAX_PROBED = 50

// The condition on the collection is that of the index `record_recent`.
const SHOWN = `collection IN ('${PROFILE}', '${POST}')`

/** A reader of the record rows in `db` and the blocks in `store`. */
export function createRecentReader(db: Database, store: RepoStore<Database>): RecentReader {
  /** An AppView that knows the repository from where it was before has a revision that none of the records here has. */
  const isKnown = (did: Did, rev: string): boolean =>
    db
      .prepare(`SELECT 1 FROM record WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev <= ? LIMIT 1`)
      .get(did, rev) !== undefined ||
    db
      .prepare(
        `SELECT 1 FROM (SELECT rev FROM record WHERE owner = ${LIVE_SET} LIMIT ${MAX_PROBED}) WHERE rev <= ? LIMIT 1`,
      )
      .get(did, rev) !== undefined

  const load = async (did: Did, rows: readonly Record<string, unknown>[]): Promise<RecentRecord[]> => {
    const cids = rows.map((row) => parseCid(row['cid'] as string))
    const blocks = await store.getBlocks(did, cids)
    return rows.flatMap((row, i) => {
      const bytes = blocks.get(cids[i]!)
      // Deleted between the two reads.
      if (bytes === undefined) return []
      return [
        {
          uri: `at://${did}/${row['collection'] as string}/${row['rkey'] as string}`,
          cid: row['cid'] as string,
          record: toJson(decode(bytes)) as JsonObject,
          indexedAt: row['indexed_at'] as string,
        },
      ]
    })
  }

  return {
    since: async (did, rev) => {
      const rows = db
        .prepare(
          `SELECT collection, rkey, cid, indexed_at FROM record
           WHERE owner = ${LIVE_SET} AND ${SHOWN} AND rev > ? AND takedown_ref IS NULL ORDER BY rev LIMIT ${MAX_RECORDS}`,
        )
        .all(did, rev)
      if (rows.length === 0 || !isKnown(did, rev)) return null
      const records = await load(did, rows)
      const profile = records.find(({ uri }) => uri === `at://${did}/${PROFILE}/self`) ?? null
      const posts = records.filter(({ uri }) => uri.startsWith(`at://${did}/${POST}/`))
      return profile === null && posts.length === 0 ? null : { profile, posts }
    },
    profile: async (did) => {
      const row = db
        .prepare(
          `SELECT collection, rkey, cid, indexed_at FROM record
           WHERE owner = ${LIVE_SET} AND collection = '${PROFILE}' AND rkey = 'self' AND takedown_ref IS NULL`,
        )
        .get(did)
      const [found] = row === undefined ? [] : await load(did, [row])
      return found?.record ?? null
    },
  }
}
