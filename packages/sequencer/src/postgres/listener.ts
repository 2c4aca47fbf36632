// How processes hear of each other's transactions. https://www.postgresql.org/docs/current/sql-notify.html

import type { PostgresDatabase } from '@avocet/postgres'
import type { LogChange } from '../types.ts'

/** Options of {@link createListener}. */
export type ListenerOptions = {
  /** Wait before a lost listening connection is made again. Default 1000. */
  readonly reconnectMs?: number
  /** Told when the listening connection is lost; it is made again, and watchers are woken then. */
  readonly onError?: (error: unknown) => void
}

/** One connection that listens from `start` on, and is made again when it is lost. */
export interface Listener {
  start(): void
  close(): Promise<void>
}

/** @param onMessage told of the payload of each notification; of null after a time in which nobody listened */
export function createListener(
  db: PostgresDatabase,
  channel: string,
  onMessage: (payload: string | null) => void,
  { reconnectMs = 1000, onError }: ListenerOptions,
): Listener {
  let running: Promise<void> | null = null
  let stopped = false
  /** Ends what is waited for. */
  let interrupt = (): void => {}

  const listen = async (): Promise<void> => {
    const client = await db.pool.connect()
    const lost = Promise.withResolvers<void>()
    // Lost before it listens: the statement tells, and nobody waits for this yet.
    lost.promise.catch(() => {})
    // The driver tells of every connection that is lost by an error.
    client.on('error', (error) => lost.reject(error))
    client.on('notification', (message) => {
      if (message.channel === channel) onMessage(message.payload ?? '')
    })
    try {
      if (stopped) return
      interrupt = () => lost.resolve()
      await client.query(`LISTEN "${channel}"`)
      onMessage(null)
      await lost.promise
    } finally {
      // Not given back to the pool: its listeners and its LISTEN must not leak into other uses.
      client.release(true)
    }
  }

  const run = async (): Promise<void> => {
    for (;;) {
      if (stopped) return
      try {
        await listen()
      } catch (error) {
        if (stopped) return
        onError?.(error)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, reconnectMs)
          interrupt = () => (clearTimeout(timer), resolve())
        })
      }
    }
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      stopped = true
      interrupt()
      await running
    },
  }
}

/** Tells the other processes, at most once in an interval: a notification takes a lock that all of the server's share. */
export interface Announcer {
  announce(change: LogChange): void
  /** Sends what waits. */
  close(): Promise<void>
}

/** @param payloadOf what is sent for a change */
export function createAnnouncer(
  db: PostgresDatabase,
  channel: string,
  payloadOf: (change: LogChange) => string,
  intervalMs: number,
  onError: (error: unknown) => void,
): Announcer {
  let pending: LogChange | null = null
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<void> = Promise.resolve()
  let last = -Infinity

  const send = async (): Promise<void> => {
    timer = null
    const change = pending
    if (change === null) return
    pending = null
    last = performance.now()
    try {
      await db.query('SELECT pg_notify($1, $2)', [channel, payloadOf(change)])
    } catch (error) {
      // The others find out by themselves, a little later.
      onError(error)
    }
  }
  const start = (): void => {
    sending = sending.then(send)
  }

  return {
    announce(change) {
      if (pending !== 'remove') pending = change
      timer ??= setTimeout(start, Math.max(0, last + intervalMs - performance.now()))
    },
    async close() {
      if (timer !== null) {
        clearTimeout(timer)
        start()
      }
      await sending
    },
  }
}
