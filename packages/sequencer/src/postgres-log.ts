// The event log in Postgres, for several processes: each appends and each serves subscribers, woken by LISTEN/NOTIFY.
// https://www.postgresql.org/docs/current/sql-notify.html

import { migrate, type PostgresDatabase, type Row, type Transaction } from '@avocet/postgres'
import { SequencerError } from './errors.ts'
import { encodeEvent } from './frame.ts'
import { createWatchers } from './watchers.ts'
import type { EventLog, LogChange, LoggedEvent, NewEvent, ReadLimit, Removal } from './types.ts'

/** Options of {@link openEventLog}. */
export type PostgresEventLogOptions = {
  /** Clock, ms since the epoch. */
  readonly now?: () => number
  /** Rows deleted per transaction when the window moves on. Default 1000. */
  readonly pruneBatch?: number
  /** Wait before a lost listening connection is made again. Default 1000. */
  readonly reconnectMs?: number
  /** Told when the listening connection is lost; it is made again, and watchers are woken then. */
  readonly onError?: (error: unknown) => void
}

/** An event log whose listening connection must be closed at the end. */
export interface PostgresEventLog extends EventLog<Transaction> {
  append(tx: Transaction, event: NewEvent): Promise<number>
  /** Leaves a gap after a restore from a backup, as `advanceSeq` of the SQLite log. Returns the new newest seq. */
  advanceSeq(by?: number): Promise<number>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const MIGRATIONS = [
  `CREATE TABLE event (
     seq BIGINT PRIMARY KEY,
     time BIGINT NOT NULL,
     did TEXT NOT NULL,
     size INTEGER NOT NULL,
     frame BYTEA NOT NULL
   );
   ALTER TABLE event ALTER COLUMN frame SET STORAGE EXTERNAL;
   CREATE INDEX event_did ON event (did, seq);
   CREATE TABLE event_log (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     newest BIGINT NOT NULL,
     oldest BIGINT NOT NULL,
     bytes BIGINT NOT NULL
   );
   INSERT INTO event_log (id, newest, oldest, bytes) VALUES (1, 0, 1, 0);`,
]

/**
 * Opens (and makes, at first) the event log. The counter's row is locked from `append` to the end of its transaction: numbers
 * follow the order of commits, and a reader never sees one before a smaller one. Append last in a transaction, to hold that
 * lock for a short time. From the first `watch` on, one connection of the pool is taken to listen.
 */
export async function openEventLog(
  db: PostgresDatabase,
  options: PostgresEventLogOptions = {},
): Promise<PostgresEventLog> {
  const now = options.now ?? Date.now
  const pruneBatch = options.pruneBatch ?? 1000
  const watchers = createWatchers()
  await migrate(db, 'event-log', MIGRATIONS)
  const [schema] = await db.query('SELECT current_schema() AS name')
  // A channel is an identifier: at most 63 bytes.
  const channel = `event_log_${String(schema!['name']).replaceAll('"', '')}`.slice(0, 63)
  const listener = createListener(db, channel, watchers.notify, options)

  const notify = (tx: Transaction, change: LogChange): Promise<Row[]> =>
    tx.query('SELECT pg_notify($1, $2)', [channel, change])

  const removeBatch = async (tx: Transaction, removal: Removal, size: number): Promise<number> => {
    // The counter is locked before any event, as by `append`: two removals cannot wait for each other.
    const [counter] = await tx.query('SELECT bytes FROM event_log WHERE id = 1 FOR UPDATE')
    const rows =
      'did' in removal
        ? await tx.query(
            `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE did = $1 AND seq < $2 ORDER BY seq LIMIT $3)
             RETURNING seq, size`,
            [removal.did, removal.before ?? Number.MAX_SAFE_INTEGER, size],
          )
        : await dropExpired(tx, removal, Number(counter!['bytes']))
    if (rows.length === 0) return 0
    const bytes = rows.reduce((sum, row) => sum + (row['size'] as number), 0)
    await tx.query('UPDATE event_log SET bytes = bytes - $1 WHERE id = 1', [bytes])
    if (!('did' in removal)) {
      const last = Math.max(...rows.map((row) => Number(row['seq'])))
      await tx.query('UPDATE event_log SET oldest = $1 WHERE id = 1', [last + 1])
    }
    // With each batch: what is gone must not be sent by a process that has it in memory, whatever happens to the next batch.
    await notify(tx, 'remove')
    return rows.length
  }

  const dropExpired = async (
    tx: Transaction,
    window: { readonly olderThan?: number; readonly maxBytes?: number },
    bytes: number,
  ): Promise<Row[]> => {
    let left = bytes
    const seqs: number[] = []
    for (const row of await tx.query('SELECT seq, time, size FROM event ORDER BY seq LIMIT $1', [
      pruneBatch,
    ])) {
      const old = window.olderThan !== undefined && Number(row['time']) < window.olderThan
      if (!old && !(window.maxBytes !== undefined && left > window.maxBytes)) break
      left -= row['size'] as number
      seqs.push(Number(row['seq']))
    }
    if (seqs.length === 0) return []
    return tx.query('DELETE FROM event WHERE seq <= $1 RETURNING seq, size', [seqs.at(-1)!])
  }

  const close = (): Promise<void> => listener.close()

  return {
    async append(tx, event) {
      const [row] = await tx.query('UPDATE event_log SET newest = newest + 1 WHERE id = 1 RETURNING newest')
      const seq = Number(row!['newest'])
      const frame = encodeEvent(event, seq)
      // One round trip for the rest: everybody else's append waits for this transaction.
      await tx.query(
        `WITH added AS (INSERT INTO event (seq, time, did, size, frame) VALUES ($1, $2, $3, $4, $5)),
              counted AS (UPDATE event_log SET bytes = bytes + $4 WHERE id = 1)
         SELECT pg_notify($6, $7)`,
        [seq, now(), event.did, frame.length, frame, channel, 'append'],
      )
      return seq
    },
    read: (after, limit) => readPage(db, after, limit),
    async bounds() {
      const [row] = await db.query('SELECT oldest, newest FROM event_log WHERE id = 1')
      return { oldest: Number(row!['oldest']), newest: Number(row!['newest']) }
    },
    async remove(removal, tx) {
      let total = 0
      const most = ('did' in removal ? removal.limit : undefined) ?? Number.POSITIVE_INFINITY
      for (;;) {
        const size = Math.min(pruneBatch, most - total)
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
      return watchers.add(listen)
    },
    async advanceSeq(by = 1_000_000) {
      if (!Number.isSafeInteger(by) || by <= 0) {
        throw new SequencerError('invalid-option', `seq margin is a positive integer; by=${by}`)
      }
      const sql = 'UPDATE event_log SET newest = newest + $1 WHERE id = 1 RETURNING newest'
      const [row] = await db.query(sql, [by])
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
     ) AS sized WHERE before = 0 OR before + octet_length(frame) <= $3 ORDER BY seq`,
    [after, limit.count, limit.bytes],
  )
  return rows.map((row) => {
    const frame = row['frame'] as Uint8Array
    return { seq: Number(row['seq']), frame: new Uint8Array(frame.buffer, frame.byteOffset, frame.length) }
  })
}

/** One connection that listens from the first watcher on, and is made again when it is lost. */
function createListener(
  db: PostgresDatabase,
  channel: string,
  notify: (change: LogChange) => void,
  { reconnectMs = 1000, onError }: PostgresEventLogOptions,
): { start(): void; close(): Promise<void> } {
  let running: Promise<void> | null = null
  const stop = new AbortController()
  const { signal } = stop

  const listen = async (): Promise<void> => {
    const client = await db.pool.connect()
    const lost = Promise.withResolvers<void>()
    const onLost = (error: Error): void => lost.reject(error)
    const onEnd = (): void => lost.reject(new Error('listening connection ended'))
    const onStop = (): void => lost.resolve()
    client.on('error', onLost)
    client.on('end', onEnd)
    client.on('notification', (message) => {
      if (message.channel === channel) notify(message.payload === 'remove' ? 'remove' : 'append')
    })
    signal.addEventListener('abort', onStop)
    try {
      if (signal.aborted) return
      await client.query(`LISTEN "${channel}"`)
      // Whatever happened while nobody listened. A removal may have been missed too, so nothing in memory is to be trusted.
      notify('remove')
      await lost.promise
    } finally {
      signal.removeEventListener('abort', onStop)
      // Not given back to the pool: its listeners and its LISTEN must not leak into other uses.
      client.release(true)
    }
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await listen()
      } catch (error) {
        if (signal.aborted) return
        onError?.(error)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, reconnectMs)
          signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
        })
      }
    }
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      stop.abort()
      await running
    },
  }
}
