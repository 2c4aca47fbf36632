// Who is read before whom: a gap in a repo that is followed never waits behind repos that were only discovered.

import type { Did } from '@avocet/syntax'
import type { RepoState, ResyncRequest } from '../src/index.ts'
import type { App } from './app.ts'
import type { Network } from './network.ts'

/** Watches the order in which repos are read, over all processes of a simulation. */
export type QueueWatch = {
  /** A repo is about to be read. */
  begun(request: ResyncRequest): void
  /** Who was passed over, by whom; null: nobody. */
  readonly overtaken: { readonly did: Did; readonly what: string } | null
}

const BACKFILL: ReadonlySet<string> = new Set(['discovered', 'first-sighting', 'unseen', 'filter-changed'])
/** A lane may wait so long for an identity before its turn is used. */
const SLACK_MS = 45_000

/** Nobody was passed over yet. */
export function createQueueWatch(app: App, network: Network): QueueWatch {
  let overtaken: QueueWatch['overtaken'] = null

  /** Read last for the first time, or for another filter. */
  const backfilled = new Set<Did>()

  const isFirst = ({ reason }: RepoState): boolean => BACKFILL.has(reason ?? '')
  /** Also when it failed: then its reason is why. */
  const isBackfill = (repo: RepoState): boolean =>
    isFirst(repo) || (repo.attempts > 0 && backfilled.has(repo.did))
  const hasWaited = (repo: RepoState, since: number): boolean =>
    repo.status === 'desynchronized' &&
    repo.rev !== null &&
    !isBackfill(repo) &&
    repo.reason !== 'requested' &&
    repo.nextTry !== null &&
    repo.nextTry < since - SLACK_MS

  return {
    begun({ did, repo }) {
      const { triedAt } = repo
      if (isFirst(repo)) backfilled.add(did)
      else if (repo.attempts === 0) backfilled.delete(did)
      // While the directory is silent a lane may wait for longer than that.
      if (!isBackfill(repo) || triedAt === null || network.directory.wasSilent) return
      for (const other of app.state.repos.values()) {
        if (hasWaited(other, triedAt)) {
          overtaken ??= { did: other.did, what: `waited while ${did} was read; reason=${repo.reason}` }
        }
      }
    },
    get overtaken() {
      return overtaken
    },
  }
}
