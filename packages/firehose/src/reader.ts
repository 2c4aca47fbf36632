// One source: its frames parsed, sent to their lanes; its cursor kept.

import type { Did, Tid } from '@avocet/syntax'
import { createCursorTracker, type CursorTracker, type Ticket } from './cursor-tracker.ts'
import { FirehoseError } from './errors.ts'
import { type FailureEvent, refusedFrame } from './events.ts'
import type { Lanes, Task } from './lanes.ts'
import type { Source, SourceReport, Timers } from './options.ts'
import { parseEvent } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import type { Item, SourceInfo } from './item.ts'
import type { Processor } from './processor.ts'
import type { Store } from './store.ts'
import type { RepoStateStore } from './state.ts'

/** One source, as seen now. */
export type ReaderStats = {
  readonly id: string
  readonly connected: boolean
  readonly frames: number
  readonly bytes: number
  /** The last seq that arrived; 0 before the first. */
  readonly lastSeq: number
  /** `time` of the last event, as its server said it. */
  readonly lastTime: string | null
  /** The low-water mark. */
  readonly cursor: number | null
  readonly inFlight: number
  readonly reconnects: number
}

/** A source being read. */
export type Reader = {
  readonly info: SourceInfo
  /** Reads where it was left; to be awaited before `run`. */
  load(): Promise<void>
  /** Reads until the source is exhausted or the signal aborts. */
  run(): Promise<void>
  /** Stores the cursor if it moved. */
  flush(): Promise<void>
  stats(): ReaderStats
}

/** What reading a source needs. */
export type ReaderOptions = {
  readonly source: Source
  readonly policy: VerifyPolicy
  readonly lanes: Lanes
  readonly processor: Processor
  readonly store: Store
  readonly state: Pick<RepoStateStore<never>, 'loadCursor'>
  readonly now: () => number
  readonly timers: Timers
  readonly signal: AbortSignal
  readonly onFault: (error: unknown) => void
}

const FLUSH_MS = 250
/** Failures of one DID told one by one while its lane waits. */
const MAX_REMNANTS = 64
/** Accounts whose remnants hold their frames: with this many, 4 MiB. Those of more only tell why. */
const MAX_FRAMES_HELD = 8
/** Events unfinished at a time: a bound on what the cursor has to remember. */
const MAX_IN_FLIGHT = 1_000_000

