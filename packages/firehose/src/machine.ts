// The state of a repo as a pure machine: `next(state, fact, policy, now)`. Nothing else changes it.
// Spec: https://atproto.com/specs/sync, https://atproto.com/specs/account#hosting-status

import type { Tid } from '@avocet/syntax'
import { newRepo, type RepoFact, type RepoPolicy, type Transition } from './facts.ts'
import {
  above,
  backoff,
  doubt,
  dropped,
  due,
  ENDED,
  type Fact,
  heard,
  isActive,
  isConfirmedSince,
  known,
  later,
  newest,
  pauseAfter,
  refiltered,
  settle,
  to,
  UNKNOWN_REV,
} from './machine-rules.ts'
import { begun, drained, failed, part, postponed } from './machine-run.ts'
import type { Hearsay, Priority, RepoFlag, RepoState } from './state.ts'

/**
 * What becomes of a repo when something happens. Total: every fact is answered in every state.
 *
 * Invariants: `synchronized` says that the app's rows are the head's and that no newer rev is known of; a resync that ended
 * (its epoch is past, or the status is no longer `resyncing`) changes nothing; a head never goes back below what is proved.
 */
export function next(state: RepoState, fact: RepoFact, policy: RepoPolicy, now: number): Transition {
  switch (fact.kind) {
    case 'accepted':
      return accepted(state, fact, policy, now)
    case 'broken':
      return broken(state, fact.reason, fact.rev, policy, now)
    case 'app-failed':
      return appFailed(state, fact, policy, now)
    case 'doubted':
      return doubted(state, fact, policy, now)
    case 'account':
      return account(state, fact, policy, now)
    case 'hearsay':
      return hearsay(state, fact)
    case 'known':
      return to(state.hearsay === null ? state : { ...state, hearsay: null })
    case 'unheard':
      return unheard(state, fact, policy, now)
    case 'unasked':
      return to(reheard(state, (open) => ({ ...open, askAt: fact.until })))
    case 'local':
      return statusChanged(state, { ...state, localStatus: fact.status }, policy, now)
    case 'identity':
      return identity(state, policy, now)
    case 'requested':
      return requested(state, fact, policy, now)
    case 'listed':
      return listed(state, fact, policy, now)
    case 'checked':
      return checked(state, fact, policy, now)
    case 'check-failed':
      return checkFailed(state, fact, policy, now)
    case 'visited':
      return visited(state, fact, policy, now)
    case 'begun':
      return begun(state, policy, now)
    case 'part':
      return part(state, fact, policy)
    case 'drained':
      return drained(state, fact.epoch, policy, now)
    case 'failed':
      return failed(state, fact, policy, now)
    case 'postponed':
      return postponed(state, fact)
    default:
      return fact satisfies never
  }
}

/**
 * What to do with an event before it is judged: `queue` while the repo is read, `ignore` while it waits for that. A `#sync`
 * is judged while the repo waits, since it may show that nothing is missing.
 */
export function route(state: RepoState | null, kind: 'commit' | 'sync', policy: RepoPolicy): Route {
  if (state === null || !policy.resync) return 'judge'
  if (state.status === 'resyncing') return 'queue'
  return state.status === 'desynchronized' && kind === 'commit' ? 'ignore' : 'judge'
}

/** See {@link route}. */
export type Route = 'judge' | 'queue' | 'ignore'

const FLAGS: ReadonlySet<string> = new Set<RepoFlag>(['first-sighting', 'gap', 'legacy'])

function accepted(state: RepoState, fact: Fact<'accepted'>, policy: RepoPolicy, now: number): Transition {
  const { rev, data } = fact
  const flags = fact.flags.filter((flag): flag is RepoFlag => FLAGS.has(flag))
  const followed: RepoState = {
    ...state,
    rev,
    data,
    confirmedAt: later(state.confirmedAt, fact.at),
    ...(flags.length === 0 ? {} : { flags: [...new Set([...state.flags, ...flags])], partialSince: rev }),
  }
  if (state.status === 'resyncing') return to({ ...followed, ...known(followed) })
  // Signed and newer was something else: this cannot be all.
  if (state.floor !== null && state.floor > rev && !flags.includes('gap')) {
    return to(policy.resync ? state : followed)
  }
  // A signed head after the return says what happened meanwhile: nothing.
  const returned = fact.sync === true && state.reason === 'reactivated' && state.claimed === UNKNOWN_REV
  const settled = settle(returned ? { ...followed, claimed: null } : followed, policy, now)
  if (settled.filter !== policy.filter) return refiltered(settled, policy, now)
  const history = settled.flags.includes('first-sighting') && policy.firstSighting === 'resync'
  if (!history || !policy.resync) return to(settled)
  return due({ ...settled, status: 'desynchronized', reason: 'first-sighting' }, 2, policy, now)
}

