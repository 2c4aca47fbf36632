// What one event leads to: decided and stored inside its DID's lane. What becomes of the repo is the machine's to say.
// Spec: https://atproto.com/specs/sync, https://atproto.com/specs/account#hosting-status

import type { Did } from '@avocet/syntax'
import { createAccountEvents } from './account-events.ts'
import { createAccountStatus } from './account-status.ts'
import { createBuckets } from './buckets.ts'
import type { Speaker } from './chain.ts'
import type { FailureEvent } from './events.ts'
import { claimsOf } from './filter.ts'
import type { RepoPolicy } from './facts.ts'
import { createIdentityEvents } from './identity-events.ts'
import type { Item, Listed, Remnant, ResyncGate } from './item.ts'
import { type Bench, judgeHost } from './judge.ts'
import { createListed } from './listed.ts'
import { next } from './machine.ts'
import type { Follows, HostStatus, Timers } from './options.ts'
import { createOutcomes } from './outcome.ts'
import { type FailureReason, REASONS } from './reasons.ts'
import { createRepoEvents, doubtOf } from './repo-events.ts'
import type { RepoState } from './state.ts'
import type { Store } from './store.ts'

/** What processing needs. */
export type ProcessorOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  readonly wanted: ((collection: string) => boolean) | null
  /** See `ConsumeOptions`; null: every repo is followed. */
  readonly follows: Follows | null
  /** See `ConsumeOptions`; null: nobody can be asked. */
  readonly hostStatus: HostStatus | 'trust-relays' | null
  readonly timers: Timers
  readonly random: () => number
  /** Who speaks through a source. */
  readonly speakerOf: (source: string) => Speaker
  readonly onIgnored: (failure: FailureEvent) => void
  /** Runs something in a DID's lane, later. */
  readonly after: (ms: number, did: Did, work: () => Promise<void>) => void
  readonly count: (reason: FailureReason | 'accepted' | 'passed') => void
}

/** Decides what one event changes. */
export type Processor = {
  /** Handles one event to its end: stored, or found to need no storing. */
  handle(item: Item): Promise<void>
  /** What is known only to have been. */
  lose(remnant: Remnant): Promise<void>
  /** An account in a host's list. False: nobody has such an account, or not there; nothing was stored. */
  listed(entry: Listed): Promise<boolean>
  /** Asks the account's own host for its status, and tells what no event told. Only inside the account's lane. */
  renewStatus(did: Did, source: string): Promise<void>
  /** Asks about what only a relay said of an account, if that is due. Only inside the account's lane. */
  hear(did: Did): Promise<void>
  /** Forgets a repo, if that is still meant. False: it was not. Only inside the account's lane. */
  forget(did: Did, isMeant: () => boolean): Promise<boolean>
  /** A failure of the stream itself. */
  tell(failure: FailureEvent): Promise<void>
}

/** Makes the processor of a consumer. */
export function createProcessor(options: ProcessorOptions): Processor {
  const { bench, store, resync, policy, count } = options
  const { now } = bench
  const unknowns = createBuckets<string>(UNKNOWN_BURST, 1000 / UNKNOWN_PER_SECOND, 1000, now)
  const trustsRelays = options.hostStatus === 'trust-relays'
  const askStatus = options.hostStatus === 'trust-relays' ? null : options.hostStatus
  const outcomes = createOutcomes({ ...options, canAsk: askStatus !== null, now })
  const statuses = createAccountStatus({ ...options, askStatus })
  const handleRepo = createRepoEvents({ ...options, outcomes })
  const handleIdentity = createIdentityEvents({ ...options, outcomes, unknowns })
  const handleAccount = createAccountEvents({ ...options, outcomes, statuses, trustsRelays, unknowns })

  const { follows } = options
  const listed = createListed({ ...options, statuses })

  const handleItem = async (item: Item): Promise<void> => {
    const { event } = item
    const loaded = store.load(event.did)
    const repo = loaded instanceof Promise ? await loaded : loaded
    if (repo === null && follows !== null && !follows(event.did, claimsOf(item))) {
      count('passed')
      if (item.ticket !== null) item.source.tracker.finish(item.ticket)
      return
    }
    if (item.replay && isFinished(item, repo))
      return outcomes.ignore(item, 'duplicate', 'event was finished before')
    if (event.kind === 'identity') return handleIdentity(item, repo)
    if (event.kind === 'account') return handleAccount(item, repo)
    return handleRepo(item, event, repo)
  }

  return {
    handle: handleItem,
    async listed(entry) {
      const isMeant = follows === null || entry.follow === true || follows(entry.did, null)
      return isMeant || (await store.load(entry.did)) !== null ? listed(entry) : false
    },
    async forget(did, isMeant) {
      if (!isMeant()) return false
      if ((await store.load(did)) !== null) await store.save({ remove: did }, null)
      resync.react(did, ['end-run'])
      return true
    },
    renewStatus: (did, source) => statuses.renew(did, source),
    hear: (did) => statuses.hear(did),
    async lose({ source, tickets, failure, claimed }) {
      const { did, reason } = failure
      count(reason)
      const repo = did === null ? null : await store.load(did)
      // Nothing of it is authenticated: a PDS must not make others' accounts be asked for.
      const entitled =
        did !== null &&
        repo !== null &&
        (await judgeHost({ did, seq: failure.seq ?? 0 }, source, bench)) === null
      const fact = entitled ? doubtOf(repo, reason, claimed, null) : null
      const step = fact === null || repo === null ? null : next(repo, fact, policy, now())
      const last = tickets.at(-1)
      for (const ticket of tickets) if (ticket !== last) source.tracker.finish(ticket)
      const cursor = last === undefined ? null : source.tracker.cursorWith(last)
      const change = {
        ...(cursor === null ? {} : { cursor }),
        ...(step === null ? {} : { repo: step.state }),
      }
      if (REASONS[reason].effect === 'ignored') options.onIgnored(failure)
      const event = REASONS[reason].effect === 'ignored' ? null : failure
      if (event !== null || step !== null) {
        const result = await store.save(change, event)
        if (!result.ok) await store.save(change, null)
        if (cursor !== null) source.tracker.stored(cursor)
      }
      if (last !== undefined) source.tracker.finish(last)
      if (did !== null && step !== null) resync.react(did, step.effects)
    },
    async tell(failure) {
      count(failure.reason)
      if (REASONS[failure.reason].effect === 'ignored') return options.onIgnored(failure)
      const result = await store.save({}, failure)
      if (!result.ok) await store.save({}, null)
    },
  }
}

/** Accounts never seen that one source may have looked up for its `#identity` and `#account`, at once and a second. */
const UNKNOWN_BURST = 500
const UNKNOWN_PER_SECOND = 50

/** Sent again: it was finished, or something newer of the repo was. A newer rev is never taken for an old one. */
function isFinished({ event, ticket }: Item, repo: RepoState | null): boolean {
  if (repo === null || ticket === null || repo.lastSource !== ticket.from) return false
  if (repo.lastSeq === null || repo.lastSeq < event.seq) return false
  if (event.kind !== 'commit' && event.kind !== 'sync') return true
  return [repo.rev, repo.floor, repo.claimed].some((rev) => rev !== null && rev >= event.rev)
}
