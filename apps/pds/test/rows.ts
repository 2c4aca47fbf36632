import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { join } from 'node:path'

import type { TestNetwork } from './network.ts'

/** Runs a statement on the database of a network, beside the server: to make time pass, or to look. */
export function sql(
  net: TestNetwork,
  statement: string,
  ...values: SQLInputValue[]
): Record<string, SQLOutputValue>[] {
  const db = new DatabaseSync(join(net.folder, 'pds.sqlite'))
  try {
    db.exec('PRAGMA busy_timeout = 5000')
    return db.prepare(statement).all(...values)
  } finally {
    db.close()
  }
}
