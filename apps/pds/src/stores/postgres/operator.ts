import type { PostgresDatabase } from '@avocet/postgres'

import { operatorReads, OperatorRefused, operatorSteps, type OperatorRows } from '../operator-rows.ts'
import { operatorMigrations } from '../operator-schema.ts'

/** Versions of the tables of the operator's page. */
export const OPERATOR_MIGRATIONS: readonly string[] = operatorMigrations(
  { text: 'text COLLATE "C"', integer: 'bigint', end: '' },
  'bytea',
)

/** What guards the operator's page, in `db`, which must carry `OPERATOR_MIGRATIONS`. */
export function openOperatorRows(db: PostgresDatabase): OperatorRows {
  return {
    ...operatorReads(async (read, sql, ...values) => read(await db.query(sql, values))),
    apply: async (changes) => {
      try {
        await db.transaction(async (tx) => {
          for (const { sql, values, must } of changes.flatMap(operatorSteps)) {
            const rows = await tx.query(sql, values)
            if (must && rows.length === 0) throw new OperatorRefused()
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
