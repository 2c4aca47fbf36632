// Links of a database that an older version wrote, counted: a slice a transaction, so that the next start goes on after a crash.

import type { Database } from '@avocet/sqlite'
import { createLinkCounts, type LinkSource, MANY_LINKS } from '../index/link-counts.ts'

/** Links read in one transaction, those of sources that have many aside. */
const SLICE = 10_000

/** Counts what is left to be counted. @param onProgress told how many links were read, every so often */
export function countLinks(db: Database, onProgress: (links: number) => void = () => {}): void {
  let read = 0
  for (let slices = 1; ; slices++) {
    const found = db.transaction(() => countSlice(db))
    read += found
    if (found < SLICE) break
    if (slices % 100 === 0) onProgress(read)
  }
  if (read >= SLICE) onProgress(read)
}

/** @returns how many links were read; fewer than `SLICE`: it is through */
function countSlice(db: Database): number {
  const from = db.prepare('SELECT target, path, collection FROM link_counting').get() as
    | LinkSource
    | undefined
  if (from === undefined) return 0
  const rows = db
    .prepare(
      `SELECT target, path, collection FROM links WHERE (target, path, collection) > (?, ?, ?)
       ORDER BY target, path, collection LIMIT ?`,
    )
    .all(from.target, from.path, from.collection, SLICE) as LinkSource[]
  const counts = createLinkCounts(db)
  const isThrough = rows.length < SLICE
  let first = 0
  for (let i = 1; i <= rows.length; i++) {
    if (i < rows.length && isSame(rows[first]!, rows[i]!)) continue
    // The last one may go on in the next slice: one that has many is counted whole, another is read anew.
    if (i === rows.length && !isThrough && i - first < MANY_LINKS) break
    if (i - first >= MANY_LINKS) counts.countIfMany(rows[first]!)
    first = i
  }
  const last = rows[first - 1]
  if (isThrough) db.raw.exec('DELETE FROM link_counting')
  else {
    db.prepare('UPDATE link_counting SET target = ?, path = ?, collection = ?').run(
      last!.target,
      last!.path,
      last!.collection,
    )
  }
  return rows.length
}

function isSame(a: LinkSource, b: LinkSource): boolean {
  return a.path === b.path && a.collection === b.collection && Buffer.compare(a.target, b.target) === 0
}
