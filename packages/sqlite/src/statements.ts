import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Statements of one generation: when there are so many, those of the one before that nobody asked for since are dropped. */
const GENERATION = 256

/** Makes a function that prepares a text once: the {@link GENERATION} statements used last are kept at least, twice as many at most. */
export function createPrepare(raw: DatabaseSync): (sql: string) => StatementSync {
  let statements = new Map<string, StatementSync>()
  let former = new Map<string, StatementSync>()
  return (sql) => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = former.get(sql) ?? raw.prepare(sql)
    if (statements.size >= GENERATION) {
      former = statements
      statements = new Map()
    }
    statements.set(sql, statement)
    return statement
  }
}
