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
  /** Why it is known only in part (`first-sighting`, `gap`, `legacy`), and since which rev; empty when it is known whole. */
  readonly flags: readonly string[]
  readonly partialSince: string | null
  /** When the head was last shown to be the newest, ms since the epoch. */
  readonly confirmedAt: number | null
}

/**
 * How many repos are in each state. `partial`: those among the synchronized ones of which the head is known but not all that was
 * before it.
 */
export type RepoCounts = {
  readonly known: number
  readonly partial: number
  /** Synchronized, known whole, and shown to be the newest within the last `withinMs`. */
  readonly confirmed: number
  readonly withinMs: number
} & Readonly<Record<RepoStatus, number>>

type Row = { said: RepoStatus; n: number; partial: number; confirmed: number }

/** Questions about the states of repos. */
export type RepoReader = {
  get(did: string): RepoRow | null
  /** Counted anew at most every few seconds, less often for large tables. */
  counts(): RepoCounts
}

/** What `confirmed` means: a list is read every six hours, so twice that and a little. */
const CONFIRMED_WITHIN_MS = 13 * 3_600_000

/** A source that lost events leaves its repos unconfirmed, without a row of them being written. */
const SAID = `CASE WHEN status = 'synchronized' AND EXISTS (
    SELECT 1 FROM cursors WHERE gap_at >= coalesce(repos.confirmed_at, 0)
      AND (last_source IS NULL OR last_source = source OR last_source LIKE source || '#%'))
  THEN 'unconfirmed' ELSE status END`
const COUNTS = `SELECT ${SAID} AS said, count(*) AS n, sum(flags <> '') AS partial,
    sum(flags = '' AND confirmed_at >= ?) AS confirmed FROM repos GROUP BY said`
const ONE = `SELECT did, rev, ${SAID} AS status, reason, next_try, attempts, flags, partial_since AS partialSince,
    confirmed_at AS confirmedAt FROM repos WHERE did = ?`

/** A reader on an open database; `now` is ms since the epoch. */
export function createRepoReader(db: Database, now: () => number): RepoReader {
  let cached: { counts: RepoCounts; until: number } | null = null
  return {
    get(did) {
      const row = db.prepare(ONE).get(did) as (RepoRow & { flags: unknown }) | undefined
      if (row === undefined) return null
      const { flags } = row as unknown as { flags: string }
      return { ...row, flags: flags === '' ? [] : flags.split(',') }
    },
    counts() {
      if (cached !== null && cached.until > now()) return cached.counts
      const started = performance.now()
      const byStatus = Object.fromEntries(REPO_STATUSES.map((status) => [status, 0]))
      const withinMs = CONFIRMED_WITHIN_MS
      const counts = {
        known: 0,
        partial: 0,
        confirmed: 0,
        withinMs,
        ...(byStatus as Record<RepoStatus, number>),
      }
      const rows = db.prepare(COUNTS).all(now() - withinMs) as Row[]
      for (const { said: status, n, partial, confirmed } of rows) {
        if (status === 'synchronized') Object.assign(counts, { partial, confirmed })
        counts[status] = n
        counts.known += n
      }
      // A table of millions takes long to count: then it is counted seldom, at most a hundredth of the time.
      cached = { counts, until: now() + Math.max(500, (performance.now() - started) * 100) }
      return counts
    },
  }
}
