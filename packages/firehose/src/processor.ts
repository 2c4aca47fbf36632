// What one event changes: decided and stored inside its DID's lane.
// Spec: https://atproto.com/specs/sync, https://atproto.com/specs/account#hosting-status

import type { Did } from '@avocet/syntax'
import type { Speaker } from './chain.ts'
import type { CursorTracker, Ticket } from './cursor-tracker.ts'
import type { CommitEvent, FailureEvent, IdentityEvent, VerifiedEvent, VerifiedOp } from './events.ts'
import { type Bench, judge, judgeHost } from './judge.ts'
import type { ParsedCommit, ParsedEvent, ParsedSync } from './parse.ts'
import { type FailureReason, REASONS } from './reasons.ts'
import { newRepo, type Store } from './store.ts'
import type { RepoState, StateChange } from './state.ts'
import type { Verdict } from './verify.ts'

/** A source as events know it. */
export type SourceInfo = { readonly id: string; readonly speaker: Speaker; readonly tracker: CursorTracker }

/** An event about an account, waiting in its lane. */
export type Item = {
  readonly event: Exclude<ParsedEvent, { kind: 'info' }>
  readonly frame: Uint8Array
  readonly source: SourceInfo
  /** Null for a frame from the durable queue: its cursor was passed long ago. */
  readonly ticket: Ticket | null
  /** Sent again after a reconnect: it may have been finished before. */
  readonly replay: boolean
  /** The id in the durable queue. */
  readonly queueId: number | null
}

/** What the resyncer decides about a repo. */
export type ResyncGate = {
  readonly enabled: boolean
  /** When a resync asked for now may begin. */
  dueAt(did: Did): number
  /** Whether there is still room in the repo's durable queue; counts the bytes. */
  admit(did: Did, bytes: number): boolean
  /** Something became due. */
  wake(): void
}

/** What processing needs. */
export type ProcessorOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly firstSighting: 'resync' | 'accept'
  readonly wanted: ((collection: string) => boolean) | null
  readonly onIgnored: (failure: FailureEvent) => void
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Decides what one event changes. */
export type Processor = {
  /** Handles one event to its end: stored, or found to need no storing. */
  handle(item: Item): Promise<void>
  /** An event that never reached a lane, or was dropped from it. */
  fail(
    source: SourceInfo,
    ticket: Ticket | null,
    failure: FailureEvent,
    desynchronize: boolean,
  ): Promise<void>
}

