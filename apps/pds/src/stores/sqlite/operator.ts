import type { Database } from '@avocet/sqlite'

import { operatorReads, OperatorRefused, operatorSteps, type OperatorRows } from '../operator-rows.ts'
import { operatorMigrations } from '../operator-schema.ts'

/** Versions of the tables of the operator's page. */
export const OPERATOR_MIGRATIONS: readonly string[] = operatorMigrations(
  { text: 'TEXT', integer: 'INTEGER', end: ' STRICT' },
  'BLOB',
)

const named = (sql: string): string => sql.replaceAll('$', '?')

/** What guards the operator's page, in `db`, which must carry `OPERATOR_MIGRATIONS`. */
export function openOperatorRows(db: Database): OperatorRows {
  return {
    ...operatorReads((read, sql, ...values) => read(db.prepare(named(sql)).all(...values))),
    apply: async (changes) => {
      try {
        await db.write(() => {
          for (const { sql, values, must } of changes.flatMap(operatorSteps)) {
            const row = db.prepare(named(sql)).get(...values)
            if (must && row === undefined) throw new OperatorRefused()
          }
        })
        return true
      } catch (error) {
        if (error instanceof OperatorRefused) return false
        throw error
      }
    },
  }
}
