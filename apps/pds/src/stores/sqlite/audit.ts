import type { Database } from '@avocet/sqlite'

import { toAuditRow, type AuditReads, type AuditRows } from '../audit-rows.ts'

/** Entries of the log, to read. Works on a handle that may only read. */
export function readAudit(db: Database): AuditReads {
  return {
    list: ({ did, since, before, limit }) =>
      db
        .prepare(
          `SELECT id, at, action, actor, did, address, error, detail FROM audit
           WHERE id < ?1 AND at >= ?2 ${did === undefined ? '' : 'AND did = ?4'} ORDER BY id DESC LIMIT ?3`,
        )
        .all(before ?? Number.MAX_SAFE_INTEGER, since ?? 0, limit, ...(did === undefined ? [] : [did]))
        .map(toAuditRow),
  }
}

/** Entries of the log in `db`, which must carry `OPERATION_MIGRATIONS`. */
export function openAudit(db: Database): AuditRows {
  const drop = (where: string, ...values: (string | number)[]): number =>
    Number(db.prepare(`DELETE FROM audit WHERE ${where}`).run(...values).changes)

  return {
    ...readAudit(db),
    add: async (at, { action, actor, did, address, error, attempt, detail }) => {
      await db.write(() =>
        db
          .prepare(
            `INSERT INTO audit (at, action, actor, did, address, error, attempt, detail)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          )
          .run(at, action, actor, did, address, error, attempt ? 1 : 0, JSON.stringify(detail)),
      )
    },
    prune: (now, bounds) =>
      db.write(() => {
        let removed = drop('at < ?', now - bounds.maxAgeMs)
        removed += drop(
          `attempt = 1 AND id <= (SELECT id FROM audit WHERE attempt = 1 ORDER BY id DESC LIMIT 1 OFFSET ?)`,
          bounds.attempts,
        )
        const byOperator = `attempt = 0 AND actor IN ('operator', 'command line')`
        removed += drop(
          `${byOperator} AND id <= (SELECT id FROM audit WHERE ${byOperator} ORDER BY id DESC LIMIT 1 OFFSET ?)`,
          bounds.operator,
        )
        const own = `did = ? AND attempt = 0 AND actor NOT IN ('operator', 'command line')`
        const loud = db
          .prepare('SELECT did FROM audit WHERE did IS NOT NULL GROUP BY did HAVING count(*) > ?')
          .all(bounds.perAccount)
        for (const row of loud) {
          const did = row['did'] as string
          removed += drop(
            `${own} AND id <= (SELECT id FROM audit WHERE ${own} ORDER BY id DESC LIMIT 1 OFFSET ?)`,
            did,
            did,
            bounds.perAccount,
          )
        }
        return removed
      }),
  }
}
