import { createHash } from 'node:crypto'

import { schemaVersions } from '@avocet/postgres'

import type { PostgresPlace } from '../../config/config.ts'
import type { MoveSource } from '../move-end.ts'
import { MOVED_TABLES } from '../moved-tables.ts'
import { connect } from './connect.ts'
import { explained, placeOf, StoreError } from './failures.ts'
import { bytesOf, countRows, findRows, foreignTables, readCounters, readPages } from './move-rows.ts'
import { MOVE_NOTE, openNotes } from './rows.ts'
import { SCHEMA } from './schema.ts'
import { takeUse } from './use.ts'

/** A database to move away, and the notes of its servers. */
export interface PostgresSource extends MoveSource {
  note(name: string): Promise<string | null>
}

/** The database of a server on Postgres; no other may start on it. @throws StoreError */
export async function openPostgresSource(place: PostgresPlace): Promise<PostgresSource> {
  await using opened = new AsyncDisposableStack()
  const db = opened.use(await connect(place, { readOnly: true }))
  const where = placeOf(place.url)
  let isLost = false
  opened.use(await takeUse(db, place, () => (isLost = true)))
  const versions = await schemaVersions(db)
  if (versions.size === 0) {
    throw new StoreError(
      `no server's data is in this database; ${where}\nCorrect PDS_DB_POSTGRES_URL or PDS_DB_POSTGRES_SCHEMA; to move from SQLite remove it`,
    )
  }
  const other = SCHEMA.find(({ name, version }) => versions.get(name) !== version)
  if (other !== undefined) {
    const found = versions.get(other.name) ?? 0
    const next =
      found > other.version
        ? 'Move it with the newer version of this program that wrote it'
        : 'Start a server of this version on it once, which upgrades it, and stop that'
    throw new StoreError(
      `the database is of another version of this program (${other.name} ${found}, known ${other.version}); ${where}\n${next}`,
    )
  }
  const notes = openNotes(db)
  if ((await notes.get(MOVE_NOTE)) !== null) {
    throw new StoreError(
      `a move to this database has not ended; ${where}\nRun it again, which goes on: only then there is something to move back`,
    )
  }
  // One moment of it, whatever anybody else does in the database.
  const view = opened.use(await db.snapshot())
  // Row by row by the whole key.
  await view.query('SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off')
  const query: typeof view.query = async (sql, values) => {
    if (isLost)
      throw new StoreError(`the connection that holds the database was lost; ${where}\nRun the move again`)
    try {
      return await view.query(sql, values)
    } catch (error) {
      throw explained(error, place.url)
    }
  }
  const rows = { query }
  const kept = opened.move()
  return {
    name: where,
    note: (name) => notes.get(name),
    count: (table) => countRows(rows, table),
    bytes: () => bytesOf(rows),
    pages: (table, after) => readPages(rows, table, after),
    find: (table, asked) => findRows(rows, table, asked),
    counters: () => readCounters(rows),
    foreignTables: () => foreignTables(rows),
    // A row that is added or changed has the number of a later transaction; one that is removed is counted no more.
    fingerprint: async () => {
      const hash = createHash('sha256')
      for (const { name } of MOVED_TABLES) {
        // On the one connection of the view.
        const [row] = await query(`SELECT count(*) AS n, max(xmin::text::bigint) AS latest FROM ${name}`)
        hash.update(`${name} ${String(row!['n'])} ${String(row!['latest'])}\n`)
      }
      hash.update(JSON.stringify(await readCounters(rows)))
      return `postgres ${hash.digest('hex').slice(0, 32)}`
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
