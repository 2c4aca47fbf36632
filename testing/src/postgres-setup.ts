// Run by vitest before the tests: with AVOCET_PDS_STORE=postgres one server for all of them.
import { onPostgres } from './pds-store.ts'
import { startPostgres } from './postgres.ts'

/** Starts it, and gives what stops it. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (!onPostgres) return undefined
  const server = await startPostgres(['fsync=off', 'max_connections=500', 'full_page_writes=off'])
  if (server === null) throw new Error('AVOCET_PDS_STORE=postgres: no Postgres is installed')
  process.env['AVOCET_TEST_POSTGRES_URL'] = server.url
  return () => server.close()
}
