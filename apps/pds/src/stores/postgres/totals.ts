import type { Queryable } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import type { Totals } from '../rows.ts'

/** Sums over `db`. */
export function openTotals(db: Queryable): Totals {
  return {
    accounts: async () => Number((await db.query('SELECT count(*) AS n FROM account'))[0]!['n']),
    blobs: async (most) => {
      const [all] = await db.query('SELECT coalesce(sum(size), 0) AS bytes, count(*) AS n FROM blob')
      const rows = await db.query(
        'SELECT did, sum(size) AS bytes FROM blob GROUP BY did ORDER BY 2 DESC, did LIMIT $1',
        [most],
      )
      return {
        bytes: Number(all!['bytes']),
        count: Number(all!['n']),
        largest: rows.map((row) => ({ did: row['did'] as Did, bytes: Number(row['bytes']) })),
      }
    },
  }
}
