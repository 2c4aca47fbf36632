import { migrate, type Database } from '@avocet/sqlite'
import type { CacheStore } from './cache.ts'

/** Options of {@link openCacheStore}. */
export interface SqliteCacheOptions {
  /** Keeps apart several caches in one database, like `did` and `handle`; default `did`. */
  readonly name?: string
  /** Answers kept; default 1 000 000. The ones fetched longest ago go first. */
  readonly maxEntries?: number
}

const MIGRATIONS = [
  `CREATE TABLE resolver_cache (
     name TEXT NOT NULL,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     fetched_at INTEGER NOT NULL,
     PRIMARY KEY (name, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX resolver_cache_by_age ON resolver_cache (name, fetched_at);`,
]

/** Sets between two looks at the size. */
const PRUNE_EVERY = 1_000

/**
 * Keeps a resolver's answers in SQLite. Writes join whatever transaction is open and are not waited for: what a crash
 * loses is asked for again.
 */
export function openCacheStore(db: Database, options: SqliteCacheOptions = {}): CacheStore {
  const { name = 'did', maxEntries = 1_000_000 } = options
  migrate(db, 'resolver-cache', MIGRATIONS)
  let sets = 0

  /** Of times after the newest answer: a clock was ahead then, and they would outlive all that is fetched now. */
  const prune = (newest: number): void => {
    db.prepare('DELETE FROM resolver_cache WHERE name = ? AND fetched_at > ?').run(name, newest)
    db.prepare(
      `DELETE FROM resolver_cache WHERE name = ?1 AND key IN (
         SELECT key FROM resolver_cache WHERE name = ?1 ORDER BY fetched_at DESC LIMIT -1 OFFSET ?2)`,
    ).run(name, maxEntries)
  }

  return {
    get(key) {
      const row = db
        .prepare('SELECT value, fetched_at FROM resolver_cache WHERE name = ? AND key = ?')
        .get(name, key) as { value: string; fetched_at: number } | undefined
      return row === undefined
        ? undefined
        : { value: JSON.parse(row.value) as unknown, fetchedAt: row.fetched_at }
    },
    set(key, { value, fetchedAt }) {
      db.prepare(
        'INSERT OR REPLACE INTO resolver_cache (name, key, value, fetched_at) VALUES (?, ?, ?, ?)',
      ).run(name, key, JSON.stringify(value), fetchedAt)
      if (++sets % PRUNE_EVERY === 0) prune(fetchedAt)
    },
    delete(key) {
      db.prepare('DELETE FROM resolver_cache WHERE name = ? AND key = ?').run(name, key)
    },
  }
}
