// What a #commit or a #sync leads to: delivered, queued, refused, or the repo is to be read.
// Spec: https://atproto.com/specs/sync

import type { Tid } from '@avocet/syntax'
import { checkAuthority } from './chain.ts'
import type { Verdict } from './conclude.ts'
import type { CommitEvent, FailureEvent, VerifiedEvent, VerifiedOp } from './events.ts'
import type { RepoFact, RepoPolicy } from './facts.ts'
import type { IdentityResult } from './identities.ts'
import type { Item, ResyncGate } from './item.ts'
import { type Bench, judge, type Rejection } from './judge.ts'
import { route } from './machine.ts'
import { disowned, failureOf, type Outcomes, refusalOf, seen } from './outcome.ts'
import type { ParsedCommit, ParsedSync } from './parse.ts'
import type { FailureReason } from './reasons.ts'
import type { RepoState } from './state.ts'
import type { Store } from './store.ts'

/** What these events need. */
export type RepoEventsOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly outcomes: Outcomes
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  readonly wanted: ((collection: string) => boolean) | null
  readonly onIgnored: (failure: FailureEvent) => void
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Handles an event of a repo to its end. */
export type HandleRepo = (
  item: Item,
  event: ParsedCommit | ParsedSync,
  repo: RepoState | null,
) => Promise<void>

