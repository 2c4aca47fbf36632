// The states of repos, as the firehose keeps them in the tables `repos` and `cursors` of the same database.

import { REPO_STATUSES, type RepoStatus } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'

/** A repo's place in the index. */
export type RepoRow = {
  readonly did: string
  readonly rev: string | null
  readonly status: RepoStatus
  readonly reason: string | null
  readonly next_try: number | null
  readonly attempts: number
}

/**
 * How many repos are in each state. `partial`: those among the synchronized ones of which the head is known but not all that was
 * before it.
 */
export type RepoCounts = { readonly known: number; readonly partial: number } & Readonly<
  Record<RepoStatus, number>
>

/** Questions about the states of repos. */
export type RepoReader = {
  get(did: string): RepoRow | null
  /** Counted anew at most every few seconds, less often for large tables. */
  counts(): RepoCounts
}

const COUNTS = "SELECT status, count(*) AS n, sum(flags <> '') AS partial FROM repos GROUP BY status"

/** A reader on an open database; `now` is ms since the epoch. */
export function createRepoReader(db: Database, now: () => number): RepoReader {
  let cached: { counts: RepoCounts; until: number } | null = null
  return {
    get(did) {
      const row = db
        .prepare('SELECT did, rev, status, reason, next_try, attempts FROM repos WHERE did = ?')
        .get(did)
      return (row as RepoRow | undefined) ?? null
    },
    counts() {
      if (cached !== null && cached.until > now()) return cached.counts
      const started = performance.now()
      const byStatus = Object.fromEntries(REPO_STATUSES.map((status) => [status, 0]))
      const counts = { known: 0, partial: 0, ...(byStatus as Record<RepoStatus, number>) }
      const rows = db.prepare(COUNTS).all() as { status: RepoStatus; n: number; partial: number }[]
      for (const { status, n, partial } of rows) {
        if (status === 'synchronized') counts.partial = partial
        counts[status] = n
        counts.known += n
      }
      // A table of millions takes long to count: then it is counted seldom, at most a hundredth of the time.
      cached = { counts, until: now() + Math.max(500, (performance.now() - started) * 100) }
      return counts
    },
  }
}
