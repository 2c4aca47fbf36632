// All repos looked at in passing: those whose source lost events, and those made for other collections.

import type { Did } from '@avocet/syntax'
import type { RepoFact, RepoPolicy } from './facts.ts'
import { isConfirmedSince } from './machine-rules.ts'
import { pause } from './pause.ts'
import type { RepoState, RepoStateStore } from './state.ts'
import type { Timers } from './options.ts'

/** What a sweep needs. */
export type SweepOptions = {
  readonly state: Pick<RepoStateStore<never>, 'find'>
  readonly policy: RepoPolicy
  /** When the source that a repo was last seen in last lost events. */
  readonly gapAt: (source: string | null) => number | null
  readonly tell: (did: Did, fact: RepoFact) => Promise<void>
  /** Hosts can be asked about the status of their accounts. */
  readonly canAsk: boolean
  readonly now: () => number
  readonly timers: Timers
  readonly signal: AbortSignal
}

const PAGE = 500
/** Between two pages, so that a table of millions does not take the thread. */
const PAUSE_MS = 20
/** The questions of one sweep about statuses lie so far apart: what relays say meanwhile is not asked behind a million of them. */
const ASK_EVERY_MS = 10

/** Makes the function that goes through all repos once. `settled`: the lists were read since the gaps: who is left is asked. */
export function createSweep(options: SweepOptions): (settled: boolean) => Promise<void> {
  const { state, policy, gapAt, tell, canAsk, now, signal } = options

  const concerns = (repo: RepoState, gap: number | null): boolean =>
    repo.filter !== policy.filter ||
    (repo.status === 'unconfirmed' && repo.rev === null) ||
    ((repo.status === 'synchronized' || repo.status === 'unconfirmed') &&
      gap !== null &&
      !isConfirmedSince(repo, gap))

  /** It is back or deleted, for all that is known: nobody checks the head of an account that is not active, and a relay's list is no proof. */
  const isForgotten = (repo: RepoState, gap: number | null): boolean =>
    repo.upstreamStatus !== 'active' &&
    repo.upstreamStatus !== 'deleted' &&
    repo.hearsay === null &&
    gap !== null &&
    !isConfirmedSince(repo, gap)

  return async (settled) => {
    let askAt = now()
    for (let after: Did | null = null; !signal.aborted;) {
      const page: RepoState[] = await state.find({ after }, PAGE)
      for (const repo of page) {
        const gap = gapAt(repo.lastSource)
        if (settled && canAsk && isForgotten(repo, gap)) {
          // The least that a host without the account may agree with.
          await tell(repo.did, { kind: 'hearsay', status: 'deleted', askAt })
          askAt += ASK_EVERY_MS
        }
        if (concerns(repo, gap)) await tell(repo.did, { kind: 'visited', gapAt: gap, settled })
      }
      if (page.length < PAGE) return
      after = page.at(-1)!.did
      await pause(PAUSE_MS, signal, options.timers)
    }
  }
}
