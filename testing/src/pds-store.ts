// Which database the PDS of a test keeps its accounts in. AVOCET_PDS_STORE=postgres: a schema of a Postgres server; else
// SQLite in its data directory.
import { createHash } from 'node:crypto'

/** Whether tests of the PDS run on Postgres. */
export const onPostgres: boolean = process.env['AVOCET_PDS_STORE'] === 'postgres'

/**
 * For what is about the data directory of SQLite alone: `describe.skipIf(onlySqlite('…'))`. Says aloud why it is left out.
 * @returns whether tests run on Postgres
 */
export function onlySqlite(reason: string): boolean {
  if (onPostgres) console.warn(`SKIPPED on Postgres: ${reason}`)
  return onPostgres
}

/** A database for the PDS in a data directory: the same one for the same directory, so that it can be started again. */
export interface PdsDatabase {
  readonly url: string
  readonly schema: string
  readonly poolSize: number
}

/** The database of a PDS with this data directory; null for SQLite. */
export function pdsDatabase(folder: string): PdsDatabase | null {
  if (!onPostgres) return null
  const url = process.env['AVOCET_TEST_POSTGRES_URL']
  if (url === undefined) throw new Error('AVOCET_PDS_STORE=postgres needs a server: run it by vitest')
  const schema = `pds_${createHash('sha256').update(folder).digest('hex').slice(0, 24)}`
  return { url, schema, poolSize: 8 }
}

/** The same as variables of a process. */
export function pdsDatabaseEnvironment(folder: string): Record<string, string> {
  const place = pdsDatabase(folder)
  if (place === null) return {}
  const { url, schema, poolSize } = place
  return {
    PDS_DB_POSTGRES_URL: url,
    PDS_DB_POSTGRES_SCHEMA: schema,
    PDS_DB_POSTGRES_POOL_SIZE: String(poolSize),
  }
}