/** Prepares to read a source; `run` begins. */
export function createReader(options: ReaderOptions): Reader {
  const { source, policy, lanes, processor, store, signal } = options
  const speaker =
    source.kind === 'pds' ? { kind: 'pds' as const, host: source.host ?? '' } : { kind: 'relay' as const }
  let tracker: CursorTracker = createCursorTracker(source.id, null)
  const patient = source.patient === true
  const info: SourceInfo & { tracker: CursorTracker } = { id: source.id, speaker, tracker, patient }
  const seen = { frames: 0, bytes: 0, lastTime: null as string | null, connected: false, reconnects: 0 }
  // Events up to here may have been finished before this connection.
  let replayUntil = 0
  let startLive = false
  // It begins in the middle: what came before is not told.
  let joining = false
  // Something was passed over; what else was lost with that is known at the next connection.
  let passing = false
  // The last seq of this connection, or the cursor it began at.
  let previous = 0

  const flush = async (): Promise<void> => {
    if (!tracker.dirty()) return
    const cursor = tracker.cursor()
    if (cursor === null) return
    await store.save({ cursor }, null)
    tracker.stored(cursor)
  }

  // Armed by what arrives: a quiet source costs nothing.
  let cancelFlush: (() => void) | null = null
  const flushLater = (): void => {
    cancelFlush ??= options.timers.after(FLUSH_MS, () => {
      cancelFlush = null
      flush().then(() => {
        if (tracker.inFlight() > 0) flushLater()
      }, options.onFault)
    })
  }

  const cursorForConnection = (): number | undefined => {
    const cursor = startLive ? null : tracker.cursor()
    previous = cursor?.seq ?? 0
    joining = cursor === null && !patient
    if (joining) tracker.gap(options.now())
    if (startLive) return undefined
    replayUntil = Math.max(tracker.newest(), cursor?.high ?? 0)
    return cursor?.seq
  }

  const report = (event: SourceReport): void => {
    if (event.type === 'connected') {
      seen.connected = true
      if (joining || passing) tracker.gap(options.now())
      return
    }
    if (seen.connected) seen.reconnects++
    seen.connected = false
    if (event.type === 'too-large') {
      passing = true
      tracker.gap(options.now())
      tell('frame-too-big', event.message)
    }
    if (event.type === 'cursor-ahead') {
      // The numbers we know mean nothing any more: live from now on, with the numbers that come.
      startLive = true
      tracker.renumber()
      tracker.gap(options.now())
      tell('cursor-reset', `source numbers anew; ${event.message}`)
    }
  }

  const tell = (reason: FailureEvent['reason'], message: string): void => {
    processor
      .tell({ kind: 'failure', source: source.id, seq: null, did: null, reason, message })
      .catch(options.onFault)
  }

  /** Sends one frame on its way. */
  const take = (frame: Uint8Array): Promise<void> | null => {
    flushLater()
    passing = false
    seen.frames++
    seen.bytes += frame.length
    const parsed = parseEvent(frame, policy)
    if (!parsed.ok) {
      const { reason, message, did, seq, rev = null } = parsed.error
      const ticket = seq === null ? null : begin(seq)
      const failure: FailureEvent = {
        kind: 'failure',
        source: source.id,
        seq,
        did,
        reason,
        message,
        ...(remnants.size < MAX_FRAMES_HELD ? { frame: refusedFrame(frame) } : {}),
      }
      if (did !== null) return lose(did, ticket, failure, rev)
      return processor.lose({
        source: info,
        tickets: ticket === null ? [] : [ticket],
        failure,
        claimed: null,
      })
    }
    const event = parsed.value
    if (event.kind === 'info') {
      if (event.name === 'OutdatedCursor') tracker.gap(options.now())
      return store.save({}, { ...event, source: source.id, seq: null }).then(() => {})
    }
    seen.lastTime = event.time
    const ticket = begin(event.seq)
    const item: Item = {
      event,
      frame,
      source: info,
      ticket,
      replay: event.seq <= replayUntil,
      queueId: null,
    }
    const { did } = event
    const giveUp = (): void => {
      const message = 'too many events wait for the identity of this account'
      const failure = { kind: 'failure', source: source.id, seq: event.seq, did, message } as const
      lose(did, ticket, { ...failure, reason: 'queue-full' }, 'rev' in event ? event.rev : null)
    }
    const task: Task = {
      source: source.id,
      patient,
      bytes: frame.length + 512,
      run: () => processor.handle(item),
      drop: (why) => (why === 'shed' ? giveUp() : undefined),
    }
    if (!lanes.push(did, task)) giveUp()
    // What is lost from now on belongs behind it.
    else remnants.delete(did)
    return null
  }

  // What could not be read, or was given up, and waits at the end of its lane: so many each, then only their tickets.
  const remnants = new Map<Did, { tickets: Ticket[]; failure: FailureEvent; claimed: Tid | null }[]>()

  /** In its lane, so that it cannot overtake; nobody waits for that. */
  const lose = (did: Did, ticket: Ticket | null, failure: FailureEvent, claimed: Tid | null): null => {
    const tickets = ticket === null ? [] : [ticket]
    const waiting = remnants.get(did)
    const last = waiting?.at(-1)
    if (waiting !== undefined && last !== undefined && waiting.length >= MAX_REMNANTS) {
      last.tickets.push(...tickets)
      if (claimed === null || (last.claimed !== null && claimed > last.claimed)) last.claimed = claimed
      return null
    }
    if (waiting !== undefined) {
      waiting.push({ tickets, failure, claimed })
      return null
    }
    const lost = [{ tickets, failure, claimed }]
    remnants.set(did, lost)
    const work = async (): Promise<void> => {
      if (remnants.get(did) === lost) remnants.delete(did)
      for (const remnant of lost) await processor.lose({ source: info, ...remnant })
    }
    lanes.run(did, work).catch(onLaneFault)
    return null
  }

  const onLaneFault = (error: unknown): void => {
    if (!signal.aborted) options.onFault(error)
  }

  const begin = (seq: number): Ticket => {
    if (seq < previous) tracker.renumber()
    previous = seq
    startLive = false
    return tracker.begin(seq, options.now())
  }

  const load = async (): Promise<void> => {
    tracker = createCursorTracker(source.id, await options.state.loadCursor(source.id))
    info.tracker = tracker
  }

  const run = async (): Promise<void> => {
    try {
      for await (const frame of source.frames({ cursor: cursorForConnection, signal, report })) {
        if (signal.aborted) break
        const waiting = take(frame)
        if (waiting !== null) await waiting
        for (let room = lanes.room(source.id); room !== null; room = lanes.room(source.id)) await room
        while (tracker.inFlight() > MAX_IN_FLIGHT && !signal.aborted) {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
    } catch (cause) {
      if (signal.aborted) return
      if (cause instanceof FirehoseError) throw cause
      throw new FirehoseError('source-failed', `source failed; id=${source.id}`, { cause })
    } finally {
      cancelFlush?.()
      seen.connected = false
    }
  }

  return {
    info,
    load,
    run,
    flush,
    stats: () => ({
      id: source.id,
      connected: seen.connected,
      frames: seen.frames,
      bytes: seen.bytes,
      lastSeq: tracker.newest(),
      lastTime: seen.lastTime,
      cursor: tracker.cursor()?.seq ?? null,
      inFlight: tracker.inFlight(),
      reconnects: seen.reconnects,
    }),
  }
}
