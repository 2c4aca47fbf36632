import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** The prepared statements of a handle, by their SQL text. */
export interface Statements {
  /** Prepares a text once: the {@link GENERATION} statements used last are kept at least, twice as many at most. */
  readonly prepare: (sql: string) => StatementSync
  /** Forgets all. */
  readonly clear: () => void
}

/** Statements of one generation: when there are so many, those of the one before that nobody asked for since are dropped. */
const GENERATION = 256

/** An empty cache. */
export function createStatements(raw: DatabaseSync): Statements {
  let statements = new Map<string, StatementSync>()
  let former = new Map<string, StatementSync>()
  return {
    prepare(sql) {
      const known = statements.get(sql)
      if (known !== undefined) return known
      const statement = former.get(sql) ?? raw.prepare(sql)
      if (statements.size >= GENERATION) {
        former = statements
        statements = new Map()
      }
      statements.set(sql, statement)
      return statement
    },
    clear() {
      statements.clear()
      former.clear()
    },
  }
}