function broken(
  state: RepoState,
  reason: string,
  rev: Tid | null,
  policy: RepoPolicy,
  now: number,
): Transition {
  const ended = state.status === 'resyncing' ? dropped(state) : state
  const floor = above(newest(ended.floor, rev), ended.rev)
  const lost: RepoState = { ...ended, status: 'desynchronized', reason, floor }
  const priority = state.rev === null ? 2 : 0
  const { state: after, effects } = due(lost, priority, policy, now)
  return to(after, ...effects, ...(state.status === 'resyncing' ? ENDED : []))
}

/** Without a rev it was about the account: nothing but its own host knows better. */
function appFailed(
  state: RepoState,
  { rev, said }: Fact<'app-failed'>,
  policy: RepoPolicy,
  now: number,
): Transition {
  if (rev !== null) return broken(state, 'app-failed', rev, policy, now)
  // It may have been that the account is active again: of one that is not, nothing else would be asked.
  const { upstreamStatus } = state
  const open = said === null ? state : hearsay(state, { kind: 'hearsay', status: said, askAt: now }).state
  const unknown = { ...open, claimed: UNKNOWN_REV, upstreamStatus: 'active' }
  const step = broken(unknown, 'app-failed', rev, policy, now)
  return { ...step, state: { ...step.state, upstreamStatus } }
}

function doubted(state: RepoState, fact: Fact<'doubted'>, policy: RepoPolicy, now: number): Transition {
  const claimed = above(newest(state.claimed, fact.claimed ?? UNKNOWN_REV), state.rev)
  switch (state.status) {
    case 'resyncing':
      return to({ ...state, claimed, lost: fact.reason })
    case 'desynchronized':
    case 'terminal':
      return to({ ...state, claimed })
    default:
      return doubt({ ...state, claimed }, fact.reason, fact.retryAt, policy, now)
  }
}

function account(before: RepoState, fact: Fact<'account'>, policy: RepoPolicy, now: number): Transition {
  const upstreamStatus = fact.status
  const state: RepoState = before.hearsay === null ? before : { ...before, hearsay: null }
  if (upstreamStatus !== 'deleted') {
    // That it is active says nothing of its head.
    const at = upstreamStatus === 'active' ? null : fact.at
    const confirmedAt = at === null ? state.confirmedAt : later(state.confirmedAt, at)
    return statusChanged(state, { ...state, upstreamStatus, confirmedAt }, policy, now)
  }
  // Purged: what is left says only that it is gone. The epoch stays, so that no resync that runs can bring it back.
  const { did, epoch, localStatus, lastSource, lastSeq, triedAt } = state
  const gone = { ...newRepo(did, policy.filter), epoch, localStatus, lastSource, lastSeq, triedAt }
  const purged = { upstreamStatus, status: 'synchronized', reason: null, confirmedAt: now } as const
  return to({ ...gone, ...purged }, 'end-run', 'drop-queue')
}

function hearsay(state: RepoState, { status, askAt }: Fact<'hearsay'>): Transition {
  return to({ ...state, hearsay: heard(state, status, askAt) })
}

function unheard(state: RepoState, fact: Fact<'unheard'>, policy: RepoPolicy, now: number): Transition {
  return to(
    reheard(state, (open) => {
      const tries = open.tries + 1
      const gone = fact.gone ? open.gone + 1 : 0
      return { ...open, tries, gone, askAt: now + backoff({ ...fact, attempts: tries }, policy) }
    }),
  )
}

