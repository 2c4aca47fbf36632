// The event log in Postgres, for several processes: each appends, and each serves subscribers.

import { randomUUID } from 'node:crypto'

import { migrate, type PostgresDatabase, type Row, type SchemaPart, type Transaction } from '@avocet/postgres'
import { SequencerError } from '../errors.ts'
import { encodeUnnumbered, type UnnumberedFrame } from '../frame.ts'
import { createWatchers } from '../watchers.ts'
import type { EventLog, LogChange, LoggedEvent, NewEvent, ReadLimit, Removal } from '../types.ts'
import { openHorizon } from './horizon.ts'
import { createAnnouncer, createListener } from './listener.ts'
import { MIGRATIONS } from './schema.ts'

/** Options of {@link openEventLog}. */
export type PostgresEventLogOptions = {
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  /** Rows deleted per transaction when the window moves on. Default 1000. */
  readonly pruneBatch?: number
  /** Wait before a lost listening connection is made again. Default 1000. */
  readonly reconnectMs?: number
  /** Other processes are notified at most once in so many ms. Default 50. */
  readonly notifyMs?: number
  /** Looks for changes of other processes whose notification was lost. Default 1000 ms. */
  readonly pollMs?: number
  /** Told when the listening connection is lost; it is made again, and watchers are woken then. */
  readonly onError?: (error: unknown) => void
  /** Nothing is made or upgraded: the tables must be there, in the newest version. */
  readonly readOnly?: boolean
}

/** The tables of the event log, and their newest version. */
export const EVENT_LOG_SCHEMA: SchemaPart = { name: 'event-log', version: MIGRATIONS.length }

/** An event as `event_append_1` of the schema takes it: DID, time, frame, and where in it the number goes. */
export interface PreparedEvent extends UnnumberedFrame {
  readonly did: string
  /** Ms since the epoch. */
  readonly time: number
}

