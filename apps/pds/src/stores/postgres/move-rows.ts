import type { Queryable, Row } from '@avocet/postgres'

import {
  PAGE_BYTES,
  PAGE_ROWS,
  type MovedCounters,
  type MovedPage,
  type MovedPlace,
  type MovedRow,
  type MovedValue,
} from '../move-end.ts'
import { MOVED_TABLES, REMADE_TABLES, type ColumnType, type MovedTable } from '../moved-tables.ts'

/** Types of parameters. */
const TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  integer: 'bigint',
  boolean: 'boolean',
  bytes: 'bytea',
  time: 'timestamptz',
}

/** A column as it is read: a time as SQLite has it. */
const shown = (column: string, type: ColumnType): string =>
  type === 'time'
    ? `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`
    : column

/** A value as both sides have it. Large integers come as texts. */
function valueOf(value: unknown, type: ColumnType): MovedValue {
  if (value === null || value === undefined) return null
  if (type === 'boolean') return value === true ? 1 : 0
  if (type !== 'integer') return value as string | Uint8Array
  const number = Number(value)
  if (!Number.isSafeInteger(number))
    throw new RangeError(`a number is too large to be moved; value=${number}`)
  return number
}

const rowOf = (row: Row, columns: readonly [string, ColumnType][]): MovedRow =>
  columns.map(([column, type]) => valueOf(row[column], type))

/** A value of a place, as a parameter. */
const placed = (value: MovedValue): string | number =>
  value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : (value as string | number)

/** How many rows a table has. */
export async function countRows(db: Queryable, { name }: MovedTable): Promise<number> {
  const [row] = await db.query(`SELECT count(*) AS n FROM ${name}`)
  return Number(row!['n'])
}

/** Rows of a table in the order of its key. The sizes are added up there, so that no page is larger than it may be. */
export async function* readPages(
  db: Queryable,
  table: MovedTable,
  after: MovedPlace | null,
): AsyncGenerator<MovedPage> {
  const { name, key } = table
  const columns = Object.entries(table.columns)
  const keys = key.join(', ')
  const sizes = columns
    .filter(([, type]) => type === 'text' || type === 'bytes')
    .map(([column]) => `coalesce(octet_length(${column}), 0)`)
  const typed = key.map((column, at) => `$${at + 1}::${TYPES[table.columns[column]!]}`)
  let place = after
  for (;;) {
    const above = place === null ? '' : `WHERE (${keys}) > (${typed.join(', ')})`
    const found = await db.query(
      `SELECT ${columns.map(([column, type]) => shown(column, type)).join(', ')}, page_rows FROM (
         SELECT *, sum(${['0', ...sizes].join(' + ')}) OVER (ORDER BY ${keys}) AS page_bytes,
           row_number() OVER (ORDER BY ${keys}) AS page_row, count(*) OVER () AS page_rows FROM (
             SELECT * FROM ${name} ${above} ORDER BY ${keys} LIMIT ${PAGE_ROWS}) AS page
       ) AS sized WHERE page_bytes <= ${PAGE_BYTES} OR page_row = 1 ORDER BY ${keys}`,
      place ?? [],
    )
    if (found.length === 0) return
    const rows = found.map((row) => rowOf(row, columns))
    const last = rows.at(-1)!
    place = key.map((column) => placed(last[columns.findIndex(([other]) => other === column)]!))
    yield { rows, place }
    const all = Number(found[0]!['page_rows'])
    if (found.length === all && all < PAGE_ROWS) return
  }
}

/** The rows with the keys of these ones. */
export async function findRows(
  db: Queryable,
  table: MovedTable,
  rows: readonly MovedRow[],
): Promise<(MovedRow | undefined)[]> {
  const { name, key } = table
  const columns = Object.entries(table.columns)
  const arrays = key.map((column) => {
    const at = columns.findIndex(([other]) => other === column)
    return rows.map((row) => row[at])
  })
  const list = columns.map(([column, type]) => shown(`t.${column}`, type).replace(`AS t.`, 'AS '))
  const found = await db.query(
    `SELECT asked.n AS asked_row, ${list.join(', ')}
     FROM unnest(${key.map((column, at) => `$${at + 1}::${TYPES[table.columns[column]!]}[]`).join(', ')})
       WITH ORDINALITY AS asked (${key.join(', ')}, n)
     JOIN ${name} AS t USING (${key.join(', ')})`,
    arrays,
  )
  const result = Array.from<MovedRow | undefined>({ length: rows.length })
  for (const row of found) result[Number(row['asked_row']) - 1] = rowOf(row, columns)
  return result
}

/** Adds rows, in the transaction that is open. */
export async function insertRows(tx: Queryable, table: MovedTable, rows: readonly MovedRow[]): Promise<void> {
  if (rows.length === 0) return
  const columns = Object.entries(table.columns)
  const arrays = columns.map(([, type], at) =>
    rows.map((row) => (type === 'boolean' && row[at] !== null ? row[at] !== 0 : row[at])),
  )
  await tx.query(
    `INSERT INTO ${table.name} (${columns.map(([column]) => column).join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT * FROM unnest(${columns.map(([, type], at) => `$${at + 1}::${TYPES[type]}[]`).join(', ')})`,
    arrays,
  )
}

const lastOf = (sequence: string): string =>
  `(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ${sequence})`

/** The numbers given out so far. */
export async function readCounters(db: Queryable): Promise<MovedCounters> {
  const [row] = await db.query(
    `SELECT ${lastOf('event_seq')} AS newest, oldest, ${lastOf('audit_id_seq')} AS audit FROM event_log WHERE id = 1`,
  )
  return { newest: Number(row!['newest']), oldest: Number(row!['oldest']), audit: Number(row!['audit']) }
}

/** Sets what numbers go on from: ids of repositories and of sets of records go on above those of all rows that have one. */
export async function writeCounters(tx: Queryable, { newest, oldest, audit }: MovedCounters): Promise<void> {
  const set = (sequence: string, value: string): Promise<unknown> =>
    tx.query(`SELECT setval('${sequence}', greatest(n, 1), n > 0) FROM (SELECT ${value} AS n) AS last`)
  const most = (...of: readonly string[]): string => {
    const each = of.map((column) => {
      const [table, name] = column.split('.')
      return `coalesce((SELECT max(${name}) FROM ${table}), 0)`
    })
    return `greatest(${each.join(', ')})`
  }
  await set('event_seq', `${newest}::bigint`)
  await set('audit_id_seq', `${audit}::bigint`)
  await set('repo_id_seq', most('repo.id', 'repo_block.repo'))
  await set('record_set_id_seq', most('record_set.id', 'record.owner', 'backlink.owner', 'record_blob.owner'))
  await tx.query(
    `UPDATE event_log SET oldest = $1, counted = $2, removals = 0,
       bytes = (SELECT coalesce(sum(size), 0) FROM event) WHERE id = 1`,
    [oldest, newest],
  )
}

/** Tables that this server knows nothing of, in its schema. */
export async function foreignTables(db: Queryable): Promise<string[]> {
  const known = new Set([...MOVED_TABLES.map(({ name }) => name), ...Object.keys(REMADE_TABLES)])
  const rows = await db.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`,
  )
  return rows.map((row) => row['name'] as string).filter((name) => !known.has(name))
}

/** Bytes of the tables on the disk, indexes included. */
export async function bytesOf(db: Queryable): Promise<number> {
  const names = MOVED_TABLES.map(({ name }) => name)
  const [row] = await db.query(
    'SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) AS n FROM unnest($1::text[]) AS name',
    [names],
  )
  return Number(row!['n'])
}
