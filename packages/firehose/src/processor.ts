// What one event leads to: decided and stored inside its DID's lane. What becomes of the repo is the machine's to say.
// Spec: https://atproto.com/specs/sync, https://atproto.com/specs/account#hosting-status

import type { Did, Tid } from '@avocet/syntax'
import { checkAuthority, type Speaker } from './chain.ts'
import type { Verdict } from './conclude.ts'
import { createBuckets } from './buckets.ts'
import type { CursorTracker, Ticket } from './cursor-tracker.ts'
import type { CommitEvent, FailureEvent, IdentityEvent, VerifiedEvent, VerifiedOp } from './events.ts'
import type { RepoEffect, RepoFact, RepoPolicy } from './facts.ts'
import { newRepo } from './facts.ts'
import type { IdentityResult } from './identities.ts'
import { type Bench, judge, judgeHost, type Rejection } from './judge.ts'
import { next, route } from './machine.ts'
import type { HostStatus } from './options.ts'
import type { ParsedCommit, ParsedEvent, ParsedSync } from './parse.ts'
import { type FailureReason, REASONS } from './reasons.ts'
import type { Store } from './store.ts'
import type { RepoState, StateChange } from './state.ts'

/** A source as events know it. */
export type SourceInfo = { readonly id: string; readonly speaker: Speaker; readonly tracker: CursorTracker }

/** An event about an account, waiting in its lane. */
export type Item = {
  event: Exclude<ParsedEvent, { kind: 'info' }>
  frame: Uint8Array
  readonly source: SourceInfo
  /** Null for a frame from the durable queue: its cursor was passed long ago. */
  readonly ticket: Ticket | null
  /** Sent again after a reconnect: it may have been finished before. */
  readonly replay: boolean
  /** The id in the durable queue. */
  readonly queueId: number | null
}

/** An event of which only this is left: it could not be read, or had to be given up. */
export type Remnant = {
  readonly source: SourceInfo
  readonly tickets: readonly Ticket[]
  readonly failure: FailureEvent
  readonly claimed: Tid | null
}

/** An entry of a host's list. `own`: of the account's own host. `source`: whose list it is. */
export type Listed = {
  readonly did: Did
  readonly rev: Tid | null
  /** `active` or another word. */
  readonly status: string
  readonly own: boolean
  readonly source: string
  /** When the host was asked, ms since the epoch. */
  readonly at: number
}

/** What the resyncer decides about a repo. */
export type ResyncGate = {
  readonly enabled: boolean
  /** Whether there is still room in the repo's durable queue; counts the bytes. */
  admit(did: Did, bytes: number): boolean
  /** Does what a transition asks for beside storing. */
  react(did: Did, effects: readonly RepoEffect[]): void
}

/** What processing needs. */
export type ProcessorOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  readonly wanted: ((collection: string) => boolean) | null
  /** Asks the account's own host for its status; null: events are believed as they come. */
  readonly hostStatus: HostStatus | null
  /** There is more than one source, so that one may be behind another. */
  readonly several: boolean
  /** Who speaks through a source. */
  readonly speakerOf: (source: string) => Speaker
  readonly onIgnored: (failure: FailureEvent) => void
  /** Runs something in a DID's lane, later. */
  readonly after: (ms: number, did: Did, work: () => Promise<void>) => void
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Decides what one event changes. */
export type Processor = {
  /** Handles one event to its end: stored, or found to need no storing. */
  handle(item: Item): Promise<void>
  /** What is known only to have been. */
  lose(remnant: Remnant): Promise<void>
  /** An account in a host's list. False: nobody has such an account, or not there; nothing was stored. */
  listed(entry: Listed): Promise<boolean>
  /** A failure of the stream itself. */
  tell(failure: FailureEvent): Promise<void>
}

