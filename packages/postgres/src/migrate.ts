import type { PostgresDatabase, Queryable } from './database.ts'
import { PostgresError } from './error.ts'

/** Any number that other programs are unlikely to lock: migrations of several processes wait for each other on it. */
const MIGRATION_LOCK = 7_020_604_541

/**
 * Brings a part of the schema to its newest version, in one transaction. Processes that start together take turns.
 *
 * @param name the part: each name has a version line of its own, so an app and its stores migrate side by side on one
 *   database.
 * @param migrations SQL scripts; script *n* (from 1) takes the part from version n − 1 to n. Released ones never change.
 * @throws {PostgresError} `newer-schema` when the database is at a later version than `migrations` knows.
 */
export async function migrate(
  db: PostgresDatabase,
  name: string,
  migrations: readonly string[],
): Promise<void> {
  // The usual case takes no turn, and no right to make tables.
  if ((await schemaVersions(db)).get(name) === migrations.length) return
  await db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await tx.query(
      'CREATE TABLE IF NOT EXISTS schema_versions (name text PRIMARY KEY, version integer NOT NULL)',
    )
    const [row] = await tx.query('SELECT version FROM schema_versions WHERE name = $1', [name])
    const version = row === undefined ? 0 : Number(row['version'])
    if (version > migrations.length) {
      throw new PostgresError(
        'newer-schema',
        `schema is newer than this program; name=${name} version=${version} known=${migrations.length}`,
      )
    }
    if (version === migrations.length && row !== undefined) return
    for (const script of migrations.slice(version)) await tx.query(script)
    await tx.query(
      'INSERT INTO schema_versions (name, version) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET version = excluded.version',
      [name, migrations.length],
    )
  })
}

/** A part of a schema and the version that a program knows. */
export interface SchemaPart {
  readonly name: string
  readonly version: number
}

/** The versions of the parts in a database, by name; empty for a new one. Nothing is made or changed. */
export async function schemaVersions(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const [table] = await db.query(`SELECT to_regclass('schema_versions') AS found`)
  if (table!['found'] === null) return new Map()
  const rows = await db.query('SELECT name, version FROM schema_versions')
  return new Map(rows.map((row) => [row['name'] as string, Number(row['version'])]))
}
