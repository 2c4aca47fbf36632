// Who is read before whom: a gap in a repo that is followed never waits behind repos that were only discovered.

import type { Did } from '@avocet/syntax'
import type { RepoState, ResyncRequest } from '../src/index.ts'
import type { App } from './app.ts'
import type { Clock } from './clock.ts'
import type { Network } from './network.ts'

/** Watches the order in which repos are read, over all processes of a simulation. */
export type QueueWatch = {
  /** A repo is about to be read. */
  begun(request: ResyncRequest): void
  /** It was read, or the read failed. */
  ended(did: Did): void
  /** A new process: nothing is being read. */
  restarted(): void
  /** Who was passed over, by whom; null: nobody. */
  readonly overtaken: { readonly did: Did; readonly what: string } | null
}

/** `listed` and `identity-changed`: it had been given up. */
const BACKFILL: ReadonlySet<string> = new Set([
  'discovered',
  'first-sighting',
  'unseen',
  'filter-changed',
  'listed',
  'identity-changed',
])
/** Why a read failed that is tried again. */
const FAILURES: ReadonlySet<string> = new Set([
  'app-failed',
  'fetch-failed',
  'invalid-repo',
  'rev-regression',
])
/** A lane may wait so long for an identity before its turn is used. */
const SLACK_MS = 45_000

/** Nobody was passed over yet. */
export function createQueueWatch(app: App, network: Network, clock: Clock): QueueWatch {
  let overtaken: QueueWatch['overtaken'] = null

  /** Read last for the first time, or for another filter. */
  const backfilled = new Set<Did>()
  /** Until when its own read held it up, ms since the epoch. */
  const heldUntil = new Map<Did, number>()

  const isFirst = ({ reason }: RepoState): boolean => BACKFILL.has(reason ?? '')
  /** Its reason is then why it failed. */
  const hasFailed = ({ did, reason, attempts }: RepoState): boolean =>
    backfilled.has(did) && attempts > 0 && FAILURES.has(reason ?? '')
  const hasWaited = (repo: RepoState, since: number): boolean =>
    repo.status === 'desynchronized' &&
    repo.rev !== null &&
    !isFirst(repo) &&
    !hasFailed(repo) &&
    repo.reason !== 'requested' &&
    repo.nextTry !== null &&
    Math.max(repo.nextTry, heldUntil.get(repo.did) ?? 0) < since - SLACK_MS

  return {
    begun({ did, repo }) {
      const { triedAt } = repo
      heldUntil.set(did, Infinity)
      if (isFirst(repo)) backfilled.add(did)
      else if (repo.attempts === 0) backfilled.delete(did)
      // While the directory is silent a lane may wait for longer than that.
      if (!isFirst(repo) || triedAt === null || network.directory.wasSilent) return
      for (const other of app.state.repos.values()) {
        if (hasWaited(other, triedAt)) {
          overtaken ??= { did: other.did, what: `waited while ${did} was read; reason=${repo.reason}` }
        }
      }
    },
    ended: (did) => void heldUntil.set(did, clock.now()),
    restarted: () => heldUntil.clear(),
    get overtaken() {
      return overtaken
    },
  }
}
