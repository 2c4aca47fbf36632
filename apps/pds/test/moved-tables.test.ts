// The list of what a move takes, against the tables as the packages make them: a table or column that is in neither list would be
// left behind.
import { openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, test } from 'vitest'

import {
  MARK_TABLE,
  MOVED_TABLES,
  REMADE_COLUMNS,
  REMADE_TABLES,
  type ColumnType,
} from '../src/stores/moved-tables.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'
import { openFixture } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

/** Columns and their types, without those that are made anew. */
const listed = (side: 'sqlite' | 'postgres'): Record<string, Record<string, ColumnType>> =>
  Object.fromEntries(
    MOVED_TABLES.map(({ name, sqlite = name, columns }) => [side === 'sqlite' ? sqlite : name, columns]),
  )

const isRemade = (table: string, column: string): boolean =>
  table in REMADE_TABLES || (REMADE_COLUMNS[table] ?? []).includes(column)

function grouped(rows: readonly (readonly [table: string, column: string, type: ColumnType])[]): object {
  const found: Record<string, Record<string, ColumnType>> = {}
  for (const [table, column, type] of rows) {
    if (!isRemade(table, column)) (found[table] ??= {})[column] = type
  }
  return found
}

/** Types of SQLite say less: what is a boolean or a time is one by the list. */
const SQLITE: Readonly<Record<string, readonly ColumnType[]>> = {
  TEXT: ['text', 'time'],
  INTEGER: ['integer', 'boolean'],
  BLOB: ['bytes'],
}
const POSTGRES: Readonly<Record<string, ColumnType>> = {
  text: 'text',
  bigint: 'integer',
  integer: 'integer',
  smallint: 'integer',
  boolean: 'boolean',
  bytea: 'bytes',
  'timestamp with time zone': 'time',
}

test('every table and column of SQLite is moved, or made anew', async () => {
  await using fixture = await openFixture(null)
  await fixture.stores[Symbol.asyncDispose]()
  const stores = await openSqliteStores(fixture.config)
  const rows = stores.db
    .prepare(
      `SELECT t.name AS table_name, c.name AS column_name, c.type AS type
       FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'`,
    )
    .all() as { table_name: string; column_name: string; type: string }[]
  const ours = listed('sqlite')
  const found = rows.map(({ table_name: table, column_name: column, type }) => {
    const possible = SQLITE[type] ?? []
    const meant = ours[table]?.[column]
    return [table, column, meant !== undefined && possible.includes(meant) ? meant : possible[0]!] as const
  })
  expect(grouped(found)).toEqual(ours)
  // The mark of a move is in none that is served.
  expect(rows.map(({ table_name: table }) => table)).not.toContain(MARK_TABLE)
  await stores[Symbol.asyncDispose]()
})

// Not skipped in silence: `startPostgres` has said that there is none.
describe.skipIf(server === null)('on Postgres', () => {
  test('every table and column is moved, or made anew; keys compare by bytes; sequences have their names', async () => {
    await using fixture = await openFixture(server!.url)
    const { url, schema } = fixture.config.postgres!
    await using db = openDatabase({ url, schema: schema! })
    const rows = await db.query(
      `SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns
       WHERE table_schema = current_schema()
         AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE')`,
    )
    const found = rows.map(
      (row) =>
        [
          row['table_name'] as string,
          row['column_name'] as string,
          POSTGRES[row['data_type'] as string]!,
        ] as const,
    )
    expect(grouped(found)).toEqual(listed('postgres'))

    const collations = new Map(
      rows.map((row) => [
        `${String(row['table_name'])}.${String(row['column_name'])}`,
        row['collation_name'],
      ]),
    )
    const keys = MOVED_TABLES.flatMap(({ name, key, columns }) =>
      key.filter((column) => columns[column] === 'text').map((column) => `${name}.${column}`),
    )
    expect(keys.filter((key) => collations.get(key) !== 'C')).toEqual([])

    const sequences = await db.query(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace`,
    )
    expect(sequences.map((row) => String(row['name'])).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'audit_id_seq',
      'blob_upload_ticket_seq',
      'event_seq',
      'record_set_id_seq',
      'repo_id_seq',
      'write_turn_ticket_seq',
    ])
  })
})
