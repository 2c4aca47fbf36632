// The verified stream: sources in, lanes per DID, state and app in one transaction, cursors behind.
// Spec: https://atproto.com/specs/sync

import { verifySignature } from '@avocet/crypto'
import type { Did, Tid } from '@avocet/syntax'
import { checkOptions } from './check-options.ts'
import { createCursorTracker } from './cursor-tracker.ts'
import { FirehoseError } from './errors.ts'
import { createHearings } from './hearings.ts'
import { createIdentities } from './identities.ts'
import { createLanes } from './lanes.ts'
import type { ConsumeOptions, Timers } from './options.ts'
import { parseEvent } from './parse.ts'
import { pause } from './pause.ts'
import { DEFAULT_POLICY, type VerifyPolicy } from './policy.ts'
import type { Listed, SourceInfo } from './item.ts'
import { createProcessor } from './processor.ts'
import { inlineProver } from './prove.ts'
import { createReader, type ReaderStats } from './reader.ts'
import type { FailureReason } from './reasons.ts'
import { createResyncer } from './resyncer.ts'
import { createStore } from './store.ts'
import { createSweep } from './sweep.ts'
import { collectionFilter, filterHash, followsOf } from './filter.ts'
import type { RepoPolicy } from './facts.ts'

/** Figures since the consumer started. */
export type ConsumerStats = {
  readonly accepted: number
  /** Events of repos outside the scope: nothing was asked about them. */
  readonly passed: number
  /** What was not accepted, by reason. */
  readonly reasons: Readonly<Partial<Record<FailureReason, number>>>
  /** Bytes of frames in memory, waiting or worked on. */
  readonly queuedBytes: number
  /** Events waiting for their lane's turn. */
  readonly waiting: number
  /** DIDs worked on now. */
  readonly active: number
  readonly identities: { readonly resolved: number; readonly refreshed: number }
  readonly resync: {
    readonly running: number
    readonly started: number
    readonly finished: number
    readonly failed: number
    readonly terminal: number
    /** Times the host of an account was asked for its newest rev. */
    readonly checks: number
  }
  readonly sources: readonly ReaderStats[]
}

