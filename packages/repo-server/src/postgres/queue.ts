// Commits of several repositories share a transaction: its way to the disk, and to the server and back, is taken once for all of them.

import { wasRolledBack, type PostgresDatabase } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import type { CommitChange, Outcome } from '../change.ts'
import { commitAllTo, commitTo, type Committed } from './commit.ts'
import type { Tables } from './tables.ts'

/** Transactions under way at a time: while one is on its way to the disk another is at work. */
const AT_ONCE = 2
/** Commits in one transaction. More would let the first of them wait for the last longer than they save. */
const MOST_COMMITS = 16
/** Bytes in one transaction, or as many as the first commit has. */
const MOST_BYTES = 256 * 1024

/** Commits on their way to the database, in the order they came. */
export interface CommitQueue {
  /** Resolves when the commit is durable, or was not applied. It claims no blobs. */
  apply(change: CommitChange): Promise<Outcome>
}

interface Waiting {
  readonly change: CommitChange
  readonly bytes: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * A queue in front of `db`. What comes while the transactions under way are on their way waits, and goes with the next; nothing waits for
 * others to come. One commit never fails another: what is stale, refused or held up by another process is told apart, and
 * where the server refuses the statement each is tried alone.
 */
export function createCommitQueue(db: PostgresDatabase, tables: Tables): CommitQueue {
  let waiting: Waiting[] = []
  /** Repositories in a transaction under way: their next commit waits for it here, not in the database. */
  const writing = new Set<Did>()
  let running = 0
  let isDue = false

  const finish = ({ resolve }: Waiting, { outcome, done }: Committed): void => {
    done()
    resolve(outcome)
  }
  const applyAlone = async (item: Waiting): Promise<void> => {
    try {
      finish(item, await commitTo(tables, db, item.change))
    } catch (error) {
      item.reject(error)
    }
  }
  const applyAll = async (items: readonly Waiting[]): Promise<void> => {
    let results: readonly (Committed | null)[]
    try {
      results = await commitAllTo(
        tables,
        db,
        items.map(({ change }) => change),
      )
    } catch (error) {
      // Without an answer nobody knows whether they were applied.
      if (items.length > 1 && wasRolledBack(error)) await Promise.all(items.map((item) => applyAlone(item)))
      else for (const item of items) item.reject(error)
      return
    }
    const busy: Waiting[] = []
    for (const [i, item] of items.entries()) {
      const result = results[i]!
      if (result === null) busy.push(item)
      else finish(item, result)
    }
    // Whoever waits for another process holds up nobody here.
    for (const item of busy) void applyAlone(item)
  }

  /** The next to share a transaction: the first that waits, and those after it that fit. */
  const take = (): Waiting[] => {
    const taken: Waiting[] = []
    const left: Waiting[] = []
    const dids = new Set<Did>()
    let bytes = 0
    for (const item of waiting) {
      const { did } = item.change
      const fits =
        taken.length < MOST_COMMITS &&
        (taken.length === 0 || bytes + item.bytes <= MOST_BYTES) &&
        !writing.has(did) &&
        // Later ones of the same repository stay behind it.
        !dids.has(did)
      dids.add(did)
      if (!fits) left.push(item)
      else {
        taken.push(item)
        bytes += item.bytes
      }
    }
    waiting = left
    return taken
  }
  const send = (): void => {
    isDue = false
    while (running < AT_ONCE) {
      const items = take()
      if (items.length === 0) return
      for (const { change } of items) writing.add(change.did)
      running++
      void applyAll(items).finally(() => {
        running--
        for (const { change } of items) writing.delete(change.did)
        schedule()
      })
    }
  }
  const schedule = (): void => {
    if (isDue || waiting.length === 0 || running >= AT_ONCE) return
    isDue = true
    // What comes in the same turn of the event loop goes together.
    setImmediate(send)
  }

  return {
    apply: (change) =>
      new Promise((resolve, reject) => {
        waiting.push({ change, bytes: sizeOf(change), resolve, reject })
        schedule()
      }),
  }
}

function sizeOf({ commit }: CommitChange): number {
  let bytes = 0
  for (const block of commit.newBlocks.values()) bytes += block.length
  return bytes
}
