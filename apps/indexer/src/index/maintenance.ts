// What is done beside the stream: repeats counted, the log kept within its age, deleted accounts and what is not wanted any more removed.

import type { Database } from '@avocet/sqlite'
import { sleep } from '../sync/discover.ts'
import type { Removals } from '../sync/removals.ts'
import type { EventApplier } from './apply.ts'
import type { Reindexing } from './reindex.ts'

const EVERY_MS = 1000
/** Rows of the log removed in one transaction. */
const TRIM_CHUNK = 5000
const TRIM_EVERY_MS = 60_000

/** Counts of ignored events, gathered in memory and stored once a second: they come by the thousand after a reconnect. */
export type IgnoredCounter = {
  add(reason: string): void
  flush(): Promise<void>
}

/** A counter on the table `failures`. */
export function createIgnoredCounter(db: Database, now: () => number): IgnoredCounter {
  const counts = new Map<string, number>()
  return {
    add: (reason) => void counts.set(reason, (counts.get(reason) ?? 0) + 1),
    async flush() {
      if (counts.size === 0) return
      const taken = [...counts]
      counts.clear()
      await db.write(() => {
        for (const [reason, count] of taken) {
          db.prepare(
            `INSERT INTO failures (reason, count, last_at) VALUES (?, ?, ?)
             ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at`,
          ).run(reason, count, now())
        }
      })
    },
  }
}

/** What upkeep needs. */
export type UpkeepOptions = {
  readonly db: Database
  readonly applier: EventApplier
  readonly removals?: Pick<Removals, 'run'>
  readonly reindexing?: Pick<Reindexing, 'run'>
  readonly ignored: IgnoredCounter
  readonly logRetentionMs: number
  /** Bytes on disk that the log may take, about; default: no bound. */
  readonly logBytes?: number
  /** The oldest number of the log that somebody needs still, who has to have it by this age, ms. Default: nobody does. */
  readonly needed?: { readonly from: () => number; readonly retentionMs: number }
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Runs until `signal`; rejects when the database fails. */
export async function maintain(options: UpkeepOptions): Promise<void> {
  // What takes long is done beside the rest.
  await Promise.all([keep(options), makeAnew(options)])
}

async function makeAnew({ reindexing, signal }: UpkeepOptions): Promise<void> {
  while (!signal.aborted) {
    await reindexing?.run(signal)
    await sleep(EVERY_MS, signal)
  }
}

async function keep(options: UpkeepOptions): Promise<void> {
  const { db, applier, removals, ignored, now, signal } = options
  let trimAt = 0
  while (!signal.aborted) {
    await ignored.flush()
    await applier.purgeDeleted(signal)
    await removals?.run(signal)
    if (now() >= trimAt) {
      const at = now()
      const bounds = {
        oldest: at - options.logRetentionMs,
        needed: options.needed?.from() ?? Infinity,
        oldestNeeded: at - Math.max(options.logRetentionMs, options.needed?.retentionMs ?? 0),
        bytes: options.logBytes ?? Infinity,
      }
      let trimmed = TRIM_CHUNK
      while (trimmed === TRIM_CHUNK && !signal.aborted) trimmed = await db.write(() => trimLog(db, bounds))
      trimAt = now() + TRIM_EVERY_MS
    }
    await sleep(EVERY_MS, signal)
  }
  await ignored.flush()
}

/** The log is in the order of time, and of what it took: its oldest rows are its first. The newest stays, as it says where it was. */
function trimLog(
  db: Database,
  bounds: { oldest: number; needed: number; oldestNeeded: number; bytes: number },
): number {
  const newest = db.prepare('SELECT seq, bytes_until FROM log_rows ORDER BY seq DESC LIMIT 1').get() as
    | { seq: number; bytes_until: number | null }
    | undefined
  if (newest === undefined) return 0
  const row = db
    .prepare(
      `SELECT max(seq) AS last FROM (SELECT seq, at, bytes_until FROM log_rows ORDER BY seq LIMIT ?)
       WHERE seq < ? AND (at < ? AND seq < ? OR at < ? OR bytes_until <= ?)`,
    )
    .get(
      TRIM_CHUNK,
      newest.seq,
      bounds.oldest,
      Math.min(bounds.needed, Number.MAX_SAFE_INTEGER),
      bounds.oldestNeeded,
      Math.max(-1, (newest.bytes_until ?? 0) - bounds.bytes),
    )
  const last = row?.['last'] ?? null
  if (last === null) return 0
  return Number(db.prepare('DELETE FROM log_rows WHERE seq <= ?').run(last).changes)
}
