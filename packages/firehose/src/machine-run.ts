// The part of the repo's machine that is about a resync under way.

import type { RepoPolicy, Transition } from './facts.ts'
import {
  above,
  backoff,
  doubt,
  dropped,
  type Fact,
  half,
  heard,
  isActive,
  isGone,
  later,
  newest,
  refiltered,
  settle,
  to,
  UNKNOWN_REV,
  wakeIf,
} from './machine-rules.ts'
import type { Priority, RepoState } from './state.ts'

/** A resync begins, if it is still wanted and due. */
export function begun(state: RepoState, policy: RepoPolicy, now: number): Transition {
  const doubtful = !policy.check && (state.status === 'suspect' || state.status === 'unconfirmed')
  if (!doubtful && state.status !== 'desynchronized' && state.status !== 'resyncing')
    return to(state, 'stale')
  if (state.nextTry === null || state.nextTry > now) return to(state, 'stale')
  if (!isActive(state) && !isAsked(state)) {
    // Nothing to be had of an inactive account; its reactivation asks again.
    return to({ ...half(state), status: 'desynchronized', phase: null, lost: null, nextTry: null }, 'stale')
  }
  // `nextTry` stays: should the process die, the repo is found due again.
  const run = { status: 'resyncing', epoch: state.epoch + 1, triedAt: now } as const
  if (state.phase === 'draining') return to({ ...state, ...run })
  return to({ ...half(state), ...run, phase: 'reading', lost: null })
}

/** An operator may know better, and what the app refused may have been that the account is active again. */
const isAsked = ({ reason, localStatus }: RepoState): boolean =>
  reason === 'requested' || (reason === 'app-failed' && localStatus === 'active')

/** A part of a copy is applied, unless its resync ended meanwhile. */
export function part(state: RepoState, fact: Fact<'part'>, policy: RepoPolicy): Transition {
  if (state.status !== 'resyncing' || state.epoch !== fact.epoch) return to(state, 'stale')
  const { rev, data, own } = fact
  const least = newest(state.rev, state.floor)
  if (least !== null && rev < least) return to(state, 'stale')
  if (!fact.last) {
    if (state.phase === 'applying') return to(state)
    // The app has something of it from now on, also when this ends here.
    return to({ ...state, phase: 'applying', floor: newest(state.floor, rev) })
  }
  // The copy was taken after the resync began; how long after nobody knows. A mirror's says nothing of the account.
  const confirmedAt = own ? later(state.confirmedAt, state.triedAt ?? 0) : state.confirmedAt
  const unreached = above(state.claimed, rev)
  // Its host gives it, so the account is not what it is said to be here: that is to be asked for.
  const isContradicted = own && state.upstreamStatus !== 'active'
  const claimed = isContradicted ? UNKNOWN_REV : own ? null : unreached
  // Only a list said so, and the copy has what it told of.
  const lost = state.lost === 'behind' && unreached === null ? null : state.lost
  const floor = above(state.floor, rev)
  const { filter = policy.filter } = fact
  const whole = { flags: [], partialSince: null, filter, confirmedAt } as const
  return to({ ...state, ...whole, rev, data, claimed, lost, floor, phase: 'draining' })
}

/** Read, and the queue worked off. */
export function drained(state: RepoState, epoch: number, policy: RepoPolicy, now: number): Transition {
  if (state.status !== 'resyncing' || state.epoch !== epoch) return to(state, 'stale')
  const { lost } = state
  const reason = state.upstreamStatus === 'active' ? null : 'account-inactive'
  const settled = settle({ ...state, reason }, policy, now)
  // Its last part was applied by a run with other collections, which ended before its queue was worked off.
  if (settled.filter !== policy.filter) {
    return refiltered(lost === null ? settled : { ...settled, claimed: UNKNOWN_REV }, policy, now)
  }
  if (lost === null) return to(settled, ...wakeIf(settled))
  const step = doubt(settled, lost, null, policy, now)
  return to(step.state, ...wakeIf(settled), ...step.effects)
}

/** A resync failed. */
export function failed(state: RepoState, fact: Fact<'failed'>, policy: RepoPolicy, now: number): Transition {
  if (state.status !== 'resyncing' || state.epoch !== fact.epoch) return to(state, 'stale')
  const attempts = state.attempts + 1
  const nextTry = fact.terminal ? null : now + backoff({ ...fact, attempts }, policy)
  const status = fact.terminal ? 'terminal' : 'desynchronized'
  const { reason } = fact
  const left = { ...dropped(state, fact.queued), priority: missed(state) }
  const after: RepoState = { ...left, status, reason, nextTry, attempts }
  const { upstreamStatus } = after
  // With the answer, so that a process which ends now leaves the question to the next.
  const isOpen = upstreamStatus === 'active' || (upstreamStatus !== 'deleted' && isGone(after))
  if (!fact.terminal || !fact.canAsk || !isOpen) return to(after, 'drop-queue')
  const word = isGone(after) ? 'deleted' : 'active'
  return to({ ...after, hearsay: heard(after, word, now) }, 'drop-queue')
}

/** A resync was put off by its host; nothing happened. */
export function postponed(state: RepoState, fact: Fact<'postponed'>): Transition {
  if (state.status !== 'resyncing' || state.epoch !== fact.epoch) return to(state, 'stale')
  const left = { ...dropped(state, fact.queued), priority: missed(state) }
  return to({ ...left, status: 'desynchronized', nextTry: fact.until }, 'drop-queue')
}

/** A doubt alone waits behind all else. Of a repo that was followed events go by from now on: that is a gap in it. */
const missed = ({ priority, rev, floor }: RepoState): Priority =>
  priority === 4 && (rev !== null || floor !== null) ? 0 : priority
