import { openAccountStore } from '@avocet/accounts/postgres'
import { migrate, schemaVersions, type Queryable } from '@avocet/postgres'
import { openRepoServerStore } from '@avocet/repo-server/postgres'

import type { PostgresPlace } from '../../config/config.ts'
import type { MovedTable } from '../moved-tables.ts'
import type { MoveMark, MoveTarget } from '../move-end.ts'
import { MOVED_TABLES } from '../moved-tables.ts'
import { connect } from './connect.ts'
import { explained, placeOf, StoreError } from './failures.ts'
import {
  bytesOf,
  countRows,
  findRows,
  foreignTables,
  insertRows,
  readCounters,
  readPages,
  writeCounters,
} from './move-rows.ts'
import { MOVE_NOTE, openNotes } from './rows.ts'
import { SCHEMA, TABLES } from './schema.ts'
import { takeTurn, takeUse } from './use.ts'

/** Fingerprints that the servers on the database will look for. */
export type ServerFingerprints = Readonly<Record<string, string>>

/**
 * A database to move to; no server may start on it.
 * @param look nothing is made
 * @throws StoreError
 */
export async function openPostgresTarget(
  place: PostgresPlace,
  fingerprints: ServerFingerprints,
  look: boolean,
): Promise<MoveTarget> {
  await using opened = new AsyncDisposableStack()
  const db = opened.use(await connect(place, { readOnly: look }))
  const where = placeOf(place.url)
  let isLost = false
  opened.use(await takeUse(db, place, () => (isLost = true)))
  const check = (): void => {
    if (!isLost) return
    throw new StoreError(
      `the connection that holds the database was lost; ${where}\nRun the move again: it goes on`,
    )
  }
  const query: Queryable['query'] = async (sql, values) => {
    check()
    try {
      return await db.query(sql, values)
    } catch (error) {
      throw explained(error, place.url)
    }
  }
  const rows = { query }
  /** A transaction, whose rows may come to the disk later: its mark comes with them. */
  const transaction = async (work: (tx: Queryable) => Promise<void>): Promise<void> => {
    check()
    try {
      await db.transaction(async (tx) => {
        await takeTurn(tx, place)
        await tx.query('SET LOCAL synchronous_commit = off')
        await work(tx)
      })
    } catch (error) {
      throw explained(error, place.url)
    }
  }
  const putMark = (tx: Queryable, mark: MoveMark): Promise<void> =>
    openNotes(tx).set(MOVE_NOTE, JSON.stringify(mark))

  const kept = opened.move()
  return {
    name: where,
    schema: JSON.stringify(SCHEMA),
    count: (table) => countRows(rows, table),
    bytes: () => bytesOf(rows),
    pages: (table, after) => readPages(rows, table, after),
    // Row by row by the whole key, whatever is known of the sizes of new tables.
    find: async (table, asked) => {
      check()
      return db.transaction(async (tx) => {
        await tx.query(
          'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off',
        )
        return findRows(tx, table, asked)
      })
    },
    counters: () => readCounters(rows),
    foreignTables: () => foreignTables(rows),
    free: () => Promise.resolve(null),
    mark: async () => {
      check()
      await db.transaction((tx) => takeTurn(tx, place))
      const [table] = await query(`SELECT to_regclass('server_note') AS found`)
      const text = table!['found'] === null ? null : await openNotes(rows).get(MOVE_NOTE)
      return text === null ? null : (JSON.parse(text) as MoveMark)
    },
    occupied: async () => {
      const versions = await schemaVersions(rows)
      const newer = SCHEMA.find(({ name, version }) => (versions.get(name) ?? 0) > version)
      if (newer !== undefined) {
        return `tables of a newer version of this program (${newer.name} ${versions.get(newer.name)}, known ${newer.version})`
      }
      for (const { name } of MOVED_TABLES) {
        const [there] = await query('SELECT to_regclass($1) AS found', [name])
        if (there!['found'] === null) continue
        if ((await query(`SELECT 1 FROM ${name} LIMIT 1`)).length > 0) return `rows in the table ${name}`
      }
      const [log] = await query(`SELECT to_regclass('event_seq') AS found`)
      if (log!['found'] === null) return null
      const [given] = await query('SELECT is_called FROM event_seq')
      return given!['is_called'] === true ? 'a log whose numbers were given out' : null
    },
    begin: async (mark) => {
      check()
      try {
        // The same as a server's first start: only there does every package make its tables.
        await openAccountStore(db)
        await using _ = await openRepoServerStore(db)
        for (const [name, migrations] of TABLES) {
          await migrate(db, name, migrations)
        }
      } catch (error) {
        throw explained(error, place.url)
      }
      await transaction((tx) => putMark(tx, mark))
    },
    write: (table, added, mark) =>
      transaction(async (tx) => {
        try {
          await insertRows(tx, table, added)
        } catch (error) {
          throw unkeepable(error, table)
        }
        await putMark(tx, mark)
      }),
    settle: async (counters, mark) => {
      await transaction(async (tx) => {
        await writeCounters(tx, counters)
        await putMark(tx, mark)
      })
      // Servers would plan their statements for empty tables until the database has looked by itself.
      await query(`ANALYZE ${MOVED_TABLES.map(({ name }) => name).join(', ')}`)
    },
    // References and keys are seen to by the database.
    faults: () => Promise.resolve([]),
    finish: async () => {
      check()
      // With this commit everything before it is on the disk.
      await db.transaction(async (tx) => {
        await takeTurn(tx, place)
        const notes = openNotes(tx)
        for (const [name, value] of Object.entries(fingerprints)) await notes.set(name, value)
        await tx.query('DELETE FROM server_note WHERE name = $1', [MOVE_NOTE])
      })
    },
    clear: async () => {
      check()
      await db.transaction(async (tx) => {
        await takeTurn(tx, place)
        // Challenges are not moved, and refer to accounts.
        await tx.query(`TRUNCATE ${[...MOVED_TABLES.map(({ name }) => name), 'challenge'].join(', ')}`)
        await writeCounters(tx, { newest: 0, oldest: 1, audit: 0 })
        await tx.query('DELETE FROM server_note WHERE name = $1', [MOVE_NOTE])
      })
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A text that SQLite keeps and Postgres does not. */
function unkeepable(error: unknown, { name }: MovedTable): unknown {
  if ((error as { code?: string }).code !== '22021') return error
  return new StoreError(
    `a text of the table ${name} holds the character NUL, which Postgres cannot keep\n` +
      'Find it with: sqlite3 pds.sqlite, and correct it while the server is stopped',
    { cause: error },
  )
}
