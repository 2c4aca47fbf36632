// Repos that must be read anew: when, how many at a time, and what happens to their events meanwhile.
// Spec: https://atproto.com/specs/sync ("Resynchronization")

import type { Did } from '@avocet/syntax'
import { isTerminal, ResyncError } from './errors.ts'
import type { ResyncEvent } from './events.ts'
import type { Identities } from './identities.ts'
import type { Lanes } from './lanes.ts'
import { createLru } from './lru.ts'
import type { Resync, ResyncPart, ResyncPolicy } from './options.ts'
import type { ResyncGate } from './processor.ts'
import { newRepo, type Store } from './store.ts'
import type { QueuedFrame, RepoState, RepoStateStore } from './state.ts'

/** What resyncing needs. */
export type ResyncerOptions = {
  readonly resync: Resync | null
  readonly policy: ResyncPolicy
  readonly concurrency: number
  readonly maxQueueBytes: number
  readonly state: Pick<RepoStateStore<never>, 'loadDue' | 'loadQueue'>
  readonly store: Store
  readonly lanes: Lanes
  readonly identities: Identities
  /** Handles a frame of the durable queue as if it came now; takes it out of the queue. */
  readonly replay: (frame: QueuedFrame) => Promise<void>
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

/** Runs the resyncs of a consumer. */
export type Resyncer = ResyncGate & {
  /** Marks a repo as due now. */
  request(did: Did, reason: string): Promise<void>
  start(): void
  /** Resolves when nothing runs and nothing is due now. */
  idle(): Promise<void>
  readonly running: number
  readonly counts: { started: number; finished: number; failed: number; terminal: number }
}

type Run = { bytes: number; overflow: boolean }

/** Makes the resyncer of a consumer; `start` begins. */
export function createResyncer(options: ResyncerOptions): Resyncer {
  const { resync, policy, store, lanes, now, signal } = options
  const runs = new Map<Did, Run>()
  const lastStart = createLru<Did, number>(100_000)
  const counts = { started: 0, finished: 0, failed: 0, terminal: 0 }
  let timer: ReturnType<typeof setTimeout> | undefined
  let looking: Promise<void> | null = null
  let again = false
  let started = false
  let idleWaiters: (() => void)[] = []

  const look = async (): Promise<void> => {
    const free = options.concurrency - runs.size
    if (free <= 0 || signal.aborted || resync === null) return
    const due = await options.state.loadDue(now(), free + runs.size)
    for (const repo of due) {
      if (runs.size >= options.concurrency || signal.aborted) break
      if (runs.has(repo.did)) continue
      void start(repo.did, resync)
    }
  }

  const poll = (): void => {
    clearTimeout(timer)
    if (signal.aborted || !started || resync === null) return wakeIdle()
    if (looking !== null) {
      again = true
      return
    }
    again = false
    looking = look()
      .catch(options.onFault)
      .finally(() => {
        looking = null
        if (again) return poll()
        if (!signal.aborted) timer = setTimeout(poll, policy.pollMs)
        timer?.unref?.()
        wakeIdle()
      })
  }

  const wakeIdle = (): void => {
    if (runs.size > 0 || looking !== null) return
    const waiters = idleWaiters
    idleWaiters = []
    for (const waiter of waiters) waiter()
  }

  const start = async (did: Did, read: Resync): Promise<void> => {
    const run: Run = { bytes: 0, overflow: false }
    runs.set(did, run)
    lastStart.set(did, now())
    counts.started++
    try {
      const repo = await lanes.run(did, () => begin(did))
      if (repo !== null) await readRepo(repo, run, read)
    } catch (error) {
      if (!signal.aborted) options.onFault(error)
    } finally {
      runs.delete(did)
      poll()
      wakeIdle()
    }
  }

  /** From here on events of this repo go to the durable queue. Null when there is nothing to do any more. */
  const begin = async (did: Did): Promise<RepoState | null> => {
    const repo = await store.load(did)
    if (repo === null || repo.nextTry === null || repo.nextTry > now()) return null
    if (repo.upstreamStatus !== 'active' && repo.reason !== 'requested') {
      // Nothing to be had from an inactive account; its reactivation asks again.
      await store.save({ repo: { ...repo, nextTry: null } }, null)
      return null
    }
    // `nextTry` stays: should the process die, the repo is found due again.
    const next: RepoState = { ...repo, status: 'resyncing' }
    await store.save({ repo: next }, null)
    return next
  }

  const readRepo = async (repo: RepoState, run: Run, read: Resync): Promise<void> => {
    const { did } = repo
    let delivered = false
    try {
      if (repo.reason !== DRAINING) {
        const found = await options.identities.get(did)
        if (!found.ok && found.gone) throw new ResyncError('repo-not-found', found.message)
        const identity = found.ok ? found.identity : null
        let last: ResyncPart | null = null
        for await (const part of read({ did, repo, identity, reason: repo.reason ?? 'unknown', signal })) {
          signal.throwIfAborted()
          if (repo.rev !== null && part.rev < repo.rev) {
            throw new ResyncError(
              'rev-regression',
              `copy is older than what is stored; rev=${part.rev} stored=${repo.rev}`,
            )
          }
          await lanes.run(did, () => apply(did, part))
          delivered = true
          last = part
          if (part.last) break
        }
        if (last === null || !last.last)
          throw new ResyncError('fetch-failed', 'resync ended without its last part')
      }
      await lanes.run(did, () => drain(did, run))
      counts.finished++
    } catch (error) {
      if (signal.aborted) return
      await lanes.run(did, () => giveUp(did, toResyncError(error), delivered))
    }
  }

  const apply = async (did: Did, part: ResyncPart): Promise<void> => {
    const event: ResyncEvent = { kind: 'resync', source: RESYNC_SOURCE, seq: null, did, ...part }
    const repo = await store.load(did)
    const next = { ...(repo ?? newRepo(did)), rev: part.rev, data: part.data, reason: DRAINING }
    const result = await store.save(part.last ? { repo: next } : {}, event)
    if (!result.ok) throw new AppFailure(result.error)
  }

  /** What was queued meanwhile, then everything is as the stream says. */
  const drain = async (did: Did, run: Run): Promise<void> => {
    for (;;) {
      const page = await options.state.loadQueue(did, 1024 * 1024)
      for (const frame of page) await options.replay(frame)
      if (page.length === 0) break
    }
    const repo = await store.load(did)
    // A queued event may have broken the chain again.
    if (repo === null || repo.status !== 'resyncing') return
    const { overflow } = run
    await store.save(
      {
        repo: {
          ...repo,
          status: overflow ? 'desynchronized' : 'synchronized',
          reason: overflow ? 'queue-full' : null,
          nextTry: overflow ? now() + policy.intervalMs : null,
          attempts: 0,
        },
      },
      null,
    )
  }

  const giveUp = async (did: Did, error: ResyncError | AppFailure, delivered: boolean): Promise<void> => {
    const repo = (await store.load(did)) ?? newRepo(did)
    const code = error instanceof AppFailure ? 'app-failed' : error.code
    const terminal = error instanceof ResyncError && isTerminal(error.code)
    counts[terminal ? 'terminal' : 'failed']++
    const attempts = repo.attempts + 1
    const backoff = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** Math.min(attempts - 1, 30))
    const retryAfter = error instanceof ResyncError ? (error.retryAfterMs ?? 0) : 0
    const next: RepoState = {
      ...repo,
      // Half applied, neither the old head nor the new one says what the app holds.
      ...(delivered && repo.reason !== DRAINING ? { rev: null, data: null } : {}),
      status: terminal ? 'terminal' : 'desynchronized',
      reason: code,
      nextTry: terminal
        ? null
        : now() + Math.round(Math.max(backoff * (0.75 + Math.random() / 2), retryAfter)),
      attempts,
    }
    // What was queued is covered by the next resync.
    const dequeue = { did, upTo: Number.MAX_SAFE_INTEGER }
    const reason =
      code === 'app-failed'
        ? 'app-failed'
        : terminal
          ? 'resync-terminal'
          : code === 'rev-regression'
            ? 'resync-rev-regression'
            : 'resync-failed'
    const message = `${code}: ${error.message}`
    const event = { kind: 'failure', source: RESYNC_SOURCE, seq: null, did, reason, message } as const
    const result = await store.save({ repo: next, dequeue }, event)
    if (!result.ok) await store.save({ repo: next, dequeue }, null)
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })

  return {
    enabled: resync !== null,
    counts,
    dueAt: (did) => Math.max(now(), (lastStart.get(did) ?? -Infinity) + policy.intervalMs),
    admit(did, bytes) {
      const run = runs.get(did)
      if (run === undefined) return true
      run.bytes += bytes
      if (run.bytes > options.maxQueueBytes) run.overflow = true
      return !run.overflow
    },
    wake: poll,
    request: (did, reason) =>
      lanes.run(did, async () => {
        const repo = (await store.load(did)) ?? newRepo(did)
        if (repo.status === 'resyncing') return
        await store.save({ repo: { ...repo, status: 'desynchronized', reason, nextTry: now() } }, null)
        poll()
      }),
    start() {
      started = true
      poll()
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve)
        poll()
      }),
    get running() {
      return runs.size
    },
  }
}

/** The source named in events that a resync makes. */
const RESYNC_SOURCE = 'resync'
/** The repo is read; only its queue is left. */
const DRAINING = 'draining'

class AppFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function toResyncError(error: unknown): ResyncError | AppFailure {
  if (error instanceof ResyncError || error instanceof AppFailure) return error
  return new ResyncError('fetch-failed', error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}