/** An event log whose listening connection must be closed at the end. */
export interface PostgresEventLog extends EventLog<Transaction> {
  append(tx: Transaction, event: NewEvent): Promise<number>
  /** For a statement that appends by itself, beside what else it does. @throws SequencerError `frame-too-big` */
  prepare(event: NewEvent): PreparedEvent
  /** Tells everybody, once what such a statement appended is durable. */
  appended(): void
  /** Leaves a gap after a restore from a backup, as `advanceSeq` of the SQLite log. Returns the new newest seq. */
  advanceSeq(by?: number): Promise<number>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Watchers are told of appends at most once in this time: a read takes in what many writers did. */
const WAKE_MS = 5
/** A number that is missing, since its transaction is under way, is looked for after `WAKE_MS`, then less often, up to this. */
const GAP_MS = 100

/**
 * Opens (and makes, at first) the event log. Writers do not wait for each other: a number is taken from a sequence, and readers
 * stop before a number whose transaction may still commit. So events of one writer after the other are in the order of their
 * commits, and nobody who reads up to a number misses one before it. From the first `watch` on, one connection of the pool
 * is taken to listen.
 */
export async function openEventLog(
  db: PostgresDatabase,
  options: PostgresEventLogOptions = {},
): Promise<PostgresEventLog> {
  const { now = Date.now, pruneBatch = 1000, notifyMs = 50, pollMs = 1000, onError = () => {} } = options
  const watchers = createWatchers()
  if (options.readOnly !== true) await migrate(db, EVENT_LOG_SCHEMA.name, MIGRATIONS)
  const [schema] = await db.query('SELECT current_schema() AS name')
  // A channel is an identifier: at most 63 bytes.
  const channel = `event_log_${String(schema!['name']).replaceAll('"', '')}`.slice(0, 63)
  const stop = new AbortController()
  const horizon = openHorizon(db, stop.signal)

  // A process hears its own transactions at once.
  const id = randomUUID()
  const announcer = createAnnouncer(db, channel, (change) => `${change} ${id}`, notifyMs, onError)
  const listener = createListener(
    db,
    channel,
    (payload) => {
      // After a time in which nobody listened a removal may have been missed: nothing in memory is to be trusted.
      if (payload === null) watchers.notify('remove')
      else if (!payload.endsWith(id)) watchers.notify(payload.startsWith('remove') ? 'remove' : 'append')
    },
    { ...options, onError },
  )
  let woken = -Infinity
  let waking: NodeJS.Timeout | null = null
  const wake = (): void => {
    waking = null
    woken = performance.now()
    watchers.notify('append')
  }
  const changed = (change: LogChange): void => {
    announcer.announce(change)
    if (change === 'remove') watchers.notify(change)
    else if (waking === null) {
      const ms = woken + WAKE_MS - performance.now()
      if (ms <= 0) wake()
      else waking = setTimeout(wake, ms)
    }
  }
  // A notification may be lost: with the process that had to send it, or in a pool of connections on the way.
  let seen = { newest: 0, removals: -1 }
  const poll = async (): Promise<void> => {
    const sql = 'SELECT last_value AS newest, removals FROM event_seq, event_log WHERE id = 1'
    const [row] = await db.query(sql)
    const found = { newest: Number(row!['newest']), removals: Number(row!['removals']) }
    const before = seen
    seen = found
    if (before.removals === -1) return
    if (found.removals !== before.removals) watchers.notify('remove')
    else if (found.newest !== before.newest) watchers.notify('append')
  }
  let polling: NodeJS.Timeout | null = null
  const startPolling = (): void => {
    polling ??= setTimeout(() => {
      poll()
        .catch(onError)
        .finally(() => {
          polling = null
          if (!stop.signal.aborted) startPolling()
        })
    }, pollMs).unref()
  }

  let gap = { below: 0, ms: WAKE_MS }
  let gapTimer: NodeJS.Timeout | null = null
  /** Readers stopped before `seq`: they are woken to look again. */
  const waitBelow = (seq: number): void => {
    gap = { below: seq, ms: gap.below === seq ? Math.min(gap.ms * 2, GAP_MS) : WAKE_MS }
    gapTimer ??= setTimeout(() => {
      gapTimer = null
      watchers.notify('append')
    }, gap.ms).unref()
  }

  const removeBatch = async (tx: Transaction, removal: Removal, size: number): Promise<number> => {
    // Locked before any event: two removals cannot wait for each other.
    const [state] = await tx.query('SELECT bytes, counted FROM event_log WHERE id = 1 FOR UPDATE')
    const counted = Number(state!['counted'])
    const rows =
      'did' in removal
        ? await tx.query(
            `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE did = $1 AND seq < $2 ORDER BY seq LIMIT $3)
             RETURNING seq, size`,
            [removal.did, removal.before ?? Number.MAX_SAFE_INTEGER, size],
          )
        : await dropExpired(tx, removal, counted, Number(state!['bytes']))
    if (rows.length === 0) return 0
    const seqs = rows.map((row) => Number(row['seq']))
    const bytes = rows.reduce((sum, row, i) => sum + (seqs[i]! <= counted ? (row['size'] as number) : 0), 0)
    await tx.query(
      `UPDATE event_log SET bytes = bytes - $1, removals = removals + 1, oldest = greatest(oldest, $2) WHERE id = 1`,
      [bytes, 'did' in removal ? 0 : Math.max(...seqs) + 1],
    )
    // With each batch: what is gone must not be sent by a process that has it in memory, whatever happens to the next batch.
    tx.afterCommit(() => changed('remove'))
    return rows.length
  }

  /** Removes the oldest that fell out of the window. All up to `counted` are settled, and their bytes are known. */
  const dropExpired = async (
    tx: Transaction,
    window: { readonly olderThan?: number; readonly maxBytes?: number },
    counted: number,
    bytes: number,
  ): Promise<Row[]> => {
    let left = bytes
    const seqs: number[] = []
    for (const row of await tx.query(
      'SELECT seq, time, size FROM event WHERE seq <= $1 ORDER BY seq LIMIT $2',
      [counted, pruneBatch],
    )) {
      const old = window.olderThan !== undefined && Number(row['time']) < window.olderThan
      if (!old && !(window.maxBytes !== undefined && left > window.maxBytes)) break
      left -= row['size'] as number
      seqs.push(Number(row['seq']))
    }
    if (seqs.length === 0) return []
    return tx.query('DELETE FROM event WHERE seq <= $1 RETURNING seq, size', [seqs.at(-1)!])
  }

  /** Adds the bytes of what came since the last count. */
  const count = async (upTo: number): Promise<void> => {
    await db.transaction(async (tx) => {
      const [state] = await tx.query('SELECT counted FROM event_log WHERE id = 1 FOR UPDATE')
      const counted = Number(state!['counted'])
      if (counted >= upTo) return
      await tx.query(
        `UPDATE event_log SET counted = $2,
           bytes = bytes + (SELECT coalesce(sum(size), 0) FROM event WHERE seq > $1 AND seq <= $2) WHERE id = 1`,
        [counted, upTo],
      )
    })
  }

  const prepare = (event: NewEvent): PreparedEvent => ({
    ...encodeUnnumbered(event),
    did: event.did,
    time: now(),
  })

  const close = async (): Promise<void> => {
    stop.abort()
    if (polling !== null) clearTimeout(polling)
    if (gapTimer !== null) clearTimeout(gapTimer)
    if (waking !== null) clearTimeout(waking)
    await listener.close()
    await announcer.close()
    taken()
  }
  // It holds a connection to listen, which a database that closes would wait for.
  const taken = db.beforeClose(close)

  return {
    async append(tx, event) {
      const { did, time, frame, at } = prepare(event)
      const [row] = await tx.query('SELECT event_append_1($1, $2, $3, $4) AS seq', [did, time, frame, at])
      // Of several in one transaction watchers are told at once: see `WAKE_MS`.
      tx.afterCommit(() => changed('append'))
      return Number(row!['seq'])
    },
    prepare,
    appended: () => changed('append'),
    async read(after, limit) {
      for (;;) {
        // Of before the page was read: what is settled by then is in it.
        let reached = horizon.settled()
        // Once more when it was read too early.
        const page = await readPage(db, after, limit)
        const gapAt = page.findIndex(({ seq }) => {
          if (seq > reached + 1) return true
          reached = Math.max(reached, seq)
          return false
        })
        horizon.note(reached)
        if (gapAt === -1) return page
        if (horizon.settled() === reached) await horizon.look()
        // The page may lack what is settled now.
        if (horizon.settled() > reached) continue
        waitBelow(page[gapAt]!.seq)
        return page.slice(0, gapAt)
      }
    },
    async bounds() {
      const newest = await horizon.reach()
      const [row] = await db.query('SELECT oldest FROM event_log WHERE id = 1')
      return { oldest: Number(row!['oldest']), newest }
    },
    async remove(removal, tx) {
      let total = 0
      const most = ('did' in removal ? removal.limit : undefined) ?? Number.POSITIVE_INFINITY
      // A transaction of the caller's may itself have a number: what it waits for would wait for it.
      if (!('did' in removal) && tx === undefined) await count(await horizon.reach())
      for (;;) {
        const size = Math.min(pruneBatch, most - total)
        // In short transactions.
        const batch = await (tx === undefined
          ? db.transaction((own) => removeBatch(own, removal, size))
          : removeBatch(tx, removal, size))
        total += batch
        if (batch < size || total >= most) break
      }
      return total
    },
    watch(listen) {
      listener.start()
      startPolling()
      return watchers.add(listen)
    },
    async advanceSeq(by = 1_000_000) {
      if (!Number.isSafeInteger(by) || by <= 0) {
        throw new SequencerError('invalid-option', `seq margin is a positive integer; by=${by}`)
      }
      const [row] = await db.query(
        "SELECT setval('event_seq', CASE WHEN is_called THEN last_value ELSE 0 END + $1) AS newest FROM event_seq",
        [by],
      )
      return Number(row!['newest'])
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Sizes first: a page of large frames must not be loaded whole to be cut. */
async function readPage(db: PostgresDatabase, after: number, limit: ReadLimit): Promise<LoggedEvent[]> {
  const rows = await db.query(
    `SELECT seq, frame FROM (
       SELECT seq, frame, sum(size) OVER (ORDER BY seq) - size AS before FROM (
         SELECT seq, size, frame FROM event WHERE seq > $1 ORDER BY seq LIMIT $2
       ) AS page
     ) AS sized WHERE before = 0 OR before < $3 ORDER BY seq`,
    [after, limit.count, limit.bytes],
  )
  return rows.map((row) => {
    const frame = row['frame'] as Uint8Array
    return { seq: Number(row['seq']), frame: new Uint8Array(frame.buffer, frame.byteOffset, frame.length) }
  })
}
