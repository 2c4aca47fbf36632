// Who uses a database: servers, side by side, or one move. The locks are those of sessions, so that they end with their connections.
// https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
import type { PostgresDatabase, Queryable } from '@avocet/postgres'

import type { PostgresPlace } from '../../config/config.ts'
import { placeOf, StoreError } from './failures.ts'
import { MOVE_NOTE, openNotes } from './rows.ts'

/** A lock of a schema: the one of the settings, which may not be there yet, or the one that tables are made in. */
const keyOf = (use: string): string => `hashtextextended(coalesce($1, current_schema(), '') || '.${use}', 12)`
const KEY = keyOf('use')
/** How long to wait for who is just ending, in milliseconds: of a process that was killed the database learns when its statement ends. */
const WAIT_MS = 3000

/** Takes a share of a database for a connection of a server: no move begins while it lasts. @throws StoreError during one */
export async function shareUse(connection: Queryable, { url, schema }: PostgresPlace): Promise<void> {
  const [row] = await connection.query(`SELECT pg_try_advisory_lock_shared(${KEY}) AS got`, [schema])
  if (row!['got'] === true) return
  throw new StoreError(
    `the accounts in this database are being moved; ${placeOf(url)}\nWait until avocet-pds move has ended, and do what it says then`,
  )
}

/** A database that a move has not finished must not be served. @throws StoreError */
export async function refuseUnfinished(db: Queryable, { url }: PostgresPlace): Promise<void> {
  const [table] = await db.query(`SELECT to_regclass('server_note') AS found`)
  if (table!['found'] === null || (await openNotes(db).get(MOVE_NOTE)) === null) return
  throw new StoreError(
    `a move to this database has not ended; ${placeOf(url)}\n` +
      'Run the same avocet-pds move again, which goes on, or start the server where its data was',
  )
}

/**
 * Waits until no transaction of a move is under way, and keeps others from beginning until this one ends. The last one of a process
 * that was killed may be committed after its connection that held the database is gone.
 */
export async function takeTurn(tx: Queryable, { schema }: PostgresPlace): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(${keyOf('move')})`, [schema])
}

/**
 * Takes a database for a move, on a connection of its own.
 * @param isLost is told when that connection breaks: then the database is not this move's any more
 * @returns what lets it go
 * @throws StoreError while a server, or another move, uses it
 */
export async function takeUse(
  db: PostgresDatabase,
  { url, schema }: PostgresPlace,
  isLost: () => void,
): Promise<AsyncDisposable> {
  const client = await db.pool.connect()
  client.on('error', isLost)
  client.on('end', isLost)
  // Ended, not given back: the lock goes with it.
  const release = (): Promise<void> => {
    client.off('error', isLost)
    client.off('end', isLost)
    client.on('error', () => {})
    client.release(true)
    return Promise.resolve()
  }
  try {
    const end = performance.now() + WAIT_MS
    for (;;) {
      const { rows } = await client.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${KEY}) AS got`, [
        schema,
      ])
      if (rows[0]?.got === true) return { [Symbol.asyncDispose]: release }
      if (performance.now() > end) break
      await client.query('SELECT pg_sleep(0.1)')
    }
    const { rows } = await client.query<{ who: string | null }>(
      `SELECT string_agg(DISTINCT coalesce(host(a.client_addr), 'this machine'), ', ') AS who
       FROM pg_locks l JOIN pg_stat_activity a USING (pid), (SELECT ${KEY} AS key) AS k
       WHERE l.locktype = 'advisory' AND l.granted
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND l.classid::bigint = (k.key >> 32) & 4294967295 AND l.objid::bigint = k.key & 4294967295`,
      [schema],
    )
    const who = rows[0]?.who ?? null
    throw new StoreError(
      `a server, or another move, uses this database${who === null ? '' : ` (from ${who})`}; ${placeOf(url)}\n` +
        'Stop every avocet-pds on it, and run the move again',
    )
  } catch (error) {
    await release()
    throw error
  }
}
