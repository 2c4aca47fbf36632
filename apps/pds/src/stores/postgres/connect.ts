import { setTimeout as wait } from 'node:timers/promises'

import { openDatabase, type PostgresDatabase, type Queryable } from '@avocet/postgres'

import type { PostgresPlace } from '../../config/config.ts'
import { SILENT, type Logger } from '../../logger.ts'
import { tellingAway } from './away.ts'
import { checkServer, explained, placeOf, StoreError } from './failures.ts'

/** How long the server may take to answer at the start, in milliseconds. */
const CONNECT_MS = 10_000

/** Who connects. */
export interface Connecting {
  readonly log?: Logger
  /** Only to look: the server refuses every write, and no schema is made. */
  readonly readOnly?: boolean
  /** Called with each new connection. */
  readonly onConnect?: (connection: Queryable) => Promise<void>
}

/** A database that answers, of a version that is supported. What fails later since it is away is a DatabaseAway. @throws StoreError that says what to do */
export async function connect(
  place: PostgresPlace,
  { log = SILENT, readOnly = false, onConnect }: Connecting = {},
): Promise<PostgresDatabase> {
  const options = {
    url: place.url,
    onError: (error: unknown): void => log.warn({ err: error }, 'a connection to Postgres broke'),
    onConnect: async (connection: Queryable): Promise<void> => {
      if (readOnly) await connection.query('SET default_transaction_read_only = on')
      await onConnect?.(connection)
    },
    ...(place.schema === null ? {} : { schema: place.schema }),
  }
  // Views are held for as long as the reader of an archive takes: they have connections of their own, so that nothing
  // else waits for one of those.
  // One of them listens, and one may hold the lock of whoever does the chores.
  const half = Math.max(3, Math.ceil(place.poolSize / 2))
  const db = openDatabase({ ...options, poolSize: half })
  const views = openDatabase({ ...options, poolSize: half })
  const close = async (): Promise<void> => {
    await Promise.all([db.close(), views.close()])
  }
  try {
    await inTime(look(db, place, readOnly), place)
  } catch (error) {
    await close().catch(() => {})
    throw explained(error, place.url)
  }
  return tellingAway({ ...db, snapshot: () => views.snapshot(), close, [Symbol.asyncDispose]: close })
}

async function look(db: PostgresDatabase, { url, schema }: PostgresPlace, readOnly: boolean): Promise<void> {
  const [row] = await db.query(
    `SELECT current_setting('server_version_num')::integer AS version, current_setting('server_encoding') AS encoding`,
  )
  checkServer(row!['version'] as number, row!['encoding'] as string, url)
  if (schema === null || readOnly) return
  const [known] = await db.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
  if (known === undefined) await db.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`)
}

/** A server that does not answer, and does not refuse either. */
async function inTime(looking: Promise<void>, { url }: PostgresPlace): Promise<void> {
  const over = new AbortController()
  const late = wait(CONNECT_MS, undefined, { signal: over.signal }).then(
    () => {
      throw new StoreError(
        `the Postgres server does not answer within ${CONNECT_MS / 1000} seconds; ${placeOf(url)}\n` +
          'Look at the host in PDS_DB_POSTGRES_URL, and at firewalls in between',
      )
    },
    () => {},
  )
  try {
    await Promise.race([looking, late])
  } finally {
    over.abort()
    looking.catch(() => {})
  }
}