/** Makes the processor of a consumer. */
export function createProcessor(options: ProcessorOptions): Processor {
  const { bench, store, resync, wanted, count } = options
  const { now, identities } = bench

  /** Stores with the cursor that counts this event as finished, then finishes it. */
  const save = async (item: Item, change: StateChange, event: VerifiedEvent | null): Promise<void> => {
    const { tracker } = item.source
    const cursor = item.ticket === null ? null : tracker.cursorWith(item.ticket)
    const queued = item.queueId === null ? {} : { dequeue: { did: item.event.did, upTo: item.queueId } }
    const result = await store.save({ ...change, ...(cursor === null ? {} : { cursor }), ...queued }, event)
    if (!result.ok) {
      await appFailed(item, result.error)
      return
    }
    if (cursor !== null) tracker.stored(cursor)
    finish(item)
  }

  const finish = (item: Item): void => {
    if (item.ticket !== null) item.source.tracker.finish(item.ticket)
  }

  /** The app refused the event: what it holds of this repo is no longer what the stream says. */
  const appFailed = async (item: Item, error: unknown): Promise<void> => {
    const { did, seq } = item.event
    const failure: FailureEvent = {
      kind: 'failure',
      source: item.source.id,
      seq,
      did,
      reason: 'app-failed',
      message: error instanceof Error ? error.message : String(error),
    }
    count('app-failed')
    const repo = desynchronize((await store.load(did)) ?? newRepo(did), 'app-failed', item)
    const queued = item.queueId === null ? {} : { dequeue: { did, upTo: item.queueId } }
    const told = await store.save({ repo, ...queued }, failure)
    if (!told.ok) await store.save({ repo, ...queued }, null)
    finish(item)
    resync.wake()
  }

  const desynchronize = (repo: RepoState, reason: string, item: Item | null): RepoState => ({
    ...repo,
    status: 'desynchronized',
    reason,
    nextTry: resync.enabled ? resync.dueAt(repo.did) : null,
    ...(item === null ? {} : seen(item)),
  })

  const ignore = (item: Item, reason: FailureReason, message: string): Promise<void> | void => {
    const { did, seq } = item.event
    count(reason)
    options.onIgnored({ kind: 'failure', source: item.source.id, seq, did, reason, message })
    if (item.queueId !== null) return save(item, {}, null)
    finish(item)
  }

  const handle = async (item: Item): Promise<void> => {
    const { event } = item
    const loaded = store.load(event.did)
    const repo = loaded instanceof Promise ? await loaded : loaded
    if (
      item.replay &&
      repo?.lastSource === item.source.id &&
      repo.lastSeq !== null &&
      repo.lastSeq >= event.seq
    ) {
      return ignore(item, 'duplicate', 'event was finished before')
    }
    if (event.kind === 'identity') return handleIdentity(item, repo)
    if (event.kind === 'account') return handleAccount(item, repo)
    return handleRepo(item, event, repo)
  }

  const handleRepo = async (
    item: Item,
    event: ParsedCommit | ParsedSync,
    repo: RepoState | null,
  ): Promise<void> => {
    if (repo !== null && resync.enabled && item.queueId === null) {
      if (repo.status === 'resyncing') return enqueue(item, repo)
      // After a reactivation a #sync may say that nothing changed meanwhile; all else waits for the resync.
      const mayClear = event.kind === 'sync' && repo.reason === 'reactivated'
      if (repo.status === 'desynchronized' && !mayClear) {
        return ignore(item, 'desynchronized', `repo is waiting for a resync; reason=${repo.reason}`)
      }
    }
    const verdict = await judge(event, item.frame, repo, item.source, bench)
    if (verdict.outcome === 'accepted') return accept(item, verdict, repo)
    return reject(item, verdict, repo)
  }

  const accept = (
    item: Item,
    verdict: Extract<Verdict, { outcome: 'accepted' }>,
    repo: RepoState | null,
  ): Promise<void> => {
    const { event, head } = verdict
    count('accepted')
    let next: RepoState = { ...(repo ?? newRepo(item.event.did)), ...head, ...seen(item) }
    if (next.status === 'terminal' || (event.kind === 'sync' && next.reason === 'reactivated')) {
      next = { ...next, status: 'synchronized', reason: null, nextTry: null, attempts: 0 }
    }
    if (
      event.kind === 'commit' &&
      event.flags.includes('first-sighting') &&
      options.firstSighting === 'resync'
    ) {
      next = desynchronize(next, 'first-sighting', item)
    }
    return save(
      item,
      { repo: next },
      event.kind === 'commit' ? deliver(item, event) : (event as VerifiedEvent),
    ).then(() => {
      if (next.nextTry !== null) resync.wake()
    })
  }

  /** The event as the app gets it; null when none of its operations is wanted. */
  const deliver = (
    item: Item,
    event: CommitEvent,
    flag?: CommitEvent['flags'][number],
  ): CommitEvent | null => {
    let ops: readonly VerifiedOp[] = event.ops
    if (wanted !== null && ops.length > 0) {
      ops = ops.filter((op) => wanted(op.collection))
      if (ops.length === 0) return null
    }
    const flags = [...event.flags]
    if (flag !== undefined) flags.push(flag)
    if (item.queueId !== null) flags.push('queued')
    return { ...event, ops, flags }
  }

  const reject = (
    item: Item,
    verdict: Exclude<Verdict, { outcome: 'accepted' }>,
    repo: RepoState | null,
  ): Promise<void> | void => {
    if (verdict.outcome === 'ignored') return ignore(item, verdict.reason, verdict.message)
    const proved = verdict.event
    if (proved?.kind === 'commit' && !resync.enabled) {
      count('accepted')
      const { rev, data } = proved
      const next: RepoState = { ...(repo ?? newRepo(proved.did)), rev, data, ...seen(item) }
      return save(item, { repo: next }, deliver(item, proved, 'gap'))
    }
    count(verdict.reason)
    const failure: FailureEvent = {
      kind: 'failure',
      source: item.source.id,
      seq: item.event.seq,
      did: item.event.did,
      reason: verdict.reason,
      message: verdict.message,
    }
    if (verdict.outcome === 'refused') return save(item, {}, failure)
    const next = desynchronize(repo ?? newRepo(item.event.did), verdict.reason, item)
    return save(item, { repo: next }, proved?.kind === 'sync' ? proved : failure).then(() => resync.wake())
  }

  const enqueue = (item: Item, repo: RepoState): Promise<void> | void => {
    const { did, seq } = item.event
    if (!resync.admit(did, item.frame.length)) {
      return ignore(item, 'queue-full', 'too many events while the repo is resyncing')
    }
    const queued = { did, source: item.source.id, seq, frame: item.frame }
    return save(item, { repo: { ...repo, ...seen(item) }, enqueue: queued }, null)
  }

  const handleIdentity = async (item: Item, repo: RepoState | null): Promise<void> => {
    const { did, seq, time } = item.event
    const result = await bench.aside(identities.renew(did))
    if (!result.ok && !result.gone) {
      const message = `identity could not be resolved; ${result.message}`
      return reject(
        item,
        {
          outcome: repo === null ? 'refused' : REASONS['identity-unresolved'].effect,
          reason: 'identity-unresolved',
          message,
          did,
          seq,
          event: null,
        },
        repo,
      )
    }
    const event: IdentityEvent = {
      kind: 'identity',
      source: item.source.id,
      seq,
      did,
      handle: result.ok ? result.identity.handle : null,
      time,
    }
    count('accepted')
    return save(item, { repo: { ...(repo ?? newRepo(did)), ...seen(item) } }, event)
  }

  const handleAccount = async (item: Item, repo: RepoState | null): Promise<void> => {
    const account = item.event
    if (account.kind !== 'account') return
    const { did, seq, time, active, status } = account
    // A PDS speaks only for the accounts it hosts, also about their status.
    const foreign = await judgeHost(account, item.source, bench)
    if (foreign !== null) return reject(item, foreign, repo)
    const upstreamStatus = active ? 'active' : (status ?? 'inactive')
    const before = repo ?? newRepo(did)
    let next: RepoState = { ...before, upstreamStatus, ...seen(item) }
    if (upstreamStatus === 'deleted') {
      // Purged: what is left says only that it is gone.
      next = { ...newRepo(did), upstreamStatus, localStatus: before.localStatus, ...seen(item) }
    } else if (active && before.upstreamStatus !== 'active' && (before.rev !== null || resync.enabled)) {
      next = desynchronize(next, 'reactivated', item)
      if (next.nextTry !== null)
        next = { ...next, nextTry: Math.max(next.nextTry, now() + REACTIVATION_GRACE_MS) }
    } else if (active && before.status === 'terminal') {
      next = desynchronize(next, 'reactivated', item)
    }
    count('accepted')
    const event: VerifiedEvent = { kind: 'account', source: item.source.id, seq, did, active, status, time }
    await save(item, { repo: next }, event)
    if (next.nextTry !== null) resync.wake()
  }

  return {
    handle,
    async fail(source, ticket, failure, desync) {
      const { did } = failure
      count(failure.reason)
      // Nothing of it is authenticated: a PDS must not make others' accounts be read anew.
      const entitled =
        desync && did !== null && (await judgeHost({ did, seq: failure.seq ?? 0 }, source, bench)) === null
      const cursor = ticket === null ? null : source.tracker.cursorWith(ticket)
      const loaded = entitled && did !== null ? ((await store.load(did)) ?? newRepo(did)) : null
      const repo = loaded === null ? null : desynchronize(loaded, failure.reason, null)
      const change = { ...(cursor === null ? {} : { cursor }), ...(repo === null ? {} : { repo }) }
      if (REASONS[failure.reason].effect === 'ignored') options.onIgnored(failure)
      else {
        const result = await store.save(change, failure)
        if (!result.ok) await store.save(change, null)
        else if (cursor !== null) source.tracker.stored(cursor)
      }
      if (ticket !== null) source.tracker.finish(ticket)
      if (repo !== null) resync.wake()
    },
  }
}

/** After a reactivation the `#sync` comes right behind: it may spare the fetch. */
const REACTIVATION_GRACE_MS = 3000

const seen = (item: Item): Partial<Pick<RepoState, 'lastSource' | 'lastSeq'>> =>
  item.ticket === null ? {} : { lastSource: item.source.id, lastSeq: item.event.seq }
