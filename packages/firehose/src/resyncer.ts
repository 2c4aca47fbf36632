// Repos that must be read anew or checked: which first, how many at a time, and what happens to their events meanwhile.
// Spec: https://atproto.com/specs/sync ("Resynchronization")

import type { Did, Tid } from '@avocet/syntax'
import type { ResyncError } from './errors.ts'
import type { FailureEvent, ResyncEvent } from './events.ts'
import { newRepo, type RepoEffect, type RepoFact, type RepoPolicy, type Transition } from './facts.ts'
import { kept } from './hosts.ts'
import type { Identities } from './identities.ts'
import type { Lanes } from './lanes.ts'
import { to } from './machine-rules.ts'
import { next } from './machine.ts'
import type { LatestRev, Resync, Timers } from './options.ts'
import type { ResyncGate } from './item.ts'
import { createPoller, type Poller } from './poller.ts'
import { AppFailure, createRepoReader, type ResyncCounts, type Run, toResyncError } from './resync-run.ts'
import type { Store } from './store.ts'
import { isUrgent, type Priority, type QueuedFrame, type RepoStateStore } from './state.ts'

/** What resyncing needs. */
export type ResyncerOptions = {
  readonly resync: Resync | null
  readonly latestRev: LatestRev | null
  readonly policy: RepoPolicy
  /** How often what is due is looked for, ms. */
  readonly pollMs: number
  readonly concurrency: number
  readonly checkConcurrency: number
  readonly maxQueueBytes: number
  readonly state: Pick<RepoStateStore<never>, 'find' | 'loadQueue'>
  readonly store: Store
  readonly lanes: Lanes
  readonly identities: Identities
  /** Handles a frame of the durable queue as if it came now; takes it out of the queue. */
  readonly replay: (frame: QueuedFrame) => Promise<void>
  /** Asks the account's own host for its status, and tells what no event told. Only inside the repo's lane. */
  readonly renewStatus: (did: Did, source: string) => Promise<void>
  /** Hosts can be asked for the status of their accounts. */
  readonly canAsk: boolean
  readonly now: () => number
  readonly timers: Timers
  /** From 0 to 1: spreads what would come back at the same moment. */
  readonly random: () => number
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

/** Runs the resyncs and checks of a consumer. */
export type Resyncer = ResyncGate &
  Pick<Poller, 'start' | 'idle'> & {
    /** Stores what a fact of its own makes of a repo, in the repo's lane. */
    tell(did: Did, fact: RepoFact, source?: string): Promise<void>
    readonly running: number
    readonly counts: ResyncCounts
  }

/** What a repo may begin with that nothing is stored of. */
const BEGINS: ReadonlySet<RepoFact['kind']> = new Set(['requested', 'local'])
const PRIORITIES: readonly Priority[] = [0, 1, 2, 3, 4]

/** Makes the resyncer of a consumer; `start` begins. */
export function createResyncer(options: ResyncerOptions): Resyncer {
  const { resync, latestRev, policy, store, lanes, now, signal } = options
  const runs = new Map<Did, Run>()
  /** The repos whose hosts are being asked, and whether something was said of them since. */
  const checks = new Map<Did, { doubted: boolean }>()
  const counts: ResyncCounts = { started: 0, finished: 0, failed: 0, terminal: 0, checks: 0 }
  /** Starts what is due, by priority: a gap in a repo that is followed never waits behind the backfill. */
  const look = async (): Promise<void> => {
    for (const priority of PRIORITIES) {
      const places = isUrgent(priority)
        ? options.concurrency
        : options.concurrency - kept(options.concurrency)
      const busy = runs.size + checks.size
      const most = options.concurrency + options.checkConcurrency
      if (busy >= most || signal.aborted) return
      for (const repo of await options.state.find({ due: now(), priority }, most)) {
        const { did, status } = repo
        if (signal.aborted) return
        if (runs.has(did) || checks.has(did)) continue
        if (latestRev !== null && (status === 'suspect' || status === 'unconfirmed')) {
          if (checks.size < options.checkConcurrency) void check(did, latestRev)
        } else if (resync !== null && runs.size < places) void begin(did, resync)
      }
    }
  }

  const { start, poll, idle } = createPoller({
    ...options,
    look,
    isBusy: () => runs.size > 0 || checks.size > 0,
    isOff: resync === null,
  })

  const react = (did: Did, effects: readonly RepoEffect[]): void => {
    if (effects.includes('end-run')) runs.get(did)?.stop.abort()
    const asking = effects.includes('doubted') ? checks.get(did) : undefined
    if (asking !== undefined) asking.doubted = true
    if (effects.includes('wake')) poll()
  }

  /** Only inside the DID's lane. Stores nothing when nothing changed. */
  const step = async (
    did: Did,
    fact: RepoFact,
    event: ResyncEvent | FailureEvent | null = null,
    source?: string,
  ): Promise<Transition> => {
    const stored = await store.load(did)
    const before = stored ?? newRepo(did, policy.filter)
    // Forgotten since: what was found out about it meanwhile must not bring it back.
    if (stored === null && !BEGINS.has(fact.kind)) return to(before, 'stale')
    const after = next(before, fact, policy, now())
    const { effects } = after
    const stale = effects.includes('stale')
    const sourced = source !== undefined && after.state.lastSource === null
    const state = sourced ? { ...after.state, lastSource: source } : after.state
    if (state === before && (event === null || stale)) return after
    const dequeue = effects.includes('drop-queue') ? { dequeue: { did, upTo: Number.MAX_SAFE_INTEGER } } : {}
    const result = await store.save({ repo: state, ...dequeue }, stale ? null : event)
    if (!result.ok) throw new AppFailure(result.error)
    react(did, effects)
    return after
  }

  const readRepo = createRepoReader({ ...options, step, counts })

  const begin = async (did: Did, read: Resync): Promise<void> => {
    const run: Run = { stop: new AbortController(), epoch: 0, bytes: 0, filter: policy.filter, own: true }
    runs.set(did, run)
    try {
      const { state, effects } = await lanes.run(did, () => step(did, { kind: 'begun' }))
      if (effects.includes('stale')) return
      counts.started++
      run.epoch = state.epoch
      await readRepo(state, run, read)
    } catch (error) {
      if (!signal.aborted) options.onFault(error)
    } finally {
      runs.delete(did)
      poll()
    }
  }

  /** Asks the account's own host which rev is the newest. Its events go on meanwhile. */
  const check = async (did: Did, ask: LatestRev): Promise<void> => {
    const asking = { doubted: false }
    checks.set(did, asking)
    counts.checks++
    try {
      const askedAt = now()
      const factOf = await answerOf(did, ask).then(
        (rev) => (): RepoFact => ({ kind: 'checked', rev, askedAt, doubted: asking.doubted }),
        (error: unknown) => (): RepoFact => {
          const { retryAfterMs } = toResyncError(error) as Partial<ResyncError>
          return { kind: 'check-failed', retryAfterMs: retryAfterMs ?? 0, jitter: options.random() }
        },
      )
      if (!signal.aborted) await lanes.run(did, () => step(did, factOf()))
    } catch (error) {
      if (!signal.aborted) options.onFault(error)
    } finally {
      checks.delete(did)
      poll()
    }
  }

  const answerOf = async (did: Did, ask: LatestRev): Promise<Tid | null> => {
    // What was refused may have been so because the identity that is cached is old.
    const refreshing = options.identities.refresh(did, 'check')
    const found = await (refreshing ?? options.identities.get(did))
    if (!found.ok && !found.gone) throw new Error(found.message)
    return found.ok ? ask({ did, identity: found.identity, signal }) : null
  }

  return {
    enabled: resync !== null,
    counts,
    admit(did, bytes) {
      const run = runs.get(did)
      if (run === undefined) return true
      run.bytes += bytes
      return run.bytes <= options.maxQueueBytes
    },
    react,
    tell: (did, fact, source) => lanes.run(did, async () => void (await step(did, fact, null, source))),
    start,
    idle,
    get running() {
      return runs.size
    },
  }
}
