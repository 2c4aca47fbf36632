// The inside of the indexer, without its server: verified events go into the tables. Shared by `run` and `replay`.

import type { VerifySignature } from '@avocet/crypto'
import {
  type Consumer,
  type HostStatus,
  type LatestRev,
  type Resync,
  type IdentityPolicy,
  type ResyncPolicy,
  type Source,
  consume,
} from '@avocet/firehose'
import type { WorkerPoolStats } from '@avocet/firehose/pool'
import { openState } from '@avocet/firehose/sqlite'
import type { ResolveKey } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { stopAtDiskFailure } from './database/failure.ts'
import { type IndexNotice, createEventApplier } from './index/apply.ts'
import { catalogWith, createExamine } from './index/examine.ts'
import { createIgnoredCounter, maintain } from './index/maintenance.ts'
import { createReindexing, type Reindexing } from './index/reindex.ts'
import { createThreads } from './index/threads.ts'
import { createEditions, type Editions } from './lexicons/editions.ts'
import type { Lexicons } from './lexicons/load.ts'
import type { Projections } from './projections/store.ts'
import { createRepoReader } from './queries/repos.ts'
import { createRemovals, type Removals } from './sync/removals.ts'
import type { Wanted } from './sync/wanted.ts'

/** Accounts worked on at the same time: as many commits can share one transaction of the database. */
const CONCURRENCY = 256
/** Repos read whole at the same time. */
const RESYNC_CONCURRENCY = 16
const BUNDLED: Lexicons = { documents: [], catalog: catalogWith([]), collections: [] }

/** A running pipeline. */
export type Pipeline = {
  readonly consumer: Consumer
  readonly removals: Removals
  readonly reindexing: Reindexing
  /** How long the newest commit of a source took from its `time` until it was indexed, ms; null before the first. */
  lagMs(source: string): number | null
  /** The threads that verify; null without any. */
  workers(): WorkerPoolStats | null
  /** Resolves when all sources are exhausted or the pipeline was stopped; rejects when it cannot go on. */
  readonly done: Promise<void>
  /** Finishes what is under way and stops. */
  stop(): Promise<void>
}

/** Starts consuming. */
export function startPipeline(options: {
  readonly db: Database
  readonly sources: readonly Source[]
  readonly resolveKey: ResolveKey
  readonly verify: VerifySignature
  readonly wanted: Wanted
  /** The lexicons that records are judged by; default: those that are bundled. */
  readonly editions?: Editions
  /** The indexes that records are put into; default: none. */
  readonly projections?: Projections
  readonly resync: Resync | null
  readonly latestRev?: LatestRev | null
  readonly hostStatus?: HostStatus
  /** Least time between two readings of one whole repo, ms; default: a minute. */
  readonly resyncIntervalMs?: number
  readonly logRetentionMs: number
  /** Bytes on disk that the log may take, about; default: no bound. */
  readonly logBytes?: number
  /** The oldest number of the log that a consumer needs still, and how old it may become for that, ms. */
  readonly needed?: { readonly from: () => number; readonly retentionMs: number }
  /** Threads that verify live events; 0: this one does. */
  readonly workers: number
  /** Bytes on disk that the records of one account may take; default: no bound. */
  readonly accountQuota?: number
  /** Told of each event that was ignored (a repeat, an account that is off), beside counting it. */
  readonly onIgnored?: (reason: string) => void
  readonly onNotice: (notice: IndexNotice) => void
  /** Told of the newest number of the log, once it is durable. */
  readonly onLogged?: (seq: number) => void
  readonly now: () => number
}): Pipeline {
  const { db, now, onNotice, wanted, projections } = options
  const { editions = createEditions(BUNDLED) } = options
  const stopped = new AbortController()
  const applier = createEventApplier({
    db,
    examine: createExamine(
      (...record) => editions.now().judge(...record),
      null,
      () => editions.now().number,
    ),
    isWanted: wanted.isWanted,
    ...(projections === undefined ? {} : { projections }),
    ...(options.accountQuota === undefined ? {} : { quota: options.accountQuota }),
    now,
    onNotice,
    ...(options.onLogged === undefined ? {} : { onLogged: options.onLogged }),
  })
  const ignored = createIgnoredCounter(db, now)
  const pool = options.workers === 0 ? null : createThreads(options.workers, editions, projections ?? null)
  const disk = stopAtDiskFailure(openState(db))
  const consumer = consume({
    sources: options.sources,
    resolveKey: options.resolveKey,
    state: disk.state,
    verify: options.verify,
    ...(pool === null ? {} : { prover: pool }),
    onEvent: (event) => disk.apply(() => applier.apply(event)),
    onIgnored: ({ reason }) => {
      ignored.add(reason)
      options.onIgnored?.(reason)
    },
    concurrency: CONCURRENCY,
    resyncConcurrency: RESYNC_CONCURRENCY,
    now,
    ...(options.resync === null ? {} : { resync: options.resync }),
    ...(options.latestRev ? { latestRev: options.latestRev } : {}),
    ...(options.hostStatus === undefined ? {} : { hostStatus: options.hostStatus }),
    ...(options.resyncIntervalMs === undefined ? {} : pausesOf(options.resyncIntervalMs)),
    scope: wanted.follows,
    filter: () => wanted.label(),
  })
  const repos = createRepoReader(db, now)
  const removals = createRemovals({ db, records: applier.records, repos, wanted, consumer })
  const reindexing = createReindexing(db, applier.records, now)
  const upkeep = maintain({
    db,
    applier,
    removals,
    reindexing,
    ignored,
    logRetentionMs: options.logRetentionMs,
    ...(options.logBytes === undefined ? {} : { logBytes: options.logBytes }),
    ...(options.needed === undefined ? {} : { needed: options.needed }),
    now,
    signal: stopped.signal,
  })
  const finish = async (): Promise<void> => {
    try {
      await Promise.race([consumer.done, upkeep])
    } finally {
      stopped.abort()
      await consumer.close()
      await pool?.close()
      await upkeep
    }
  }
  const done = finish()
  return {
    consumer,
    removals,
    reindexing,
    done,
    lagMs: (source) => applier.lagMs(source),
    workers: () => pool?.stats() ?? null,
    async stop() {
      await consumer.close()
      await done
    },
  }
}

/** Who reads a repo again soon waits less for the stream, after a failure, and for the identity without which no repo is gone. */
function pausesOf(intervalMs: number): {
  resyncPolicy: Partial<ResyncPolicy>
  identity: Partial<IdentityPolicy>
} {
  return {
    resyncPolicy: {
      intervalMs,
      graceMs: Math.min(30_000, intervalMs / 2),
      backoffMs: Math.min(10_000, intervalMs),
    },
    identity: { refreshMs: Math.min(60_000, intervalMs) },
  }
}