/** Makes the handler of `#commit` and `#sync`. */
export function createRepoEvents(options: RepoEventsOptions): HandleRepo {
  const { bench, store, outcomes, resync, policy, wanted, count } = options
  const { save, ignore } = outcomes
  const { identities } = bench

  const handleRepo = async (
    item: Item,
    event: ParsedCommit | ParsedSync,
    repo: RepoState | null,
  ): Promise<void> => {
    const way = item.queueId === null ? route(repo, event.kind, policy) : 'judge'
    if (way === 'queue') return enqueue(item, event, repo!)
    if (way === 'ignore') return disregard(item, event, repo!)
    const { source } = item
    if (repo === null && !source.patient && identities.isCrowded(event.did, source.id))
      return postpone(item, event.rev)
    const identity = identities.get(event.did, repo === null ? source.id : null)
    if (identity instanceof Promise && !bench.mayKeep(event.did)) return giveUp(item, event.rev, identity)
    const { verdict, retryAt } = await judge(event, item.frame, repo, item.source, bench)
    if (verdict.outcome === 'accepted') return accept(item, verdict, repo)
    return reject(item, event, verdict, retryAt, repo)
  }

  /**
   * Too many accounts that nothing is known of wait already. A relay speaks for all: the account is in the backlog then, to be looked
   * up and read in its turn. A PDS would have to be its host: it is left to that one's list.
   */
  const postpone = (item: Item, rev: Tid): Promise<void> | void => {
    const message = 'too many accounts that nothing is known of'
    if (item.source.speaker.kind === 'pds') return ignore(item, 'account-unknown', message)
    count('queue-full')
    options.onIgnored(failureOf(item, 'queue-full', message))
    return save(item, null, { kind: 'requested', reason: 'discovered', claimed: rev }, null)
  }

  /** Too large to wait for the network: what is left of it is that there was something. */
  const giveUp = async (item: Item, rev: Tid, identity: Promise<IdentityResult>): Promise<void> => {
    const { did, seq } = item.event
    item.frame = NO_BYTES
    item.event = { kind: 'identity', did, seq, time: '', handle: null }
    const result = await bench.aside(did, identity)
    const repo = await store.load(did)
    const failure = failureOf(item, 'queue-full', 'event too large to wait for the identity of its account')
    count('queue-full')
    const entitled = result.ok && checkAuthority(item.source.speaker, result.identity.pds).ok
    const known: RepoFact = { kind: 'doubted', reason: 'queue-full', claimed: rev, retryAt: null }
    const unknown: RepoFact = { kind: 'requested', reason: 'discovered', claimed: rev }
    return save(item, repo, entitled ? (repo === null ? unknown : known) : null, failure)
  }

  const accept = (
    item: Item,
    { event, head }: Extract<Verdict, { outcome: 'accepted' }>,
    repo: RepoState | null,
  ): Promise<void> => {
    count('accepted')
    const { rev, data } = head!
    // What was queued says nothing of the time after it: the resync does.
    const moved = { kind: 'accepted', rev, data, at: item.ticket?.at ?? 0 } as const
    if (event.kind !== 'commit') {
      return save(item, repo, { ...moved, flags: [], sync: true }, event as VerifiedEvent)
    }
    return save(item, repo, { ...moved, flags: event.flags }, deliver(item, event))
  }

  /** The event as the app gets it; null when none of its operations is wanted. */
  const deliver = (item: Item, event: CommitEvent): CommitEvent | null => {
    let ops: readonly VerifiedOp[] = event.ops
    if (wanted !== null && ops.length > 0) {
      ops = ops.filter((op) => wanted(op.collection))
      if (ops.length === 0) return null
    }
    return { ...event, ops, flags: item.queueId === null ? event.flags : [...event.flags, 'queued'] }
  }

  const reject = (
    item: Item,
    event: ParsedCommit | ParsedSync,
    verdict: Rejection,
    retryAt: number | null,
    repo: RepoState | null,
  ): Promise<void> | void => {
    const { reason, outcome } = verdict
    if (outcome === 'ignored') return ignore(item, reason, verdict.message)
    const proved = verdict.event
    if (proved?.kind === 'commit' && !policy.resync) {
      count('accepted')
      const { rev, data } = proved
      const adopted: CommitEvent = { ...proved, flags: [...proved.flags, 'gap'] }
      const { flags } = adopted
      const moved = { kind: 'accepted', rev, data, flags, at: item.ticket?.at ?? 0 } as const
      return save(item, repo, moved, deliver(item, adopted))
    }
    count(reason)
    const failure = refusalOf(item, reason, verdict.message)
    if (outcome === 'desynchronized') {
      const fact: RepoFact = { kind: 'broken', reason, rev: event.rev }
      return save(item, repo, fact, proved?.kind === 'sync' ? proved : failure)
    }
    return save(item, repo, doubtOf(repo, reason, event.rev, retryAt), failure, disowned(item, repo, reason))
  }

  /** Not looked at: the repo is to be read, and only has to be read as new as this. */
  const disregard = (item: Item, event: ParsedCommit | ParsedSync, repo: RepoState): Promise<void> => {
    const message = `repo is waiting for a resync; reason=${repo.reason}`
    count('desynchronized')
    options.onIgnored(failureOf(item, 'desynchronized', message))
    return save(
      item,
      repo,
      { kind: 'doubted', reason: 'desynchronized', claimed: event.rev, retryAt: null },
      null,
    )
  }

  const enqueue = (item: Item, event: ParsedCommit | ParsedSync, repo: RepoState): Promise<void> => {
    const { did, seq } = event
    if (!resync.admit(did, item.frame.length)) {
      count('queue-full')
      options.onIgnored(failureOf(item, 'queue-full', 'too many events while the repo is resyncing'))
      return save(
        item,
        repo,
        { kind: 'doubted', reason: 'queue-full', claimed: event.rev, retryAt: null },
        null,
      )
    }
    const queued = { did, source: item.source.id, seq, frame: item.frame }
    return save(item, null, null, null, { repo: seen(item, repo), enqueue: queued })
  }

  return handleRepo
}

/** Of a repo nothing is stored of there is nothing to doubt, but what is signed shows that it is there. */
export function doubtOf(
  repo: RepoState | null,
  reason: FailureReason,
  claimed: Tid | null,
  retryAt: number | null,
): RepoFact | null {
  return UNENTITLED.has(reason) || (repo === null && !SIGNED.has(reason))
    ? null
    : { kind: 'doubted', reason, claimed, retryAt }
}

const NO_BYTES = new Uint8Array(0)

/** Who says it may not say anything of the account. */
const UNENTITLED: ReadonlySet<string> = new Set(['wrong-host'])
/** Refused though the account signed it. */
const SIGNED: ReadonlySet<string> = new Set(['rev-future', 'legacy-commit'])
