import type { Database } from './database.ts'
import { SqliteError } from './error.ts'

/**
 * Brings a part of the schema to its newest version, in one transaction.
 *
 * @param name the part: each name has a version line of its own, so an app and its stores migrate side by side on one
 *   database.
 * @param migrations SQL scripts; script *n* (from 1) takes the part from version n − 1 to n. Released ones never change.
 * @throws {SqliteError} `newer-schema` when the database is at a later version than `migrations` knows.
 */
export function migrate(db: Database, name: string, migrations: readonly string[]): void {
  db.transaction(() => {
    db.raw.exec(
      'CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID, STRICT',
    )
    const row = db.raw.prepare('SELECT version FROM schema_versions WHERE name = ?').get(name)
    const version = row === undefined ? 0 : Number(row['version'])
    if (version > migrations.length) {
      throw new SqliteError(
        'newer-schema',
        `schema is newer than this program; name=${name} version=${version} known=${migrations.length}`,
      )
    }
    if (version === migrations.length && row !== undefined) return
    for (const script of migrations.slice(version)) db.raw.exec(script)
    db.raw
      .prepare(
        'INSERT INTO schema_versions (name, version) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version',
      )
      .run(name, migrations.length)
  })
}

/** A part of a schema and the version that a program knows. */
export interface SchemaPart {
  readonly name: string
  readonly version: number
}

/** The versions of the parts in a database, by name; empty for a new one. */
export function schemaVersions(db: Database): ReadonlyMap<string, number> {
  const table = db.raw.prepare(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_versions'",
  )
  if (table.get() === undefined) return new Map()
  const rows = db.raw.prepare('SELECT name, version FROM schema_versions').all()
  return new Map(rows.map((row) => [row['name'] as string, Number(row['version'])]))
}
