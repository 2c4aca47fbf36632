import { RepoError } from '@avocet/repo'
import { createWriteQueue, type Database } from '@avocet/sqlite'
import type { Did, Tid } from '@avocet/syntax'

import type { Outcome, Replacement, StagedRecord, Staging } from '../change.ts'
import { refuseStatus, type Refusal } from '../refusals.ts'
import { referFrom } from './blob-index.ts'
import { addLink, insertRow } from './record-index.ts'
import type { RecordSets } from './record-sets.ts'
import type { SqliteRepoStore } from '@avocet/repo-sqlite'
import type { NewEvent } from '@avocet/sequencer'

/** What staging writes to. */
export interface StagingTables {
  readonly db: Database
  readonly repos: SqliteRepoStore
  readonly sets: RecordSets
  append(events: readonly NewEvent[]): number[]
}

/** Records that nobody sees until the repository is put in place. */
export interface SqliteStaging extends Staging {
  /** @param alongside joins the transaction, for an account that is made with its repository: synchronous, last */
  adopt(replacement: Replacement, alongside?: () => void): Promise<Outcome>
}

/** Staging under way in this process. */
export interface Stagings {
  begin(did: Did): Promise<SqliteStaging>
  /** Gives up the sets that none of them is filling. */
  discardOthers(): Promise<void>
}

/** Stagings on `db`. */
export function createStagings(tables: StagingTables): Stagings {
  const { db, sets } = tables
  const filling = new Set<number>()
  return {
    begin: async (did) => {
      // Known from the moment it can be seen, which is before it is durable.
      let set: number | null = null
      const forget = (): void => void (set !== null && filling.delete(set))
      try {
        await db.write(() => {
          forget()
          filling.add((set = sets.stage(did)))
        })
      } catch (error) {
        forget()
        throw error
      }
      return stagingInto(tables, did, set!, forget)
    },
    discardOthers: async () => {
      const left = sets.staged().filter((id) => !filling.has(id))
      if (left.length > 0) await db.write(() => left.forEach((id) => sets.discard(id)))
    },
  }
}

function stagingInto(tables: StagingTables, did: Did, set: number, ended: () => void): SqliteStaging {
  const { db, repos, sets } = tables
  const rows = createWriteQueue(db)
  let open = true

  const swap = ({ onlyWhile, events, status }: Replacement, hadRepo: boolean): number[] => {
    // What was there passed its status on; where nothing was, it is active.
    const now = hadRepo ? repos.open.getHead(did)!.status : status
    const refusal = onlyWhile === undefined ? null : refuseStatus(now, did, onlyWhile)
    if (refusal !== null) throw new Refused(refusal)
    if (!hadRepo && status !== 'active') repos.open.setStatus(did, status)
    sets.adopt(did, set)
    return now === 'active' ? tables.append(events) : []
  }

  return {
    add: (rev, records) => rows.add(() => stageRecords(db, did, set, rev, records)),
    adopt: async (replacement, alongside) => {
      const { head, blocks } = replacement
      let seqs: readonly number[] = []
      const before = await repos.getHead(did)
      try {
        // The blocks are read to their end before the transaction, and records come with them.
        await repos.replace(head, blocks, () => {
          seqs = swap(replacement, before !== null)
          alongside?.()
        })
      } catch (error) {
        if (error instanceof Refused) return error.refusal
        throw error
      }
      open = false
      ended()
      void sets.sweep()
      return { status: 'applied', seqs, orphans: [] } satisfies Outcome
    },
    discard: async () => {
      if (!open) return
      open = false
      // What is queued still comes before the set is given up.
      await db.write(() => sets.discard(set)).finally(ended)
      void sets.sweep()
    },
  }
}

/** Undoes a transaction. */
class Refused extends RepoError {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super('inactive-repo', refusal.message)
    this.refusal = refusal
  }
}

/** Writes the rows of imported records into a set that has none of them; in the transaction of the caller. */
function stageRecords(db: Database, did: Did, set: number, rev: Tid, records: readonly StagedRecord[]): void {
  const now = new Date().toISOString()
  const insert = insertRow(db)
  const link = addLink(db)
  for (const { collection, rkey, cid, links, blobs, rev: own = rev } of records) {
    insert.run(set, collection, rkey, cid, own, now)
    for (const target of links) link.run(set, target, collection, rkey)
    referFrom(db, set, { did, collection, rkey, rev: own }, blobs)
  }
}