/** A running consumer. */
export interface Consumer {
  /**
   * Resolves when all sources are exhausted and everything they gave is stored, or after `close` or the signal.
   * Rejects with FirehoseError `state-failed` or `source-failed` when it cannot go on.
   */
  readonly done: Promise<void>
  /**
   * Marks a repo (also one never seen) to be read anew. `reason`: `requested` (default) goes before what is merely
   * `discovered`. `rev`: what it is said to have; `source`: the id of the source whose list it is in.
   */
  requestResync(did: Did, reason?: string, about?: { rev?: Tid | null; source?: string }): Promise<void>
  /**
   * Tells what a host lists (com.atproto.sync.listRepos): the same rev confirms what is stored, a newer one makes the repo
   * `suspect` until the stream has brought it or the repo was read; a repo never seen is read; another status is one that the
   * stream did not tell. False: nobody has such an account, or not there; nothing was stored.
   */
  reportListed(entry: Listed): Promise<boolean>
  /**
   * The lists of the sources were read to their ends: repos that are still `unconfirmed` are asked for at their hosts, and so are the
   * statuses of accounts that are not active and were not asked for since a gap.
   */
  confirmRest(): Promise<void>
  /**
   * What the option `filter` says has changed: every repo whose rows were made for something else is to be read anew. Resolves when all
   * were looked at; what is not is found at the next start.
   */
  refilter(): Promise<void>
  /**
   * Forgets a repo: its state, what is queued of it, a resync under way. Events of it that come later are of a repo never seen, so the scope
   * decides. Rows that the app has made of it are the app's to remove.
   * @param isMeant asked in the turn of the repo's events, at the last moment. Default: yes
   * @returns whether it was meant
   */
  forget(did: Did, isMeant?: () => boolean): Promise<boolean>
  /**
   * When a source (null: any) last lost events for certain, ms since the epoch; null: never. Then its list is to be read anew.
   * A repo that was not confirmed since (`confirmedAt`) is `unconfirmed`, also where its row still says `synchronized`.
   */
  gapAt(source: string | null): number | null
  /**
   * Sets what this service itself decided about an account. While it is not `active`, its events are ignored; on return to
   * `active` the repo is read anew.
   */
  setLocalStatus(did: Did, status: string): Promise<void>
  stats(): ConsumerStats
  /** Stops reading, finishes what is under way, stores the cursors. What waited is read again next time. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const MIB = 1024 * 1024

const PLATFORM_TIMERS: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms)
    timer.unref?.()
    return () => clearTimeout(timer)
  },
}

/**
 * Consumes streams and hands over what is verified: in order per DID, side by side across DIDs, each event in one
 * transaction with the state that it leads to and the cursor. Starts at once.
 * @throws FirehoseError `invalid-option`
 */
export function consume<Tx>(options: ConsumeOptions<Tx>): Consumer {
  checkOptions(options)
  const now = options.now ?? Date.now
  const policy: VerifyPolicy = { ...DEFAULT_POLICY, ...options.policy }
  const cacheSize = options.cacheSize ?? 100_000
  const stop = new AbortController()
  const onAbort = (): void => stop.abort()
  if (options.signal?.aborted) stop.abort()
  else options.signal?.addEventListener('abort', onAbort, { once: true })
  const { signal } = stop

  const reasons = new Map<FailureReason, number>()
  const seen = { accepted: 0, passed: 0 }
  let fault: unknown = null

  const onFault = (error: unknown): void => {
    if (signal.aborted && error instanceof DOMException) return
    fault ??= error
    stop.abort()
  }

  const timers = options.timers ?? PLATFORM_TIMERS
  const wait = (ms: number): Promise<void> => pause(ms, signal, options.timers)
  const startedAt = now()
  const { filter = filterHash(options.collections) } = options
  const repoPolicy: RepoPolicy = {
    resync: options.resync !== undefined,
    check: options.latestRev !== undefined,
    firstSighting: options.resync === undefined ? 'accept' : (options.firstSighting ?? 'resync'),
    get filter() {
      return typeof filter === 'function' ? filter() : filter
    },
    intervalMs: 60_000,
    backoffMs: 10_000,
    maxBackoffMs: 86_400_000,
    graceMs: 30_000,
    reactivationMs: 3000,
    ...options.resyncPolicy,
  }
  const gapAt = (source: string | null): number | null => {
    let latest: number | null = null
    for (const { info } of readers) {
      if (source === info.id || source?.startsWith(`${info.id}#`) === true) return info.tracker.gapAt()
      const gap = info.tracker.gapAt()
      if (gap !== null && (latest === null || gap > latest)) latest = gap
    }
    // Nobody tells any more what the repos of a source did that is not followed now.
    return source === null ? latest : startedAt
  }
  const store = createStore(options, cacheSize, gapAt)
  const share = (options.maxQueuedBytes ?? 64 * MIB) / Math.max(1, options.sources.length)
  const lanes = createLanes({
    concurrency: options.concurrency ?? 64,
    maxBytes: share,
    maxLaneBytes: options.maxLaneBytes ?? 4 * MIB,
    maxParkedBytes: share / 2,
    onFault,
  })
  // What waits in a lane must not overtake what it waits behind, which may be given up now.
  const endLanes = (): void => {
    lanes.release()
    lanes.clear()
  }
  signal.addEventListener('abort', endLanes, { once: true })
  const identities = createIdentities({
    resolveKey: options.resolveKey,
    now,
    maxEntries: cacheSize,
    ttlMs: 12 * 3_600_000,
    goneTtlMs: 2 * 60_000,
    refreshMs: 60_000,
    retryMs: [500, 2000, 6000],
    ...options.identity,
    wait,
    signal,
  })
  const canAsk = typeof options.hostStatus === 'function'
  const resyncer = createResyncer({
    resync: options.resync ?? null,
    latestRev: options.latestRev ?? null,
    policy: repoPolicy,
    pollMs: options.resyncPolicy?.pollMs ?? 1000,
    concurrency: options.resyncConcurrency ?? 4,
    checkConcurrency: options.checkConcurrency ?? 8,
    maxQueueBytes: options.maxResyncQueueBytes ?? 16 * MIB,
    state: options.state,
    store,
    lanes,
    identities,
    replay: (queued) => replay(queued.frame, queued.source, queued.id, queued.did),
    renewStatus: (did, source) => processor.renewStatus(did, source),
    canAsk,
    now,
    timers,
    random: options.random ?? Math.random,
    signal,
    onFault,
  })
  const wanted = options.collections === undefined ? null : collectionFilter(options.collections)
  const processor = createProcessor({
    bench: {
      identities,
      prover: options.prover ?? inlineProver(options.verify ?? verifySignature),
      policy,
      now,
      signal,
      aside: (did, work) => lanes.aside(did, work),
      mayKeep: (did) => lanes.mayKeep(did),
    },
    store,
    resync: resyncer,
    policy: repoPolicy,
    hostStatus: options.hostStatus ?? null,
    timers,
    random: options.random ?? Math.random,
    speakerOf: (source) => readers.find(({ info }) => info.id === source)?.info.speaker ?? { kind: 'relay' },
    wanted,
    follows: followsOf(options.scope ?? 'all', wanted),
    onIgnored: options.onIgnored ?? (() => {}),
    after(ms, did, work) {
      timers.after(Math.max(0, ms), () => {
        if (!signal.aborted) lanes.run(did, work).catch(onFault)
      })
    },
    count: (reason) => {
      if (reason === 'accepted' || reason === 'passed') seen[reason]++
      else reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    },
  })

  const hearings = createHearings({
    state: options.state,
    lanes,
    canAsk,
    hear: (did) => processor.hear(did),
    now,
    pollMs: options.resyncPolicy?.pollMs ?? 1000,
    timers,
    signal,
    onFault,
  })

  const readers = options.sources.map((source) =>
    createReader({
      source,
      policy,
      lanes,
      processor,
      store,
      state: options.state,
      now,
      timers,
      signal,
      onFault,
    }),
  )

  const sweep = createSweep({
    state: options.state,
    policy: repoPolicy,
    gapAt,
    tell: (did, fact) => resyncer.tell(did, fact),
    canAsk,
    now,
    timers,
    signal,
  })

  /** A frame from the durable queue: parsed anew, judged like a new one. */
  const replay = async (frame: Uint8Array, sourceId: string, queueId: number, did: Did): Promise<void> => {
    const parsed = parseEvent(frame, policy)
    const source = readers.find((reader) => reader.info.id === sourceId)?.info ?? orphan(sourceId)
    if (!parsed.ok || parsed.value.kind === 'info') {
      // It was read before it was queued: only a stricter policy since then can refuse it.
      await store.save({ dequeue: { did, upTo: queueId } }, null)
      return
    }
    await processor.handle({ event: parsed.value, frame, source, ticket: null, replay: false, queueId })
  }

  const run = async (): Promise<void> => {
    try {
      for (const reader of readers) await reader.load()
      if (!signal.aborted) {
        resyncer.start()
        hearings.start()
      }
      const sweeping = sweep(false).catch(onFault)
      await Promise.all(readers.map((reader) => reader.run()))
      await lanes.idle()
      await sweeping
      if (!signal.aborted) await hearings.idle()
      if (!signal.aborted) await resyncer.idle()
    } catch (error) {
      onFault(error)
    }
    const exhausted = !signal.aborted
    stop.abort()
    await lanes.idle()
    options.signal?.removeEventListener('abort', onAbort)
    try {
      for (const reader of readers) await reader.flush()
    } catch (error) {
      fault ??= error
    }
    if (fault !== null) {
      if (fault instanceof FirehoseError) throw fault
      throw new FirehoseError('state-failed', `consumer stopped; exhausted=${exhausted}`, { cause: fault })
    }
  }
  // In a turn of its own: nothing happens before the caller has the consumer.
  const done = Promise.resolve().then(run)
  // Whoever never looks at `done` has asked not to be told.
  done.catch(() => {})

  const close = async (): Promise<void> => {
    stop.abort()
    await done.catch(() => {})
  }

  return {
    done,
    requestResync: (did, reason = 'requested', { rev: claimed = null, source } = {}) =>
      resyncer.tell(did, { kind: 'requested', reason, claimed }, source),
    reportListed: (entry) => lanes.run(entry.did, () => processor.listed(entry)),
    confirmRest: () => sweep(true),
    refilter: () => sweep(false),
    forget: (did, isMeant = () => true) => lanes.run(did, () => processor.forget(did, isMeant)),
    gapAt,
    setLocalStatus: (did, status) => resyncer.tell(did, { kind: 'local', status }),
    stats: () => ({
      ...seen,
      reasons: Object.fromEntries(reasons),
      queuedBytes: lanes.bytes,
      waiting: lanes.waiting,
      active: lanes.active,
      identities: { ...identities.counts },
      resync: { running: resyncer.running, ...resyncer.counts },
      sources: readers.map((reader) => reader.stats()),
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function orphan(id: string): SourceInfo {
  // Its source is not consumed any more. It was let in by a check of the host then; a relay's rights are enough now.
  return { id, speaker: { kind: 'relay' }, tracker: createCursorTracker(id, null), patient: true }
}
