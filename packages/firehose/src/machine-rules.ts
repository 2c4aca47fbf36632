// What the rules of the repo's machine share: when something is due, doubted, or whole again.

import type { Tid } from '@avocet/syntax'
import type { RepoEffect, RepoFact, RepoPolicy, Transition } from './facts.ts'
import type { Hearsay, Priority, RepoFlag, RepoState } from './state.ts'

/** A fact of one kind. */
export type Fact<K extends RepoFact['kind']> = Extract<RepoFact, { kind: K }>

/** What a resync that is not wanted any more leaves to do. */
export const ENDED: readonly RepoEffect[] = ['end-run', 'drop-queue']

/**
 * Of many words the last one is kept, but that the account is active takes none away: a host that has no such account agrees with whoever
 * says that it is not. It brings the question no nearer, and puts it off no further.
 */
export function heard(state: RepoState, status: string, askAt: number): Hearsay {
  const open = state.hearsay ?? { status, askAt, tries: 0, gone: 0 }
  return { ...open, status: status === 'active' ? open.status : status }
}

/** Its own host does not find the repo of an account of which something was read or heard. */
export function isGone({ status, reason, rev, floor, lastSource }: RepoState): boolean {
  const wasThere = rev !== null || floor !== null || lastSource !== null
  return status === 'terminal' && reason === 'repo-not-found' && wasThere
}

/** The repo is what is stored, unless somebody spoke of something newer. */
export function settle(state: RepoState, policy: RepoPolicy, now: number): RepoState {
  const rest = { ...state, ...known(state), phase: null, lost: null }
  if (rest.claimed === null && rest.floor === null) {
    return { ...rest, status: 'synchronized', reason: null, nextTry: null, attempts: 0 }
  }
  const nextTry = state.status === 'suspect' ? state.nextTry : due(rest, 4, policy, now).state.nextTry
  return { ...rest, status: 'suspect', reason: state.reason ?? 'behind', nextTry, priority: 4 }
}

/** Proved and claimed revs, as far as the head does not cover them. */
export function known(state: RepoState): Pick<RepoState, 'floor' | 'claimed'> {
  return { floor: above(state.floor, state.rev), claimed: above(state.claimed, state.rev) }
}

/** Checks that find nothing come more and more seldom, up to 64 intervals apart. */
const MAX_DOUBLINGS = 6

/** How long after so many tries the next one may come, ms. */
export const pauseAfter = (tries: number, policy: RepoPolicy): number =>
  policy.intervalMs * 2 ** Math.min(tries, MAX_DOUBLINGS)

/** Ask the host, not before `at`. */
export function doubt(
  state: RepoState,
  reason: string,
  at: number | null,
  policy: RepoPolicy,
  now: number,
): Transition {
  const pause = pauseAfter(state.attempts, policy)
  const earliest = Math.max(now, at ?? now, state.triedAt === null ? 0 : state.triedAt + pause)
  const nextTry = policy.resync && isActive(state) ? earliest : null
  const sooner = state.status === 'suspect' && state.nextTry !== null && state.nextTry <= earliest
  if (sooner) return to(state, 'doubted')
  return to({ ...state, status: 'suspect', reason, nextTry, priority: 4 }, 'wake', 'doubted')
}

/** Half applied, neither the old head nor the new one says what the app holds; what was proved stays proved. */
export function half(state: RepoState): RepoState {
  if (state.phase !== 'applying') return state
  return { ...state, rev: null, data: null, floor: newest(state.floor, state.rev), phase: null }
}

/** A resync ends, and what was queued goes with it: how new that was nobody knows any more. */
export function dropped(state: RepoState, queued = true): RepoState {
  const claimed = queued ? UNKNOWN_REV : state.claimed
  return { ...half(state), claimed, phase: null, lost: null }
}

/** How long to wait after a failure, ms. */
export function backoff(
  fact: { readonly attempts: number; readonly retryAfterMs: number; readonly jitter: number },
  policy: RepoPolicy,
): number {
  const wait = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** Math.min(fact.attempts - 1, 30))
  return Math.round(Math.max(wait * (0.75 + fact.jitter / 2), fact.retryAfterMs))
}

/** Due as soon as the pause between two tries allows. */
export function due(state: RepoState, priority: Priority, policy: RepoPolicy, now: number): Transition {
  if (!policy.resync || !isActive(state)) return to({ ...state, nextTry: null, priority })
  const nextTry = Math.max(now, state.triedAt === null ? 0 : state.triedAt + policy.intervalMs)
  return to({ ...state, nextTry, priority }, 'wake')
}

/** Rows that were made for other collections: the repo is read again. */
export function refiltered(state: RepoState, policy: RepoPolicy, now: number): Transition {
  const { filter } = policy
  // Rows from before the filter was stored count as made for this one.
  if (state.filter === '' || (state.rev === null && state.floor === null)) return to({ ...state, filter })
  if (!policy.resync) {
    const flags: RepoFlag[] = [...new Set([...state.flags, 'gap' as const])]
    return to({ ...state, filter, flags, partialSince: state.rev })
  }
  if (state.status === 'desynchronized' || !isActive(state)) return to(state)
  // Somebody waits for it, and asks for that once: no pause since it was read last.
  const asked = { status: 'desynchronized', reason: 'filter-changed', nextTry: now, priority: 3 } as const
  return to({ ...state, ...asked }, 'wake')
}

/** Whether upstream and this service both say so. */
export const isActive = (state: RepoState): boolean =>
  state.upstreamStatus === 'active' && state.localStatus === 'active'

/** Newer than all: something happened, nobody knows what. */
export const UNKNOWN_REV = 'jzzzzzzzzzzzz'

/** Whether the head was shown to be the newest after this moment. At the same moment the order is not known. */
export const isConfirmedSince = (state: RepoState, at: number): boolean => (state.confirmedAt ?? 0) > at

/** The later of two moments. */
export const later = (a: number | null, b: number): number => (a !== null && a > b ? a : b)

/** The newer of two revs, each of which may be none. */
export const newest = (a: Tid | null, b: Tid | null): Tid | null =>
  a === null || (b !== null && b > a) ? b : a

/** `rev` if it lies above `head`. */
export const above = (rev: Tid | null, head: Tid | null): Tid | null =>
  rev === null || (head !== null && rev <= head) ? null : rev

/** Something is due. */
export const wakeIf = (state: RepoState): RepoEffect[] => (state.nextTry === null ? [] : ['wake'])

/** A transition. */
export const to = (state: RepoState, ...effects: readonly RepoEffect[]): Transition => ({ state, effects })