/** Makes the processor of a consumer. */
export function createProcessor(options: ProcessorOptions): Processor {
  const { bench, store, resync, policy, wanted, count } = options
  const { now, identities, signal } = bench

  const unknowns = createBuckets<string>(UNKNOWN_BURST, 1000 / UNKNOWN_PER_SECOND, 1000, now)

  const fresh = (did: Did): RepoState => newRepo(did, policy.filter)

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
      const step = next(repo ?? fresh(did), fact, policy, now())
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

  const failureOf = (item: Item, reason: FailureReason, message: string): FailureEvent => {
    const { did, seq } = item.event
    return { kind: 'failure', source: item.source.id, seq, did, reason, message }
  }

  /** The app refused the event: what it holds of this repo is no longer what the stream says. */
  const appFailed = async (item: Item, repo: RepoState | null, error: unknown): Promise<void> => {
    const { event } = item
    const { did } = event
    const failure = failureOf(item, 'app-failed', error instanceof Error ? error.message : String(error))
    count('app-failed')
    const rev = event.kind === 'commit' || event.kind === 'sync' ? event.rev : null
    const { state, effects } = next(repo ?? fresh(did), { kind: 'app-failed', rev }, policy, now())
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

  const handleItem = async (item: Item): Promise<void> => {
    const { event } = item
    const loaded = store.load(event.did)
    const repo = loaded instanceof Promise ? await loaded : loaded
    if (item.replay && isFinished(item, repo)) return ignore(item, 'duplicate', 'event was finished before')
    if (event.kind === 'identity') return handleIdentity(item, repo)
    if (event.kind === 'account') return handleAccount(item, repo)
    return handleRepo(item, event, repo)
  }

  const handleRepo = async (
    item: Item,
    event: ParsedCommit | ParsedSync,
    repo: RepoState | null,
  ): Promise<void> => {
    const way = item.queueId === null ? route(repo, event.kind, policy) : 'judge'
    if (way === 'queue') return enqueue(item, event, repo!)
    if (way === 'ignore') return disregard(item, event, repo!)
    const identity = identities.get(event.did)
    if (identity instanceof Promise && !bench.mayKeep(event.did)) return giveUp(item, event.rev, identity)
    const { verdict, retryAt } = await judge(event, item.frame, repo, item.source, bench)
    if (verdict.outcome === 'accepted') return accept(item, verdict, repo)
    return reject(item, event, verdict, retryAt, repo)
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
    const failure = failureOf(item, reason, verdict.message)
    if (outcome === 'desynchronized') {
      const fact: RepoFact = { kind: 'broken', reason, rev: event.rev }
      return save(item, repo, fact, proved?.kind === 'sync' ? proved : failure)
    }
    return save(item, repo, doubtOf(repo, reason, event.rev, retryAt), failure)
  }

  /** Of a repo nothing is stored of there is nothing to doubt, but what is signed shows that it is there. */
  const doubtOf = (
    repo: RepoState | null,
    reason: FailureReason,
    claimed: Tid | null,
    retryAt: number | null,
  ): RepoFact | null =>
    UNENTITLED.has(reason) || (repo === null && !SIGNED.has(reason))
      ? null
      : { kind: 'doubted', reason, claimed, retryAt }

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

  // Changes of identities that come faster than they are followed, the last one of each account.
  const later = new Map<Did, { item: Item; readonly tickets: Ticket[] }>()

  /** More of them than are followed at once become one: what counts is what the directory says in the end. */
  const handleIdentity = async (item: Item, repo: RepoState | null): Promise<void> => {
    const { did } = item.event
    const pending = later.get(did)
    if (pending !== undefined) {
      if (pending.item.ticket !== null) pending.tickets.push(pending.item.ticket)
      pending.item = item
      return
    }
    if (repo === null && !unknowns.take(item.source.id)) {
      return ignore(item, 'account-unknown', 'too many accounts that nothing is known of')
    }
    const renewing = identities.renew(did)
    if (renewing === null) {
      later.set(did, { item, tickets: [] })
      options.after((identities.renewableAt(did) ?? now()) - now(), did, async () => {
        const { item: last, tickets } = later.get(did)!
        later.delete(did)
        await handleIdentity(last, await store.load(did))
        for (const ticket of tickets) last.source.tracker.finish(ticket)
      })
      return
    }
    return changeIdentity(item, repo, await bench.aside(did, renewing))
  }

  const changeIdentity = async (
    item: Item,
    repo: RepoState | null,
    result: IdentityResult,
  ): Promise<void> => {
    if (item.event.kind !== 'identity') return
    const { did, seq, time } = item.event
    if (!result.ok && result.gone && repo === null) {
      return ignore(item, 'account-unknown', result.message)
    }
    if (!result.ok && !result.gone) {
      count('identity-unresolved')
      const message = `identity could not be resolved; ${result.message}`
      return save(item, repo, null, failureOf(item, 'identity-unresolved', message))
    }
    const foreign = await judgeHost(item.event, item.source, bench)
    if (foreign !== null && result.ok) return refuse(item, foreign)
    const handle = result.ok ? (result.identity.handle ?? null) : null
    // A directory that does not know the DID at this moment refutes no handle.
    const uncertain = !result.ok || result.identity.handle === undefined
    const about = { kind: 'identity', source: item.source.id, seq, did, handle, time } as const
    const event: IdentityEvent = uncertain ? { ...about, uncertain } : about
    count('accepted')
    const fact: RepoFact = result.ok
      ? { kind: 'identity' }
      : { kind: 'doubted', reason: 'identity-gone', claimed: null, retryAt: null }
    return save(item, repo, fact, event)
  }

  const refuse = (item: Item, { reason, message }: Rejection): Promise<void> => {
    count(reason)
    return save(item, null, null, failureOf(item, reason, message))
  }

  const handleAccount = async (item: Item, repo: RepoState | null): Promise<void> => {
    const account = item.event
    if (account.kind !== 'account') return
    const { did, seq, time, active, status } = account
    if (repo === null) {
      if (!unknowns.take(item.source.id)) {
        return ignore(item, 'account-unknown', 'too many accounts that nothing is known of')
      }
      const found = identities.get(did)
      const result = found instanceof Promise ? await bench.aside(did, found) : found
      if (!result.ok && result.gone) return ignore(item, 'account-unknown', result.message)
    }
    // A PDS speaks only for the accounts it hosts, also about their status.
    const foreign = await judgeHost(account, item.source, bench)
    if (foreign !== null) return refuse(item, foreign)
    const upstreamStatus = active ? 'active' : (status ?? 'inactive')
    if (await isOverruled(item, repo, upstreamStatus)) {
      return ignore(item, 'status-overruled', `the account's own host says otherwise; said=${upstreamStatus}`)
    }
    count('accepted')
    const event: VerifiedEvent = { kind: 'account', source: item.source.id, seq, did, active, status, time }
    return save(item, repo, { kind: 'account', status: upstreamStatus }, event)
  }

  /** Sources are not in order with each other: what a relay says of a change is asked of the account's own host. */
  const isOverruled = async (item: Item, repo: RepoState | null, said: string): Promise<boolean> => {
    if (!options.several || item.source.speaker.kind === 'pds' || said === (repo?.upstreamStatus ?? 'active'))
      return false
    const answer = await askStatus(item.event.did)
    return answer !== null && (answer === 'active') !== (said === 'active')
  }

  /** The host that the identity names may be the one before; then the identity is asked for anew. */
  const askStatus = async (did: Did): Promise<string | null> => {
    const { hostStatus } = options
    if (hostStatus === null) return null
    const found = identities.get(did)
    let result: IdentityResult | null = found instanceof Promise ? await bench.aside(did, found) : found
    for (let tries = 0; result?.ok === true && tries < 2; tries++) {
      const answer = await bench.aside(
        did,
        hostStatus({ did, identity: result.identity, signal }).catch(() => null),
      )
      if (answer !== null) return answer
      const refreshing = identities.refresh(did, 'check')
      result = refreshing === null ? null : await bench.aside(did, refreshing)
    }
    return null
  }

  const isThere = async (did: Did, speaker: Speaker): Promise<boolean> => {
    const found = identities.get(did)
    const result = found instanceof Promise ? await bench.aside(did, found) : found
    // A directory that does not answer refutes nothing.
    if (!result.ok) return !result.gone && speaker.kind === 'relay'
    return checkAuthority(speaker, result.identity.pds).ok
  }

  const listed = async ({ did, rev, status, own, source, at }: Listed): Promise<boolean> => {
    let repo = await store.load(did)
    // A list is nobody's word: of a DID that is new there must be a document, and a PDS lists only what it hosts.
    if (repo === null && !(await isThere(did, options.speakerOf(source)))) return false
    const before = repo?.upstreamStatus ?? 'active'
    // A list may be old by now, also the host's own: where they differ the host is asked.
    const same =
      (status === 'active') === (before === 'active') && (status === 'deleted') === (before === 'deleted')
    const believed = own && options.hostStatus === null ? status : null
    const said = same ? before : ((await askStatus(did)) ?? believed)
    if (said !== null && said !== before) {
      const active = said === 'active'
      const step = next(repo ?? fresh(did), { kind: 'account', status: said }, policy, now())
      const time = new Date(now()).toISOString()
      const event = {
        kind: 'account',
        source,
        seq: null,
        did,
        active,
        status: active ? null : said,
        time,
      } as const
      const result = await store.save({ repo: step.state, ...dropped(did, step.effects) }, event)
      if (!result.ok) return true
      resync.react(did, step.effects)
      repo = step.state
    }
    if (rev === null || status !== 'active') return true
    const { state, effects } = next(repo ?? fresh(did), { kind: 'listed', rev, at }, policy, now())
    // Not worth a row: confirmed a short time ago.
    const isSame = state.status === repo?.status && state.claimed === repo.claimed && state.lost === repo.lost
    if (repo !== null && isSame) {
      if (now() - (repo.confirmedAt ?? 0) < CONFIRM_EVERY_MS) return true
    }
    await store.save({ repo: state.lastSource === null ? { ...state, lastSource: source } : state }, null)
    resync.react(did, effects)
    return true
  }

  return {
    handle: handleItem,
    listed,
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

/** A list that says what is known is noted at most so often. */
const CONFIRM_EVERY_MS = 3_600_000

/** Accounts never seen that one source may have looked up for its `#identity` and `#account`, at once and a second. */
const UNKNOWN_BURST = 500
const UNKNOWN_PER_SECOND = 50

const NO_BYTES = new Uint8Array(0)

/** Who says it may not say anything of the account. */
const UNENTITLED: ReadonlySet<string> = new Set(['wrong-host'])
/** Refused though the account signed it. */
const SIGNED: ReadonlySet<string> = new Set(['rev-future', 'legacy-commit'])

/** Sent again: it was finished, or something newer of the repo was. A newer rev is never taken for an old one. */
function isFinished({ event, ticket }: Item, repo: RepoState | null): boolean {
  if (repo === null || ticket === null || repo.lastSource !== ticket.from) return false
  if (repo.lastSeq === null || repo.lastSeq < event.seq) return false
  if (event.kind !== 'commit' && event.kind !== 'sync') return true
  return [repo.rev, repo.floor, repo.claimed].some((rev) => rev !== null && rev >= event.rev)
}

const dequeued = (item: Item): StateChange =>
  item.queueId === null ? {} : { dequeue: { did: item.event.did, upTo: item.queueId } }

const dropped = (did: Did, effects: readonly RepoEffect[]): StateChange =>
  effects.includes('drop-queue') ? { dequeue: { did, upTo: Number.MAX_SAFE_INTEGER } } : {}

const seen = (item: Item, state: RepoState): RepoState =>
  item.ticket === null ? state : { ...state, lastSource: item.ticket.from, lastSeq: item.event.seq }
