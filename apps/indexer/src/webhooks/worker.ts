// Sends a group's events to a webhook: one request at a time, with as many events as are taken. A request that fails is sent again with
// half of its events, down to the one that is not taken, which then waits alone while all others go on.

import type { Group } from '../delivery/group-types.ts'
import { isOfSnapshot } from '../delivery/snapshot.ts'
import type { Entry, Owner } from '../delivery/window.ts'
import type { StreamEvent } from '../stream/event.ts'
import { payloadOf } from '../stream/event.ts'
import { sleep } from '../sync/discover.ts'
import type { Outcome, Post } from './post.ts'

/** A webhook at work. */
export type Worker = {
  /** Why it does not go on; null: it does. */
  readonly disabled: string | null
  /** How many requests in a row failed. */
  readonly failures: number
  stop(): Promise<void>
}

/** Bytes of the events of one request, unless one alone is larger. */
const MAX_BYTES = 256 * 1024
/** How long events gather for a request, ms. */
const GATHER_MS = 50
/** Of a receiver that fails: from here on twice as long each time, ms. */
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 60_000
/** Requests in a row without an answer before fewer events are sent. */
const PATIENCE = 3

type Part = { readonly entry: Entry; readonly text: string }

/** Starts. @param write what one event says */
export function startWorker(options: {
  readonly group: Group
  readonly post: Post
  readonly format: 'batch' | 'tap'
  readonly maxEvents: number
  readonly write: (value: StreamEvent) => string
  readonly onLog: (line: string) => void
  readonly onError: (error: unknown) => void
}): Worker {
  const { group, post, format, onLog } = options
  const most = format === 'tap' ? 1 : options.maxEvents
  const stopped = new AbortController()
  const { signal } = stopped
  let limit = most
  let failures = 0
  /** Those of them that say something of the receiver, rather than of one event among others. */
  let strikes = 0
  let disabled: string | null = null
  let wakeUp = (): void => {}
  let isWoken = false

  const owner: Owner = {
    inFlight: 0,
    wake() {
      isWoken = true
      wakeUp()
    },
    overdue() {},
    failed() {},
  }

  const isIdle = (): boolean => !isWoken && !signal.aborted
  const goesOn = (): boolean => !signal.aborted && disabled === null
  /** Until something may be there. */
  const woken = async (): Promise<void> => {
    while (isIdle()) await new Promise<void>((resolve) => (wakeUp = resolve))
    isWoken = false
  }

  /** The events of the next request. One that failed before is sent alone, and none of a snapshot beside one of the log. */
  const gather = (): Part[] => {
    const parts: Part[] = []
    let bytes = 0
    let behind: Entry | undefined
    while (parts.length < limit) {
      const entry = (behind && group.take(owner, behind)) ?? group.take(owner)
      if (entry === null) break
      behind = undefined
      const isSuspect = entry.failures > 0
      const isOther =
        parts.length > 0 && isOfSnapshot(entry.event.seq) !== isOfSnapshot(parts[0]!.entry.event.seq)
      if ((isSuspect && parts.length > 0) || isOther) {
        group.giveBack([entry])
        break
      }
      const value = group.read(entry)
      if (value === null) continue
      const text = options.write(value)
      const size = Buffer.byteLength(text)
      if (parts.length > 0 && bytes + size > MAX_BYTES) {
        group.giveBack([entry])
        break
      }
      parts.push({ entry, text })
      bytes += size
      if (isSuspect) break
      behind = entry
    }
    // Of a snapshot they stand in its order, which is not that of their numbers.
    if (parts.some(({ entry }) => isOfSnapshot(entry.event.seq))) return parts
    return parts.toSorted((a, b) => a.entry.event.seq - b.entry.event.seq)
  }

  const bodyOf = (parts: readonly Part[]): string => {
    if (format === 'tap') return parts[0]!.text
    const { seq } = parts.at(-1)!.entry.event
    const cursor = isOfSnapshot(seq) ? 'null' : JSON.stringify(String(seq))
    return `{"events":[${parts.map(({ text }) => text).join()}],"cursor":${cursor}}`
  }

  /** @returns how long to wait */
  const settle = (parts: readonly Part[], outcome: Outcome): number => {
    const entries = parts.map(({ entry }) => entry)
    if (outcome.kind === 'taken') {
      failures = strikes = 0
      limit = Math.min(most, limit * 2)
      for (const { event } of entries) group.ack(event.seq)
      return 0
    }
    if (outcome.kind === 'gone') {
      disabled = 'the receiver answered 410'
      group.giveBack(entries)
      onLog(`${group.name}: ${disabled}: nothing is sent until the next start`)
      return 0
    }
    failures++
    if (failures === 1) onLog(`${group.name}: not taken: ${outcome.reason}`)
    if (entries.length === 1) group.fail(entries[0]!, outcome.reason)
    else {
      group.giveBack(entries)
      // Who answers has read it: one of them is to blame, perhaps. Who does not may be away.
      if (outcome.kind === 'rejected' || failures >= PATIENCE) limit = Math.ceil(entries.length / 2)
    }
    if (outcome.kind === 'rejected' && entries.length > 1)
      return Math.max(outcome.retryAfterMs, FIRST_PAUSE_MS)
    const pauseMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(strikes++, 20))
    return Math.max(outcome.retryAfterMs, pauseMs)
  }

  const run = async (): Promise<void> => {
    group.attach(owner)
    while (goesOn()) {
      const parts = gather()
      if (parts.length === 0) {
        await woken()
        if (!signal.aborted) await sleep(GATHER_MS, signal)
        continue
      }
      const seqs = parts.map(({ entry }) => entry.event.seq)
      const outcome = await post(bodyOf(parts), seqs, signal)
      if (signal.aborted && outcome.kind !== 'taken') break
      const ms = settle(parts, outcome)
      if (ms > 0) await sleep(ms, signal)
    }
  }
  const running = run()
    .catch((error: unknown) => {
      disabled = 'an error'
      options.onError(error)
    })
    .finally(() => group.detach(owner))
  return {
    get disabled() {
      return disabled
    },
    get failures() {
      return failures
    },
    async stop() {
      stopped.abort()
      wakeUp()
      await running
    },
  }
}

/** An event in a batch: as streams over HTTP have it. */
export function batchText(value: StreamEvent): string {
  return JSON.stringify(payloadOf(value))
}
