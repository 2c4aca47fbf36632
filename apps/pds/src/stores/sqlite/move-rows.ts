import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'

import type { Database } from '@avocet/sqlite'

import {
  PAGE_BYTES,
  PAGE_ROWS,
  rowBytes,
  type MovedCounters,
  type MovedPage,
  type MovedPlace,
  type MovedRow,
} from '../move-end.ts'
import { MOVED_TABLES, REMADE_TABLES, type MovedTable } from '../moved-tables.ts'

/** The name of a table on SQLite. */
const nameOf = ({ name, sqlite = name }: MovedTable): string => sqlite

/** How many rows a table has. */
export const countRows = (db: Database, table: MovedTable): number =>
  db.prepare(`SELECT count(*) AS n FROM ${nameOf(table)}`).get()!['n'] as number

/** Rows of a table in the order of its key, or in that in which they are kept. The table does not change meanwhile. */
export async function* readPages(
  db: Database,
  table: MovedTable,
  after: MovedPlace | null,
): AsyncGenerator<MovedPage> {
  const columns = Object.keys(table.columns)
  const order = table.sqliteOrder === undefined ? table.key : [table.sqliteOrder]
  const places = order.map((column) => columns.indexOf(column))
  const extra = table.sqliteOrder === undefined ? [] : [table.sqliteOrder]
  const above = `(${order.join(', ')}) > (${order.map(() => '?').join(', ')})`
  const sql = (isFirst: boolean): string =>
    `SELECT ${[...columns, ...extra].join(', ')} FROM ${nameOf(table)} ${isFirst ? '' : `WHERE ${above}`}
     ORDER BY ${order.join(', ')} LIMIT ${PAGE_ROWS}`
  let place = after
  for (;;) {
    const statement = db.prepare(sql(place === null))
    statement.setReturnArrays(true)
    const rows: MovedRow[] = []
    let bytes = 0
    let isCut = false
    // No other statement runs until this loop ends, so that the rows are of one moment, and the statement is free again.
    for (const values of statement.iterate(...(place ?? [])) as Iterable<unknown>) {
      const row = values as SQLOutputValue[]
      const last = order.map((_, at) => row[extra.length > 0 ? columns.length : places[at]!])
      place = last as (string | number)[]
      rows.push(row.slice(0, columns.length) as MovedRow[number][])
      bytes += rowBytes(rows.at(-1)!)
      isCut = bytes >= PAGE_BYTES
      if (isCut) break
    }
    if (rows.length > 0) yield { rows, place: place! }
    if (!isCut && rows.length < PAGE_ROWS) return
  }
}

/** Adds rows, in the transaction that is open. */
export function insertRows(db: Database, table: MovedTable, rows: readonly MovedRow[]): void {
  const columns = Object.keys(table.columns)
  const insert = db.prepare(
    `INSERT INTO ${nameOf(table)} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  )
  for (const row of rows) insert.run(...(row as SQLInputValue[]))
}

/** The numbers given out so far. */
export function readCounters(db: Database): MovedCounters {
  const log = db.prepare('SELECT newest, oldest FROM event_log WHERE id = 1').get()!
  const audit = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").get()
  return {
    newest: log['newest'] as number,
    oldest: log['oldest'] as number,
    audit: (audit?.['seq'] as number | undefined) ?? 0,
  }
}

/** Tables in a database that this server knows nothing of. */
export function foreignTables(db: Database): string[] {
  const known = new Set([...MOVED_TABLES.map(nameOf), ...Object.keys(REMADE_TABLES)])
  return db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'")
    .all()
    .map((row) => row['name'] as string)
    .filter((name) => !known.has(name))
}
