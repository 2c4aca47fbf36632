import { execFileSync } from 'node:child_process'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { join } from 'node:path'

import { pdsDatabase } from './pds-store.ts'
import { findPsql } from './postgres.ts'

/** Runs a statement on the database of the PDS with this data directory, beside it: to make time pass, or to look. */
export function sql(
  { folder }: { readonly folder: string },
  statement: string,
  ...values: SQLInputValue[]
): Record<string, SQLOutputValue>[] {
  if (pdsDatabase(folder) !== null) return onPostgres(folder, statement, values)
  const db = new DatabaseSync(join(folder, 'pds.sqlite'))
  try {
    db.exec('PRAGMA busy_timeout = 5000')
    return db.prepare(statement).all(...values)
  } finally {
    db.close()
  }
}

/** Runs several statements there. */
export function runSql({ folder }: { readonly folder: string }, statements: string): void {
  if (pdsDatabase(folder) !== null) {
    psql(folder, statements)
    return
  }
  using db = new DatabaseSync(join(folder, 'pds.sqlite'))
  db.exec(`PRAGMA busy_timeout = 5000; ${statements}`)
}

/** The same by `psql`, which answers at once, too. */
function onPostgres(
  folder: string,
  statement: string,
  values: readonly SQLInputValue[],
): Record<string, SQLOutputValue>[] {
  const rest = [...values]
  const text = statement.replaceAll('?', () => literal(rest.shift()!))
  const reads = /^\s*(select|with)/i.test(text)
  const asked = reads ? `SELECT coalesce(json_agg(found), '[]') FROM (${text}) AS found` : text
  const told = psql(folder, asked)
  return reads ? (JSON.parse(told, fromJson) as Record<string, SQLOutputValue>[]) : []
}

function psql(folder: string, statements: string): string {
  const { url, schema } = pdsDatabase(folder)!
  return execFileSync(findPsql()!, [url, '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', statements], {
    env: { ...process.env, PGOPTIONS: `-c search_path=${schema}` },
    encoding: 'utf8',
  })
}

/** Bytes come as texts. */
const fromJson = (_key: string, value: unknown): unknown =>
  typeof value === 'string' && /^\\x([0-9a-f]{2})*$/.test(value)
    ? new Uint8Array(Buffer.from(value.slice(2), 'hex'))
    : value

const literal = (value: SQLInputValue): string =>
  value === null
    ? 'NULL'
    : typeof value === 'string'
      ? `'${value.replaceAll("'", "''")}'`
      : ArrayBuffer.isView(value)
        ? `'\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}'::bytea`
        : String(value)
