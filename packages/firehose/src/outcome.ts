// What an event led to is stored together with the cursor that counts it as finished; then it is finished.
// Spec: https://atproto.com/specs/sync

import type { Did } from '@avocet/syntax'
import { type FailureEvent, refusedFrame, type VerifiedEvent } from './events.ts'
import { newRepo, type RepoEffect, type RepoFact, type RepoPolicy } from './facts.ts'
import type { Item, ResyncGate } from './item.ts'
import type { Rejection } from './judge.ts'
import { next } from './machine.ts'
import type { FailureReason } from './reasons.ts'
import type { RepoState, StateChange } from './state.ts'
import type { Store } from './store.ts'

/** What storing outcomes needs. */
export type OutcomeOptions = {
  readonly store: Store
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  /** Hosts can be asked for the status of their accounts. */
  readonly canAsk: boolean
  readonly onIgnored: (failure: FailureEvent) => void
  readonly count: (reason: FailureReason | 'accepted') => void
  readonly now: () => number
}

/** The ends that an event can come to. Each finishes it. */
export type Outcomes = {
  /** Stores what the fact (null: none) makes of the repo, and hands the event (null: none) over with it. */
  readonly save: (
    item: Item,
    repo: RepoState | null,
    fact: RepoFact | null,
    event: VerifiedEvent | null,
    more?: StateChange,
  ) => Promise<void>
  /** As `ignore`, and what the fact makes of the repo is stored. */
  readonly pass: (
    item: Item,
    repo: RepoState | null,
    fact: RepoFact,
    reason: FailureReason,
    message: string,
  ) => Promise<void>
  /** Nothing wrong with it, but nothing to do. */
  readonly ignore: (item: Item, reason: FailureReason, message: string) => Promise<void> | void
  /** It is told as a failure, and changes nothing but who vouches for the repo. */
  readonly refuse: (item: Item, repo: RepoState | null, rejection: Rejection) => Promise<void>
}

/** Makes the ends of events. */
export function createOutcomes(options: OutcomeOptions): Outcomes {
  const { store, resync, policy, count, now } = options

  /** Stores what the fact makes of the repo, with the cursor that counts this event as finished, then finishes it. */
  const save = async (
    item: Item,
    repo: RepoState | null,
    fact: RepoFact | null,
    event: VerifiedEvent | null,
    more: StateChange = {},
  ): Promise<void> => {
    const { did } = item.event
    const { tracker } = item.source
    const cursor = item.ticket === null ? null : tracker.cursorWith(item.ticket)
    const effects: RepoEffect[] = []
    let change: StateChange = { ...more, ...(cursor === null ? {} : { cursor }), ...dequeued(item) }
    if (fact !== null) {
      const step = next(repo ?? newRepo(did, policy.filter), fact, policy, now())
      effects.push(...step.effects)
      change = { ...change, repo: seen(item, step.state), ...dropped(did, step.effects) }
    }
    const result = await store.save(change, event)
    if (!result.ok) {
      await appFailed(item, repo, result.error)
      return
    }
    if (cursor !== null) tracker.stored(cursor)
    finish(item)
    if (effects.length > 0) resync.react(did, effects)
  }

  const finish = (item: Item): void => {
    if (item.ticket !== null) item.source.tracker.finish(item.ticket)
  }

  /** The app refused the event: what it holds of this repo is no longer what the stream says. */
  const appFailed = async (item: Item, repo: RepoState | null, error: unknown): Promise<void> => {
    const { event } = item
    const { did } = event
    const failure = refusalOf(item, 'app-failed', error instanceof Error ? error.message : String(error))
    count('app-failed')
    const rev = event.kind === 'commit' || event.kind === 'sync' ? event.rev : null
    const said = event.kind === 'account' && options.canAsk ? statusOf(event) : null
    const { state, effects } = next(
      repo ?? newRepo(did, policy.filter),
      { kind: 'app-failed', rev, said },
      policy,
      now(),
    )
    const change = { repo: seen(item, state), ...dequeued(item), ...dropped(did, effects) }
    const told = await store.save(change, failure)
    if (!told.ok) await store.save(change, null)
    finish(item)
    resync.react(did, effects)
  }

  const ignore = (item: Item, reason: FailureReason, message: string): Promise<void> | void => {
    count(reason)
    options.onIgnored(failureOf(item, reason, message))
    if (item.queueId !== null) return save(item, null, null, null)
    finish(item)
  }

  const pass: Outcomes['pass'] = (item, repo, fact, reason, message) => {
    count(reason)
    options.onIgnored(failureOf(item, reason, message))
    return save(item, repo, fact, null)
  }

  const refuse: Outcomes['refuse'] = (item, repo, { reason, message }) => {
    count(reason)
    return save(item, null, null, refusalOf(item, reason, message), disowned(item, repo, reason))
  }

  return { save, pass, ignore, refuse }
}

/** Longest word for a status that is kept. */
const MAX_WORD = 64

/** The status that an `#account` tells: `active` or another word. */
export const statusOf = ({ active, status }: { active: boolean; status: string | null }): string =>
  active ? 'active' : (status ?? 'inactive').slice(0, MAX_WORD)

/** A failure of this event. */
export function failureOf(item: Item, reason: FailureReason, message: string): FailureEvent {
  const { did, seq } = item.event
  return { kind: 'failure', source: item.source.id, seq, did, reason, message }
}

/** A failure of this event that is kept, with the frame to look at. */
export function refusalOf(item: Item, reason: FailureReason, message: string): FailureEvent {
  const failure = failureOf(item, reason, message)
  return item.frame.length === 0 ? failure : { ...failure, frame: refusedFrame(item.frame) }
}

const dequeued = (item: Item): StateChange =>
  item.queueId === null ? {} : { dequeue: { did: item.event.did, upTo: item.queueId } }

/** What of the queue goes with these effects. */
export const dropped = (did: Did, effects: readonly RepoEffect[]): StateChange =>
  effects.includes('drop-queue') ? { dequeue: { did, upTo: Number.MAX_SAFE_INTEGER } } : {}

/**
 * A host that speaks for the account no more vouches for its repo no more, nor did it when what it sent before it left arrived: what other
 * sources lost may be lost for it too.
 */
export function disowned(item: Item, repo: RepoState | null, reason: FailureReason): StateChange {
  const isLast = repo !== null && item.ticket !== null && repo.lastSource === item.ticket.from
  return reason === 'wrong-host' && isLast ? { repo: { ...repo, lastSource: null, confirmedAt: null } } : {}
}

/** The state with this event as the last one. */
export const seen = (item: Item, state: RepoState): RepoState =>
  item.ticket === null ? state : { ...state, lastSource: item.ticket.from, lastSeq: item.event.seq }
