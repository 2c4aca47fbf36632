import type { CrashTarget } from '@avocet/repo/conformance'
import { openDatabase, type Database } from '@avocet/sqlite'
import { openRepoStore } from '../src/store.ts'

/** The store under test, with a log of commits beside it in the same database. */
export function openCrashTarget(path: string): { db: Database; target: CrashTarget<Database> } {
  const db = openDatabase({ path })
  const store = openRepoStore(db)
  db.raw.exec('CREATE TABLE IF NOT EXISTS log (n INTEGER PRIMARY KEY, did TEXT, rev TEXT)')
  return {
    db,
    target: {
      store,
      log: (tx, did, rev) => void tx.prepare('INSERT INTO log (did, rev) VALUES (?, ?)').run(did, rev),
      logged: async (did) =>
        db
          .prepare('SELECT rev FROM log WHERE did = ? ORDER BY n')
          .all(did)
          .map((row) => String(row['rev'])),
      countBlocks: async (did) => {
        await store.swept()
        return store.size(did).blocks
      },
    },
  }
}