const reheard = (state: RepoState, change: (open: Hearsay) => Hearsay): RepoState =>
  state.hearsay === null ? state : { ...state, hearsay: change(state.hearsay) }

function statusChanged(before: RepoState, after: RepoState, policy: RepoPolicy, now: number): Transition {
  const was = isActive(before)
  if (!isActive(after)) {
    if (before.status === 'resyncing') {
      const ended = { ...dropped(after), nextTry: null }
      return to({ ...ended, status: 'desynchronized', reason: 'account-inactive' }, ...ENDED)
    }
    return to({ ...after, nextTry: null })
  }
  if (was && before.status !== 'terminal') return to(after)
  // What happened meanwhile was not looked at; that it was inactive says nothing of its head.
  const returned: RepoState = { ...after, confirmedAt: null }
  if (before.rev === null && !policy.resync) return to(returned)
  const ended = before.status === 'resyncing' ? dropped(returned) : returned
  const claimed = before.rev === null ? ended.claimed : UNKNOWN_REV
  const back: RepoState = { ...ended, claimed, status: 'desynchronized', reason: 'reactivated' }
  const step = due(back, before.rev === null ? 2 : 0, policy, now)
  const effects = [...step.effects, ...(before.status === 'resyncing' ? ENDED : [])]
  const { state } = step
  const { nextTry } = state
  if (nextTry === null) return to(state, ...effects)
  return to({ ...state, nextTry: Math.max(nextTry, now + policy.reactivationMs) }, ...effects)
}

function identity(state: RepoState, policy: RepoPolicy, now: number): Transition {
  if (!isActive(state)) return to(state)
  if (state.status === 'terminal') {
    return due({ ...state, status: 'desynchronized', reason: 'identity-changed' }, 2, policy, now)
  }
  if (state.status !== 'suspect' || state.nextTry === null) return to(state)
  // A new key or host may be what the refused event needed.
  const soon = Math.max(now, state.triedAt === null ? 0 : state.triedAt + policy.intervalMs)
  return to({ ...state, nextTry: Math.min(state.nextTry, soon) }, 'wake')
}

function requested(state: RepoState, fact: Fact<'requested'>, policy: RepoPolicy, now: number): Transition {
  const claimed = above(newest(state.claimed, fact.claimed), state.rev)
  if (state.status === 'resyncing') return to({ ...state, claimed, lost: fact.reason })
  const byHand = fact.reason === 'requested'
  const priority: Priority = byHand ? 1 : fact.reason === 'discovered' ? 3 : 0
  const waiting = state.status === 'desynchronized' && state.nextTry !== null
  const asked: RepoState = {
    ...state,
    claimed,
    status: 'desynchronized',
    reason: fact.reason,
    nextTry: byHand || !waiting ? now : state.nextTry,
    priority: waiting && state.priority < priority ? state.priority : priority,
  }
  if (!policy.resync) return to({ ...asked, nextTry: null })
  return to(asked, 'wake')
}

function listed(state: RepoState, fact: Fact<'listed'>, policy: RepoPolicy, now: number): Transition {
  const { rev } = fact
  if (state.rev === null && (state.status === 'synchronized' || state.status === 'unconfirmed')) {
    if (!isActive(state)) return to(state)
    return due({ ...state, claimed: rev, status: 'desynchronized', reason: 'discovered' }, 3, policy, now)
  }
  switch (state.status) {
    case 'resyncing': {
      const claimed = above(newest(state.claimed, rev), state.rev)
      // The copy may have been taken before: its host's word does not refute what is told now.
      const isNews = above(rev, newest(state.rev, state.floor)) !== null
      return to({ ...state, claimed, lost: isNews ? (state.lost ?? 'behind') : state.lost })
    }
    case 'desynchronized':
      return to({ ...state, claimed: above(newest(state.claimed, rev), state.rev) })
    case 'terminal':
      return isActive(state)
        ? due(
            { ...state, status: 'desynchronized', reason: 'listed', claimed: newest(state.claimed, rev) },
            3,
            policy,
            now,
          )
        : to(state)
    default:
  }
  if (state.rev === rev) {
    const confirmedAt = later(state.confirmedAt, fact.at)
    const confirmed = { ...state, confirmedAt }
    // The list may be older than the doubt; the check that is due is not.
    return to(state.status === 'suspect' ? confirmed : settle(confirmed, policy, now))
  }
  if (state.rev !== null && rev < state.rev) return to(state)
  return doubt({ ...state, claimed: newest(state.claimed, rev) }, 'behind', now + policy.graceMs, policy, now)
}

