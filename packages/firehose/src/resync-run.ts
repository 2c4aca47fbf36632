// One resync from its beginning to its end: the parts of a copy, what was queued meanwhile, or why there is none.
// Spec: https://atproto.com/specs/sync ("Resynchronization")

import type { Did } from '@avocet/syntax'
import { isTerminal, ResyncError } from './errors.ts'
import type { FailureEvent, ResyncEvent } from './events.ts'
import type { RepoFact, Transition } from './facts.ts'
import type { Identities, IdentityResult } from './identities.ts'
import type { Lanes } from './lanes.ts'
import { createLru } from './lru.ts'
import type { ResolvedIdentity, Resync, ResyncPart } from './options.ts'
import type { FailureReason } from './reasons.ts'
import type { QueuedFrame, RepoState, RepoStateStore } from './state.ts'
import type { Store } from './store.ts'

/**
 * A resync under way. `bytes`: of the events that were queued meanwhile. `filter`: what was wanted when it began. `own`: its copy is
 * of the account's own host.
 */
export type Run = {
  readonly stop: AbortController
  epoch: number
  bytes: number
  filter: string
  own: boolean
}

/** How often what came about. */
export type ResyncCounts = {
  started: number
  finished: number
  failed: number
  terminal: number
  checks: number
}

/** What reading a repo needs. */
export type RepoReaderOptions = {
  readonly state: Pick<RepoStateStore<never>, 'loadQueue'>
  readonly store: Store
  readonly lanes: Lanes
  readonly identities: Identities
  /** Handles a frame of the durable queue as if it came now; takes it out of the queue. */
  readonly replay: (frame: QueuedFrame) => Promise<void>
  /** Asks the account's own host for its status, and tells what no event told. Only inside the repo's lane. */
  readonly renewStatus: (did: Did, source: string) => Promise<void>
  /** Stores what a fact makes of a repo, together with an event. Only inside the repo's lane. @throws AppFailure */
  readonly step: (did: Did, fact: RepoFact, event?: ResyncEvent | FailureEvent) => Promise<Transition>
  readonly counts: ResyncCounts
  /** Hosts can be asked for the status of their accounts. */
  readonly canAsk: boolean
  readonly now: () => number
  /** From 0 to 1: spreads what would come back at the same moment. */
  readonly random: () => number
  readonly signal: AbortSignal
}

/** An identity that is not found may be on its way: so many tries before the repo is given up. */
const MIN_TRIES_UNTIL_GONE = 3
/** Repos that their host put off come back so far apart, ms: a long backlog must not be asked about all the time. */
const TURN_MS = 20

