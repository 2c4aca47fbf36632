// One of several processes does what one has to do: it holds a lock of its session, which ends with its connection.
// https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

import { setTimeout as sleep } from 'node:timers/promises'

import type { PoolClient } from 'pg'

import type { PostgresDatabase } from './database.ts'

/** Options of {@link holdOffice}. */
export interface OfficeOptions {
  /** Who does not hold it asks for it again after so many ms. Default 2000. */
  readonly retryMs?: number
  /** Who holds it looks whether its connection lives after so many ms, and gives it as long to answer, as who asks does. Default 2000. */
  readonly checkMs?: number
  /** Told of a connection that was lost, and of what `work` throws. */
  readonly onError?: (error: unknown) => void
}

/** A place among those who want an office. Disposing of it ends the work, and lets another process take over at once. */
export interface Office extends AsyncDisposable {
  /** Whether this process holds it now. */
  isHeld(): boolean
}

// A machine that is gone without a word is noticed by the server, too: otherwise its lock would last for hours.
const KEEPALIVE =
  'SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 11000'

/**
 * Does `work` while this process holds the office `name` of a database (and schema). Of all processes that ask for it one holds it;
 * when its connection is lost it holds it no more, and another takes over within `retryMs`. It takes a connection of the pool while
 * it is held, directly to the server: not through a pool that shares connections between transactions.
 *
 * @param work is called each time the office is won. `signal` is aborted when it is lost; then, or when it ends by itself, the
 *   office is given back and asked for again. A process that hung learns late that it lost the office, so two may
 *   be at work for a moment: what they do must bear that.
 */
export function holdOffice(
  db: PostgresDatabase,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  options: OfficeOptions = {},
): Office {
  const { retryMs = 2000, checkMs = 2000, onError = () => {} } = options
  const stop = new AbortController()
  let held = false

  const hold = async (client: PoolClient): Promise<void> => {
    const lost = new AbortController()
    const lose = (error?: unknown): void => {
      if (lost.signal.aborted) return
      held = false
      if (error !== undefined) onError(error)
      lost.abort()
    }
    const onEnd = (): void => lose(new Error(`the connection of an office was lost; name=${name}`))
    const onStop = (): void => lose()
    client.on('error', onEnd)
    client.on('end', onEnd)
    stop.signal.addEventListener('abort', onStop)
    let answered = true
    const timer = setInterval(() => {
      if (!answered) return onEnd()
      answered = false
      client.query('SELECT 1').then(() => (answered = true), lose)
    }, checkMs)
    try {
      held = true
      if (!stop.signal.aborted) await work(lost.signal)
    } finally {
      held = false
      clearInterval(timer)
      stop.signal.removeEventListener('abort', onStop)
      client.off('end', onEnd)
    }
  }

  /**
   * Whether it was won. A connection that does not answer is ended, and so is one in use when nobody asks any more.
   */
  const ask = async (client: PoolClient): Promise<boolean> => {
    const giveUp = (): void => void client.end()
    const timer = setTimeout(giveUp, checkMs)
    stop.signal.addEventListener('abort', giveUp)
    try {
      const { rows } = await client.query<{ won: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended(coalesce(current_schema(), '') || '.' || $1, 12)) AS won",
        [name],
      )
      if (rows[0]?.won !== true) return false
      await client.query(KEEPALIVE)
      return true
    } catch (error) {
      if (stop.signal.aborted) return true
      throw error
    } finally {
      clearTimeout(timer)
      stop.signal.removeEventListener('abort', giveUp)
    }
  }

  const campaign = async (): Promise<void> => {
    const client = await db.pool.connect()
    // Given back only as it came: a session that has the lock, or settings of its own, is ended.
    let isOurs = true
    try {
      isOurs = await ask(client)
      if (isOurs && !stop.signal.aborted) await hold(client)
    } finally {
      client.release(isOurs)
    }
  }

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await campaign()
      } catch (error) {
        onError(error)
      }
      // Not all at once, where a server that came back is asked by many.
      await sleep(retryMs * (0.5 + Math.random() / 2), undefined, { signal: stop.signal, ref: false }).catch(
        () => {},
      )
    }
  }
  const running = run()
  const end = async (): Promise<void> => {
    stop.abort()
    await running
  }
  // Who holds it has a connection, which a database that closes would wait for.
  const taken = db.beforeClose(end)

  return {
    isHeld: () => held,
    [Symbol.asyncDispose]: () => {
      taken()
      return end()
    },
  }
}