function checked(state: RepoState, fact: Fact<'checked'>, policy: RepoPolicy, now: number): Transition {
  const { rev, askedAt } = fact
  if (state.status !== 'suspect' && state.status !== 'unconfirmed') return to(state)
  const asked = { ...state, triedAt: now, attempts: state.attempts + 1 }
  if (rev === null && state.rev === null && state.floor === null && !fact.doubted) {
    return to({ ...asked, status: 'unconfirmed', reason: 'unseen', claimed: null, nextTry: null })
  }
  if (rev === null) return read(asked, 'not-found', policy, now)
  const newer = state.rev === null || rev > state.rev
  if (newer) {
    const claimed = state.claimed === UNKNOWN_REV ? rev : newest(state.claimed, rev)
    // What the stream is about to bring needs no export; what it brought and was refused does.
    const expected = state.claimed === null && EXPECTED.has(state.reason ?? '')
    if (!expected) return read({ ...asked, claimed }, 'behind', policy, now)
    const nextTry = now + policy.graceMs
    return to({ ...asked, claimed, status: 'suspect', reason: 'behind', nextTry, priority: 4 }, 'wake')
  }
  if (fact.doubted) return doubt({ ...asked, nextTry: null }, state.reason ?? 'behind', null, policy, now)
  // The host does not have what was claimed. What it has is the head, or was when it was asked.
  if (rev === state.rev || (state.confirmedAt !== null && state.confirmedAt >= askedAt)) {
    const { attempts } = asked
    const confirmedAt = later(state.confirmedAt, askedAt)
    return to({ ...settle({ ...asked, claimed: null, confirmedAt }, policy, now), attempts })
  }
  return doubt({ ...asked, status: 'unconfirmed' }, 'host-behind', null, policy, now)
}

/** Doubts that no refused event stands behind. */
const EXPECTED: ReadonlySet<string> = new Set(['source-gap', 'audit', 'unseen'])

/** Now the repo itself is wanted: there was a check, so no further pause. */
function read(state: RepoState, reason: string, policy: RepoPolicy, now: number): Transition {
  const priority = state.rev === null ? 2 : 0
  const nextTry = policy.resync ? now : null
  return to({ ...state, status: 'desynchronized', reason, nextTry, priority, attempts: 0 }, 'wake')
}

function checkFailed(
  state: RepoState,
  fact: Fact<'check-failed'>,
  policy: RepoPolicy,
  now: number,
): Transition {
  if (state.status !== 'suspect' && state.status !== 'unconfirmed') return to(state)
  const attempts = state.attempts + 1
  return to({ ...state, attempts, triedAt: now, nextTry: now + backoff({ ...fact, attempts }, policy) })
}

function visited(state: RepoState, fact: Fact<'visited'>, policy: RepoPolicy, now: number): Transition {
  if (state.filter !== policy.filter && state.status !== 'resyncing') return refiltered(state, policy, now)
  const old = fact.gapAt !== null && !isConfirmedSince(state, fact.gapAt)
  if (!isActive(state) || (state.status !== 'unconfirmed' && !(state.status === 'synchronized' && old))) {
    return to(state)
  }
  const unconfirmed: RepoState =
    state.status === 'unconfirmed' ? state : { ...state, status: 'unconfirmed', reason: 'source-gap' }
  if (!fact.settled || state.nextTry !== null || !policy.resync) return to(unconfirmed)
  const { tries = null } = fact
  // Each gap begins anew: what was asked after those before it, and answered, must not make one failure a pause of hours.
  const again = { ...unconfirmed, attempts: tries === null ? 0 : tries + 1 }
  const pause = tries === null || state.triedAt === null ? 0 : state.triedAt + pauseAfter(tries, policy)
  return to({ ...again, nextTry: Math.max(now, pause), priority: 4 }, 'wake')
}
