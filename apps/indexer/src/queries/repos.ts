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

/** How many repos are not synchronized, by what they are and why. */
export type BehindReason = { readonly status: RepoStatus; readonly reason: string; readonly repos: number }

type Row = {
  said: RepoStatus
  reason: string | null
  n: number
  partial: number
  confirmed: number
  last: string
}
/** Repos by state and reason, with a space between. */
type Reasons = Map<string, number>
type Sums = { -readonly [K in keyof RepoCounts]: RepoCounts[K] }

/** Questions about the states of repos. */
export type RepoReader = {
  get(did: string): RepoRow | null
  /**
   * Counted anew at most every half second, less often for large tables: those are counted a slice in a turn of the event loop, and
   * until that is done the sums are those from before (of the first time: those so far).
   */
  counts(): RepoCounts
  /** Of the same count: why repos are not synchronized, the most frequent first. */
  behind(): readonly BehindReason[]
}

/** What `confirmed` means: a list is read every six hours, so twice that and a little. */
const CONFIRMED_WITHIN_MS = 13 * 3_600_000

/**
 * A source that lost events leaves its repos unconfirmed, without a row of them being written. Not those of deleted accounts: nothing is
 * left that could have been missed, and nobody is asked about them.
 */
const SAID = `CASE WHEN status = 'synchronized' AND upstream_status <> 'deleted' AND EXISTS (
    SELECT 1 FROM cursors WHERE gap_at >= coalesce(repos.confirmed_at, 0)
      AND (last_source IS NULL OR last_source = source OR last_source LIKE source || '#%'))
  THEN 'unconfirmed' ELSE status END`
const SLICE = `SELECT ${SAID} AS said, reason, count(*) AS n, sum(flags <> '') AS partial,
    sum(flags = '' AND confirmed_at >= ?) AS confirmed, max(did) AS last
  FROM (SELECT did, status, reason, flags, confirmed_at, last_source, upstream_status FROM repos WHERE did > ? ORDER BY did LIMIT ?) AS repos
  GROUP BY said, reason`
/** What a source's lost events leave behind has no reason of its own. */
const SOURCE_GAP = 'source-gap'
/** Reasons that are told; there are a few dozen words. */
const MAX_REASONS = 50
/** Repos counted in one turn: some ten milliseconds. */
const PER_TURN = 20_000
const ONE = `SELECT did, rev, ${SAID} AS status, reason, next_try, attempts, flags, partial_since AS partialSince,
    confirmed_at AS confirmedAt FROM repos WHERE did = ?`

/** A reader on an open database; `now` is ms since the epoch. */
export function createRepoReader(db: Database, now: () => number): RepoReader {
  const withinMs = CONFIRMED_WITHIN_MS
  const noSums = (): Sums => {
    const byStatus = Object.fromEntries(REPO_STATUSES.map((status) => [status, 0]))
    return { known: 0, partial: 0, confirmed: 0, withinMs, ...(byStatus as Record<RepoStatus, number>) }
  }
  /** @returns the last DID of the slice; null: it was the last slice */
  const addSlice = (sums: Sums, reasons: Reasons, after: string): string | null => {
    const rows = db.prepare(SLICE).all(now() - withinMs, after, PER_TURN) as Row[]
    let seen = 0
    let last = ''
    for (const { said, reason, n, partial, confirmed, last: lastOfThese } of rows) {
      if (said === 'synchronized') {
        sums.partial += partial
        sums.confirmed += confirmed
      } else {
        const key = `${said} ${reason ?? SOURCE_GAP}`
        reasons.set(key, (reasons.get(key) ?? 0) + n)
      }
      sums[said] += n
      seen += n
      if (lastOfThese > last) last = lastOfThese
    }
    sums.known += seen
    return seen < PER_TURN ? null : last
  }

  let counts: RepoCounts | null = null
  let behind: Reasons = new Map()
  let countAgainAt = 0
  let counting = false
  /** Counts on from there; the sums become those that are told with the last slice. */
  const count = (sums: Sums, reasons: Reasons, after: string, spentMs: number): void => {
    if (!db.raw.isOpen) return
    const started = performance.now()
    const last = addSlice(sums, reasons, after)
    const spent = spentMs + performance.now() - started
    if (counts === null) [counts, behind] = [sums, reasons]
    counting = last !== null
    if (last !== null) return void setImmediate(() => countOn(sums, reasons, last, spent))
    ;[counts, behind] = [sums, reasons]
    // A table of millions takes long to count: then it is counted seldom, at most a hundredth of the time.
    countAgainAt = now() + Math.max(500, spent * 100)
  }
  const countOn: typeof count = (...from) => {
    try {
      count(...from)
    } catch {
      // Whoever asks next hears of it.
      counting = false
    }
  }

  return {
    get(did) {
      const row = db.prepare(ONE).get(did) as (RepoRow & { flags: unknown }) | undefined
      if (row === undefined) return null
      const { flags } = row as unknown as { flags: string }
      return { ...row, flags: flags === '' ? [] : flags.split(',') }
    },
    counts() {
      if (!counting && now() >= countAgainAt) count(noSums(), new Map(), '', 0)
      return { ...(counts ?? noSums()) }
    },
    behind() {
      this.counts()
      const all = [...behind].map(([key, repos]) => {
        const [status, reason] = key.split(' ', 2) as [RepoStatus, string]
        return { status, reason, repos }
      })
      const order = (a: BehindReason, b: BehindReason): number =>
        b.repos - a.repos || (a.status + a.reason < b.status + b.reason ? -1 : 1)
      return all.toSorted(order).slice(0, MAX_REASONS)
    },
  }
}
