import { type CID, cidEquals } from '@avocet/data'
import type { CommitData, StoredHead } from './types.ts'

/** How many repositories' heads are kept. */
const MOST = 10_000

/** Heads that this process made, as far as it knows; `Id` is what a store calls a repository. */
export interface RecentHeads<Id> {
  /** After a commit, which a store has applied. */
  remember(commit: CommitData, id: Id): void
  forget(did: string): void
  /** Null unless this process made the commit before, too. */
  recent(did: string): { readonly id: Id; readonly head: StoredHead } | null
}

/**
 * Where writers come to one process, or stay with one, the next commit follows one of its own, and need not be preceded by a read. Where
 * they go around among several, two in a row by the same are rare, and few commits are built in vain.
 */
export function createRecentHeads<Id>(): RecentHeads<Id> {
  const known = new Map<string, { id: Id; head: StoredHead; follows: boolean }>()
  return {
    remember({ did, rev, data, commit, prevCommit }, id) {
      const before: CID | undefined = known.get(did)?.head.commit
      const follows = before !== undefined && prevCommit !== null && cidEquals(before, prevCommit)
      // The one written last is the last in the map.
      known.delete(did)
      known.set(did, { id, head: { did, rev, data, commit, status: 'active' }, follows })
      if (known.size > MOST) known.delete(known.keys().next().value!)
    },
    forget: (did) => void known.delete(did),
    recent(did) {
      const entry = known.get(did)
      return entry?.follows === true ? entry : null
    },
  }
}
