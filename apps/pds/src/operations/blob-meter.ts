import { setImmediate as turn } from 'node:timers/promises'

import type { Database } from '@avocet/sqlite'

const EVERY_MS = 10 * 60 * 1000
const ROWS = 2000

/**
 * Tells the bytes of all blobs, summed up again when the last sum is older than ten minutes: in slices, aside, so that a
 * million rows hold up nobody. The first look waits for its sum.
 */
export function createBlobMeter(
  db: Database,
  now: () => number = () => performance.now(),
): () => Promise<number> {
  let known: number | null = null
  let since = Number.NEGATIVE_INFINITY
  let running: Promise<number> | null = null

  const sum = async (): Promise<number> => {
    let [total, did, cid] = [0, '', '']
    for (;;) {
      const rows = db
        .prepare('SELECT did, cid, size FROM blob WHERE (did, cid) > (?, ?) ORDER BY did, cid LIMIT ?')
        .all(did, cid, ROWS)
      for (const row of rows) total += row['size'] as number
      if (rows.length < ROWS) return total
      const last = rows.at(-1)!
      did = last['did'] as string
      cid = last['cid'] as string
      await turn()
    }
  }

  const measure = async (): Promise<number> => {
    try {
      known = await sum()
      since = now()
      return known
    } finally {
      running = null
    }
  }

  return () => {
    if (now() - since < EVERY_MS && known !== null) return Promise.resolve(known)
    running ??= measure()
    if (known === null) return running
    // A sum that fails is asked for again at the next look.
    running.catch(() => {})
    return Promise.resolve(known)
  }
}
