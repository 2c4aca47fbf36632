import type { PostgresDatabase, Queryable } from '@avocet/postgres'

import { toAuditRow, type AuditReads, type AuditRows } from '../audit-rows.ts'

/** Entries of the log, to read. */
export function readAudit(db: Queryable): AuditReads {
  return {
    list: async ({ did, since, before, limit }) => {
      const rows = await db.query(
        `SELECT id, at, action, actor, did, address, error, detail FROM audit
         WHERE id < $1 AND at >= $2 ${did === undefined ? '' : 'AND did = $4'} ORDER BY id DESC LIMIT $3`,
        [before ?? Number.MAX_SAFE_INTEGER, since ?? 0, limit, ...(did === undefined ? [] : [did])],
      )
      return rows.map(toAuditRow)
    },
  }
}

/** Entries of the log in `db`, which must carry `OPERATION_MIGRATIONS`. */
export function openAudit(db: PostgresDatabase): AuditRows {
  return {
    ...readAudit(db),
    add: async (at, { action, actor, did, address, error, attempt, detail }) => {
      await db.query(
        `INSERT INTO audit (at, action, actor, did, address, error, attempt, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [at, action, actor, did, address, error, attempt, JSON.stringify(detail)],
      )
    },
    prune: (now, bounds) =>
      db.transaction(async (tx) => {
        const drop = async (where: string, ...values: unknown[]): Promise<number> => {
          const [row] = await tx.query(
            `WITH gone AS (DELETE FROM audit WHERE ${where} RETURNING 1) SELECT count(*) AS n FROM gone`,
            values,
          )
          return Number(row!['n'])
        }
        /** All but the newest of those. */
        const beyond = (which: string): string =>
          `${which} AND id <= (SELECT id FROM audit WHERE ${which} ORDER BY id DESC LIMIT 1 OFFSET $1)`
        let removed = await drop('at < $1', now - bounds.maxAgeMs)
        removed += await drop(beyond('attempt'), bounds.attempts)
        removed += await drop(
          beyond(`NOT attempt AND actor IN ('operator', 'command line')`),
          bounds.operator,
        )
        const loud = await tx.query(
          'SELECT did FROM audit WHERE did IS NOT NULL GROUP BY did HAVING count(*) > $1',
          [bounds.perAccount],
        )
        const own = `did = $2 AND NOT attempt AND actor NOT IN ('operator', 'command line')`
        for (const row of loud) removed += await drop(beyond(own), bounds.perAccount, row['did'])
        return removed
      }),
  }
}
