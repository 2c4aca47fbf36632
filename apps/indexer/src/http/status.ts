// The state of the whole, as JSON: for the page, for monitoring, for people with curl.

import type { Database } from '@avocet/sqlite'
import { isFault } from '../index/apply.ts'
import type { ReindexStatus } from '../index/reindex.ts'
import type { Reads } from '../sync/backfill.ts'
import type { FindingStatus } from '../sync/finding.ts'
import type { SourceStatus } from './source-status.ts'
import { rejudging } from '../lexicons/rejudge.ts'
import type { IndexStatus } from '../projections/choices.ts'
import type { GroupStats } from '../delivery/group-types.ts'
import type { AuditReport } from '../coverage/audit.ts'
import type { BehindReason, RepoCounts, RepoReader } from '../queries/repos.ts'
import type { WebhookStats } from '../webhooks/webhooks.ts'

/** What is wanted, and how far hosts were asked for it. */
export type WantedStatus = {
  readonly everything: boolean
  /** Null: all of the repos that are followed. */
  readonly collections: readonly string[] | null
  readonly signal: string | null
  /** Repos that are followed because they were named. */
  readonly named: number
  /** Collections and repos that were added and removed while it ran, on top of the flags. */
  readonly chosen: { readonly added: number; readonly removed: number }
  readonly finding: readonly FindingStatus[]
}

/** Sums over the life of the database. */
export type Totals = {
  readonly commits: number
  readonly resyncs: number
  readonly creates: number
  readonly updates: number
  readonly deletes: number
  readonly identities: number
  readonly accounts: number
  readonly syncs: number
  readonly records: number
}

/** What `/status` answers. Times are ms since the epoch. */
export type Status = {
  readonly name: 'avocet-indexer'
  readonly version: string
  readonly startedAt: number
  readonly now: number
  readonly sources: readonly SourceStatus[]
  /** The largest lag of the live sources. */
  readonly lagMs: number | null
  /** Per second, over the last ten seconds. */
  readonly rates: { readonly commits: number; readonly records: number }
  readonly totals: Totals
  readonly failures: {
    /** Events that were wrong, and events that were merely not needed (repeats, accounts that are off). */
    readonly faults: number
    readonly expected: number
    readonly byReason: readonly {
      readonly reason: string
      readonly count: number
      readonly lastAt: number
      readonly fault: boolean
    }[]
  }
  readonly repos: RepoCounts
  /** Why repos are not synchronized, the most frequent first. */
  readonly behind: readonly BehindReason[]
  /** What the sampled audit found; null: there is none. */
  readonly audit: AuditReport | null
  readonly backfill: {
    readonly discovered: number
    readonly inProgress: number
    readonly waiting: number
    /** How repos were read since the start. */
    readonly reads: Reads
  }
  readonly wanted: WantedStatus
  /** What is not wanted any more and still to be removed. */
  readonly removals: { readonly repos: number; readonly collections: boolean }
  /** The indexes of collections, and how far those are that are being built. */
  readonly indexes: readonly IndexStatus[]
  /** Collections whose records are judged anew as their lexicons changed. `progress`: from 0 to 1. */
  readonly judging: readonly { readonly collection: string; readonly progress: number }[]
  /** Labels and links that are, or were, made anew; null: never. */
  readonly reindex: ReindexStatus | null
  readonly database: { readonly bytes: number }
  /** How many accounts have used up their room on disk: not all that they have is here. */
  readonly overQuota: number
  /** The threads that verify live events, what waits for them, and how many ended and were replaced; null without any. */
  readonly workers: { readonly size: number; readonly waiting: number; readonly replaced: number } | null
  /** Those who acknowledge events: Tap's groups, and webhooks. */
  readonly consumers: readonly (GroupStats | WebhookStats)[]
}

const WINDOW_MS = 10_000

/** Makes the function that tells the status. Cheap enough to be called every second. */
export function createStatus(options: {
  readonly db: Database
  readonly repos: RepoReader
  readonly sources: () => readonly SourceStatus[]
  readonly workers: () => Status['workers']
  readonly consumers: () => Status['consumers']
  /** Default: there is none. */
  readonly audit?: () => AuditReport
  /** Default: none was read. */
  readonly reads?: Reads
  readonly work: () => Pick<Status, 'wanted' | 'removals' | 'reindex' | 'indexes'>
  /** Bytes on disk that one account may take. */
  readonly accountQuota: number
  readonly version: string
  readonly now: () => number
}): () => Status {
  const { db, repos, now } = options
  const startedAt = now()
  const samples: { at: number; commits: number; records: number }[] = []

  const rates = (totals: Totals): Status['rates'] => {
    const at = now()
    const written = totals.creates + totals.updates + totals.deletes
    samples.push({ at, commits: totals.commits, records: written })
    while (samples.length > 1 && samples[1]!.at <= at - WINDOW_MS) samples.shift()
    const oldest = samples[0]!
    const seconds = Math.max((at - oldest.at) / 1000, 1)
    return {
      commits: (totals.commits - oldest.commits) / seconds,
      records: (written - oldest.records) / seconds,
    }
  }

  const failures = (): Status['failures'] => {
    const rows = db
      .prepare('SELECT reason, count, last_at FROM failures ORDER BY count DESC, reason')
      .all() as { reason: string; count: number; last_at: number }[]
    const byReason = rows.map(({ reason, count, last_at }) => ({
      reason,
      count,
      lastAt: last_at,
      fault: isFault(reason),
    }))
    const sum = (fault: boolean): number =>
      byReason.reduce((total, row) => total + (row.fault === fault ? row.count : 0), 0)
    return { faults: sum(true), expected: sum(false), byReason }
  }

  return () => {
    const totals = readTotals(db)
    const sources = options.sources()
    const counts = repos.counts()
    const lags = sources.flatMap(({ state, lagMs }) => (state === 'live' && lagMs !== null ? [lagMs] : []))
    return {
      name: 'avocet-indexer',
      version: options.version,
      startedAt,
      now: now(),
      sources,
      lagMs: lags.length > 0 ? Math.max(...lags) : null,
      rates: rates(totals),
      totals,
      failures: failures(),
      repos: counts,
      behind: repos.behind(),
      audit: options.audit?.() ?? null,
      backfill: {
        discovered: counts.known,
        inProgress: counts.resyncing,
        waiting: counts.desynchronized,
        reads: options.reads ?? { whole: 0, sparse: 0 },
      },
      ...options.work(),
      judging: rejudging(db).map(({ collection, done, until }) => ({ collection, progress: done / until })),
      database: { bytes: databaseBytes(db) },
      overQuota: countOver(db, options.accountQuota),
      workers: options.workers(),
      consumers: options.consumers(),
    }
  }
}

/** The sums as stored. */
export function readTotals(db: Database): Totals {
  return db
    .prepare(
      'SELECT commits, resyncs, creates, updates, deletes, identities, accounts, syncs, records FROM totals',
    )
    .get() as Totals
}

/** By the index of those that have much, where the quota is not less than that. */
function countOver(db: Database, quota: number): number {
  const among = quota >= 67_108_864 ? 'stored >= 67108864 AND' : ''
  return Number(db.prepare(`SELECT count(*) AS n FROM accounts WHERE ${among} stored >= ?`).get(quota)?.['n'])
}

function databaseBytes(db: Database): number {
  const pages = Number(db.prepare('PRAGMA page_count').get()?.['page_count'] ?? 0)
  return pages * Number(db.prepare('PRAGMA page_size').get()?.['page_size'] ?? 0)
}
