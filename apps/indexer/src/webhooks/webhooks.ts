// The webhooks of an indexer: each is a consumer of the log with a place of its own.

import { createGroup } from '../delivery/group.ts'
import type { Group, GroupStats } from '../delivery/group-types.ts'
import { beginningOf, type GroupParts } from '../delivery/groups.ts'
import { createTest } from '../stream/wanted.ts'
import type { StreamEvent } from '../stream/event.ts'
import { isTapEvent } from '../tap/event.ts'
import { createPost } from './post.ts'
import type { WebhookConfig } from './settings.ts'
import { batchText, startWorker, type Worker } from './worker.ts'

/** What is told of a webhook. */
export type WebhookStats = GroupStats & {
  /** Where it goes, without what may be a secret in its path. */
  readonly origin: string
  readonly disabled: string | null
  /** Requests in a row that failed. */
  readonly failures: number
}

/** Webhooks at work. */
export type Webhooks = {
  get(name: string): Group | null
  stats(): WebhookStats[]
  /** The oldest number of the log that one of them needs still; Infinity: none does. */
  needs(): number
  stop(): Promise<void>
}

/** Of events. */
const PENDING = 4096
const TRIES = 6
const MAX_EVENTS = 100
/** An event that failed once, twice, … waits so long, ms. */
const BACKOFF_MS = [1000, 5000, 30_000, 120_000, 600_000]
const STALLED_MS = 24 * 3_600_000

/**
 * Starts them.
 * @param writeTap an event as Tap says it
 * @throws IndexerError `bad-config`
 */
export async function startWebhooks(
  parts: GroupParts,
  hooks: readonly WebhookConfig[],
  writeTap: (value: StreamEvent) => string,
): Promise<Webhooks> {
  const { onLog, onError } = parts
  const posts = await Promise.all(hooks.map((hook) => createPost(hook, parts.now)))
  const started = hooks.map((hook, i): { hook: WebhookConfig; group: Group; worker: Worker } => {
    const { name, format = 'batch', filter = {}, historical = true, start = 'oldest', tries = TRIES } = hook
    const wanted = createTest({ ...filter, historical })
    const group = createGroup({
      ...parts,
      name: `webhook/${name}`,
      // Who began with the log knows of no snapshots.
      start: { ...beginningOf(start, parts), recovers: start === 'snapshot' || start === 'all' },
      test: format === 'batch' ? wanted : (event) => isTapEvent(event) && wanted(event),
      limits: {
        pending: PENDING,
        tries,
        backoffMs: (failures) => BACKOFF_MS[failures - 1] ?? BACKOFF_MS.at(-1)!,
        stalledMs: STALLED_MS,
        // Its request has a bound of its own.
        ackMs: Infinity,
      },
    })
    const write = format === 'tap' ? writeTap : batchText
    const { maxEvents = MAX_EVENTS } = hook
    const worker = startWorker({ group, post: posts[i]!, format, maxEvents, write, onLog, onError })
    return { hook, group, worker }
  })
  return {
    get: (name) => started.find(({ hook }) => hook.name === name)?.group ?? null,
    stats: () =>
      started.map(({ hook, group, worker }) => ({
        ...group.stats(),
        origin: new URL(hook.url).origin,
        disabled: worker.disabled,
        failures: worker.failures,
      })),
    needs: () => Math.min(Infinity, ...started.map(({ group }) => group.needs())),
    async stop() {
      await Promise.all(started.map(({ worker }) => worker.stop()))
      await Promise.all(started.map(({ group }) => group.close()))
    },
  }
}
