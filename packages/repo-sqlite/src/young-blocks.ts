import { cidFromDigest, CidMap } from '@avocet/data'
import type { Database } from '@avocet/sqlite'

import { blockIds } from './block-ids.ts'

/** Where the newest blocks of a repository are: those that the index on the disk does not have. */
export interface Young {
  /** Ids from this one on are not in the index. */
  placed: number
  /** The highest id given out. */
  last: number
  readonly ids: CidMap<number>
}

/** What is known in memory of the newest blocks of the repositories written to last. */
export interface YoungBlocks {
  /** Those of a repository; reads their rows if they are not known. What the caller's transaction does is to be noted in them. */
  of(repo: number): Young
  /** The same, or undefined when they are not known. */
  known(repo: number): Young | undefined
  /** Forgets a repository that is gone: another may get its number. */
  forget(repo: number): void
}

/** Entries kept, of all repositories together: a quarter of a kilobyte each. */
const MAX_ENTRIES = 32_768

/**
 * Kept in step with the rows by whoever changes them. What was kept is dropped when a transaction was rolled back, since it may
 * tell of what was undone, and when another connection has written.
 */
export function createYoungBlocks(db: Database): YoungBlocks {
  /** The latest asked for is the last; with the number of entries it had then. */
  const all = new Map<number, { readonly young: Young; readonly counted: number }>()
  let entries = 0
  let rollbacks = db.rollbacks()
  let version = -1

  const check = (): void => {
    const seen = db.prepare('PRAGMA data_version').get()!['data_version'] as number
    if (version === seen && rollbacks === db.rollbacks()) return
    all.clear()
    entries = 0
    version = seen
    rollbacks = db.rollbacks()
  }

  const take = (repo: number): Young | undefined => {
    const kept = all.get(repo)
    if (kept === undefined) return undefined
    all.delete(repo)
    entries -= kept.counted
    return kept.young
  }

  const load = (repo: number): Young => {
    const { first, end } = blockIds(repo)
    const row = db.prepare('SELECT placed FROM repo WHERE id = ?').get(repo)
    const placed = Math.max(first, (row?.['placed'] as number | undefined) ?? first)
    const ids = new CidMap<number>()
    let last = placed - 1
    const rows = db.prepare('SELECT id, digest FROM repo_block WHERE id >= ? AND id < ? ORDER BY id')
    for (const { id, digest } of rows.iterate(placed, end)) {
      last = id as number
      ids.set(cidFromDigest('dag-cbor', digest as Uint8Array), last)
    }
    return { placed, last, ids }
  }

  return {
    of: (repo) => {
      check()
      const young = take(repo) ?? load(repo)
      for (const oldest of all.keys()) {
        if (entries < MAX_ENTRIES) break
        take(oldest)
      }
      const counted = young.ids.size
      all.set(repo, { young, counted })
      entries += counted
      return young
    },
    known: (repo) => {
      check()
      return all.get(repo)?.young
    },
    forget: (repo) => void take(repo),
  }
}
