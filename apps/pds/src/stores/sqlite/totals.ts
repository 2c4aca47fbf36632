import { setImmediate as turn } from 'node:timers/promises'

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { Totals } from '../rows.ts'

/** Rows looked at between two turns of the event loop. */
const SLICE = 2000

/** Sums over `db`, in slices, so that a million rows hold up nobody. */
export function openTotals(db: Database): Totals {
  return {
    accounts: async () => {
      let [total, after] = [0, '']
      for (;;) {
        const { n, last } = db
          .prepare(
            'SELECT count(*) AS n, max(did) AS last FROM (SELECT did FROM account WHERE did > ? ORDER BY did LIMIT ?)',
          )
          .get(after, SLICE) as { n: number; last: string | null }
        total += n
        if (n < SLICE) return total
        after = last!
        await turn()
      }
    },
    blobs: async (most) => {
      let [bytes, count, did, cid, own] = [0, 0, '', '', 0]
      let largest: { did: Did; bytes: number }[] = []
      const note = (): void => {
        if (own === 0 || (largest.length === most && own <= largest.at(-1)!.bytes)) return
        largest = [...largest, { did: did as Did, bytes: own }]
          .toSorted((one, other) => other.bytes - one.bytes)
          .slice(0, most)
      }
      for (;;) {
        const rows = db
          .prepare('SELECT did, cid, size FROM blob WHERE (did, cid) > (?, ?) ORDER BY did, cid LIMIT ?')
          .all(did, cid, SLICE)
        for (const row of rows) {
          if (row['did'] !== did) {
            note()
            did = row['did'] as string
            own = 0
          }
          cid = row['cid'] as string
          own += row['size'] as number
          bytes += row['size'] as number
        }
        count += rows.length
        if (rows.length < SLICE) {
          note()
          return { bytes, count, largest }
        }
        await turn()
      }
    },
  }
}
