import { openDatabase, type PostgresDatabase, type Transaction } from '@avocet/postgres'
import type { CrashTarget } from '@avocet/repo/conformance'
import { openRepoStore } from '../src/store.ts'

/** The store under test, with a log of commits beside it in the same database. */
export async function openCrashTarget(
  url: string,
  schema: string,
): Promise<{ db: PostgresDatabase; target: CrashTarget<Transaction> }> {
  const db = openDatabase({ url, schema })
  const store = await openRepoStore(db)
  await db.query('CREATE TABLE IF NOT EXISTS log (n bigserial PRIMARY KEY, did text, rev text)')
  return {
    db,
    target: {
      store,
      log: async (tx, did, rev) =>
        void (await tx.query('INSERT INTO log (did, rev) VALUES ($1, $2)', [did, rev])),
      logged: async (did) =>
        (await db.query('SELECT rev FROM log WHERE did = $1 ORDER BY n', [did])).map((row) =>
          String(row['rev']),
        ),
      countBlocks: async (did) => (await store.size(did)).blocks,
    },
  }
}