/** Makes the function that reads a repo whose resync has begun; whatever comes of it is stored. */
export function createRepoReader(
  options: RepoReaderOptions,
): (repo: RepoState, run: Run, read: Resync) => Promise<void> {
  const { store, lanes, step, counts, now, signal } = options
  /** When the last one of a host and class comes back: what is urgent does not wait behind what is not. */
  const turns = createLru<string, number>(10_000)

  const readRepo = async (repo: RepoState, run: Run, read: Resync): Promise<void> => {
    const { did } = repo
    try {
      if (repo.phase !== 'draining') await readParts(repo, run, read)
      await lanes.run(did, () => drain(repo, run))
      counts.finished++
    } catch (error) {
      if (signal.aborted || run.stop.signal.aborted || error instanceof Ended) return
      await lanes.run(did, () => giveUp(repo, run, toResyncError(error)))
    }
  }

  /**
   * The identity is asked for anew before an answer is believed that nobody would ask about again, and when the copy is not
   * signed with the key that is known.
   */
  const readParts = async (repo: RepoState, run: Run, read: Resync): Promise<void> => {
    const { did } = repo
    let found = await options.identities.get(did)
    for (let tries = 0; ; tries++) {
      try {
        if (!found.ok && found.gone) throw new ResyncError('repo-not-found', found.message)
        return await readFrom(repo, run, read, found.ok ? found.identity : null)
      } catch (error) {
        if (tries > 0 || !(error instanceof ResyncError) || !mayBeStale(error, found)) throw error
        const refreshing = options.identities.refresh(did, 'check')
        if (refreshing === null) throw isTerminal(error.code) ? notYet(error, error.message) : error
        const before = found
        found = await refreshing
        if (!found.ok && found.gone && repo.attempts + 1 < MIN_TRIES_UNTIL_GONE)
          throw notYet(error, found.message)
        if (!found.ok)
          throw found.gone ? new ResyncError(error.code, found.message) : notYet(error, found.message)
        if (before.ok && isSameIdentity(before.identity, found.identity)) throw error
      }
    }
  }

  const readFrom = async (
    repo: RepoState,
    run: Run,
    read: Resync,
    identity: ResolvedIdentity | null,
  ): Promise<void> => {
    const { did, floor } = repo
    const either = AbortSignal.any([signal, run.stop.signal])
    const least = repo.rev === null || (floor !== null && floor > repo.rev) ? floor : repo.rev
    let ended = false
    for await (const part of read({
      did,
      repo,
      identity,
      reason: repo.reason ?? 'unknown',
      signal: either,
    })) {
      either.throwIfAborted()
      if (least !== null && part.rev < least) {
        throw new ResyncError(
          'rev-regression',
          `copy is older than what is known; rev=${part.rev} known=${least}`,
        )
      }
      await lanes.run(did, () => apply(did, run, part))
      ended = part.last
      if (ended) break
    }
    if (!ended) throw new ResyncError('fetch-failed', 'resync ended without its last part')
  }

  const apply = async (did: Did, run: Run, part: ResyncPart): Promise<void> => {
    const { own = true, ...content } = part
    const { rev, data, last } = part
    const { epoch, filter } = run
    run.own = own
    const event: ResyncEvent = { kind: 'resync', source: RESYNC_SOURCE, seq: null, did, ...content }
    const { effects } = await step(did, { kind: 'part', epoch, filter, rev, data, last, own }, event)
    // The account went, or came back as another one, while this was on its way.
    if (effects.includes('stale')) throw new Ended()
  }

  /** What was queued meanwhile, then everything is as the stream says. */
  const drain = async ({ did, attempts: tries }: RepoState, run: Run): Promise<void> => {
    for (;;) {
      const repo = await store.load(did)
      // A queued event may have broken the chain again.
      if (repo?.status !== 'resyncing' || repo.epoch !== run.epoch) throw new Ended()
      const page = await options.state.loadQueue(did, 1024 * 1024)
      if (page.length === 0) break
      for (const frame of page) await options.replay(frame)
    }
    const { state } = await step(did, { kind: 'drained', epoch: run.epoch })
    // A host that gives what it would refuse of an inactive account, or the other way round, knows something newer.
    if (state.upstreamStatus !== 'active') await options.renewStatus(did, RESYNC_SOURCE)
    // A mirror's copy confirms nothing that a source lost, and the lists that would have may be read: its host is asked.
    if (!run.own && (await store.load(did))?.status === 'unconfirmed') {
      await step(did, { kind: 'visited', gapAt: null, settled: true, tries })
    }
  }

  const giveUp = async (repo: RepoState, run: Run, error: ResyncError | AppFailure): Promise<void> => {
    const { did } = repo
    const code = error instanceof AppFailure ? 'app-failed' : error.code
    const terminal = error instanceof ResyncError && isTerminal(error.code)
    const retryAfterMs = error instanceof ResyncError ? (error.retryAfterMs ?? 0) : 0
    const queued = (await options.state.loadQueue(did, 1)).length > 0
    if (error instanceof ResyncError && code === 'host-busy') {
      const until = turnOf(`${repo.priority} ${error.host}`, now() + spread(retryAfterMs))
      await step(did, { kind: 'postponed', epoch: run.epoch, until, queued })
      return
    }
    counts[terminal ? 'terminal' : 'failed']++
    const reason: FailureReason =
      code === 'app-failed'
        ? 'app-failed'
        : terminal
          ? 'resync-terminal'
          : code === 'rev-regression'
            ? 'resync-rev-regression'
            : 'resync-failed'
    const message = `${code}: ${error.message}`
    const event = { kind: 'failure', source: RESYNC_SOURCE, seq: null, did, reason, message } as const
    const fact: RepoFact = {
      kind: 'failed',
      epoch: run.epoch,
      reason: code,
      terminal,
      canAsk: options.canAsk,
      queued,
      retryAfterMs,
      jitter: options.random(),
    }
    const { state } = await step(did, fact, event).catch((failure: unknown) => {
      if (failure instanceof AppFailure) return step(did, fact)
      throw failure
    })
    if (terminal && state.hearsay !== null) await options.renewStatus(did, RESYNC_SOURCE)
  }

  /** What a host put off does not all come back in one moment. */
  const spread = (ms: number): number => Math.round(ms * (1 + options.random() / 4)) + 1

  const turnOf = (line: string, earliest: number): number => {
    const turn = Math.max(earliest, (turns.get(line) ?? 0) + TURN_MS)
    turns.set(line, turn)
    return turn
  }

  return readRepo
}

/** The source named in events that a resync makes. */
const RESYNC_SOURCE = 'resync'

/** Whether an answer may be so because the identity that is known is an old one. */
const mayBeStale = ({ code }: ResyncError, found: IdentityResult): boolean =>
  isTerminal(code) || code === 'invalid-repo' || (found.ok && found.identity.key === null)

const isSameIdentity = (a: ResolvedIdentity, b: ResolvedIdentity): boolean =>
  a.pds === b.pds && a.key?.curve === b.key?.curve && String(a.key?.bytes) === String(b.key?.bytes)

/** An answer that would be the last one, and is not believed yet. */
const notYet = (cause: ResyncError, message: string): ResyncError =>
  new ResyncError('fetch-failed', message, { cause })

/** The resync is not wanted any more. */
class Ended extends Error {}

/** The app refused what a resync brought. */
export class AppFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** Why a resync or a check failed; what is of no kind of its own counts as a failure of the network. */
export function toResyncError(error: unknown): ResyncError | AppFailure {
  if (error instanceof ResyncError || error instanceof AppFailure) return error
  return new ResyncError('fetch-failed', error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}
