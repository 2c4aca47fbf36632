import type { NewHead, RepoStore } from '@avocet/repo'
import type { NewEvent } from '@avocet/sequencer'

import type { Replacement, Staging } from './change.ts'
import { RepoServerError } from './error.ts'
import type { RepoServerStore } from './store.ts'

/** What an import puts down of the head it made. */
interface Made {
  head?: NewHead
}

/**
 * The store that an import of `@avocet/repo` gets: what it would replace becomes a value for the staging, with the events that
 * its new head comes to.
 * @throws RepoServerError when the staging is refused
 */
export function replacing(
  { repos }: Pick<RepoServerStore, 'repos'>,
  staging: Staging,
  bounds: Pick<Replacement, 'onlyWhile' | 'status'>,
  eventsOf: (head: NewHead) => readonly NewEvent[],
): { store: RepoStore<Made>; alongside: (made: Made, head: NewHead) => void } {
  const replace: RepoStore<Made>['replace'] = async (head, blocks, alongside) => {
    const made: Made = {}
    await alongside?.(made)
    const outcome = await staging.adopt({ ...bounds, head, blocks, events: eventsOf(made.head!) })
    if (outcome.status === 'refused') throw new RepoServerError(outcome.code, outcome.message)
  }
  const store: RepoStore<Made> = {
    getHead: (did) => repos.getHead(did),
    getBlocks: (did, cids, since) => repos.getBlocks(did, cids, since),
    snapshot: (did) => repos.snapshot(did),
    apply: () => Promise.reject(new TypeError('an import makes no commit on another')),
    replace,
  }
  return { store, alongside: (made, head) => void (made.head = head) }
}
