// What a consumer was given and has not acknowledged yet: in order for each account, bounded, given again, and given up at last. Pure:
// times come as arguments.
//
// As Tap has it, a change that a stream brought waits for everything of its account before it, and holds up everything behind it. What
// exports brought, and what is said of accounts, goes side by side.

import type { LogEvent } from '../stream/log-reader.ts'
import type { Message } from '../stream/event.ts'

/** Bounds of what waits. */
export type WindowLimits = {
  /** Events that are not acknowledged, before no more are read. */
  readonly pending: number
  /** Failures after which an event is given up. */
  readonly tries: number
  /** How long an event that failed so many times waits, ms. */
  readonly backoffMs: (failures: number) => number
  /** After so long it is given up, though nothing else was acknowledged meanwhile either, ms. */
  readonly stalledMs: number
}

/** Who takes events. */
export type Owner = {
  /** Something may be there to take. */
  wake(): void
  /** One that it had was not acknowledged in time. */
  overdue(): void
  /** Events cannot be read. */
  failed(): void
  /** How many it has; counted here. */
  inFlight: number
}

/** An event that waits. */
export type Entry = {
  readonly event: LogEvent
  /** What was made of it for others too; only until it was sent. */
  message: Message | null
  /** Where it is: behind another of its account, to be sent, at a consumer, or put off. */
  state: 'blocked' | 'ready' | 'sent' | 'later' | 'gone'
  /** Failures that count: see `fail`. */
  tries: number
  /** All of them. */
  failures: number
  /** Whether a consumer ever had it: only then it may be acknowledged. */
  wasSent: boolean
  /** Of what is sent, when it is overdue; of what is put off, until when. */
  dueAt: number
  owner: Owner | null
  failedAt: number | null
  /** How many were acknowledged when it failed last. */
  mark: number
}

/** Events of one account. */
type Lane = {
  readonly blocked: Entry[]
  /** Those that do not wait for another: to be sent, sent, put off. */
  open: number
  openLive: number
  sent: number
  failing: number
  live: number
}

/** One account's part: how many events, and whether they move by themselves one after the other, or have failed. */
export type LaneLoad = { readonly size: number; readonly isHeavy: boolean }

/** The events of a consumer that are not acknowledged. */
export type Window = {
  readonly size: number
  /** Accounts of which something waits; nothing is kept of others. */
  readonly accounts: number
  /** Those that failed and are tried again. */
  readonly failing: number
  readonly inFlight: number
  get(seq: number): Entry | undefined
  load(did: string): LaneLoad
  add(
    event: LogEvent,
    message: Message | null,
    past?: { readonly tries: number; readonly wasSent: boolean },
  ): void
  /** The next one to send, in the order of the log. It is the owner's until it is acknowledged, fails or is given back. */
  take(owner: Owner, dueAt: number): Entry | null
  /** The one behind it of its account, where nothing else is in between: for who sends both together, in order. */
  takeBehind(entry: Entry, owner: Owner, dueAt: number): Entry | null
  /** @returns whether it was there, and had been sent */
  ack(seq: number): boolean
  /** Not acknowledged, but done: nothing of it is left to be sent. */
  drop(entry: Entry): void
  /** @returns whether it is given up */
  fail(entry: Entry, now: number): boolean
  /** Back to where they were: nothing was said of them. @param dueAt when they may be sent again */
  giveBack(entries: readonly Entry[], dueAt?: number): void
  /** Whatever is the owner's. */
  giveBackAll(owner: Owner, dueAt: number): void
  /** What was put off is due. @returns those sent that are overdue */
  due(now: number): Entry[]
  /** By number, with what is to be known of them later. */
  entries(): Iterable<Entry>
}

const isLive = ({ event }: Entry): boolean => event.isLive && event.kind === 'commit'
/** Failures that count, of each event, while more than half of what is waiting has failed: it makes room for the rest. */
const TRIES_IN_NEED = 2

/** Nothing waits at first. */
export function createWindow(limits: WindowLimits): Window {
  const all = new Map<number, Entry>()
  const lanes = new Map<string, Lane>()
  /** Those that are acknowledged or given up meanwhile stay until they are passed. */
  let ready: Entry[] = []
  let first = 0
  const sent = new Set<Entry>()
  const later = new Set<Entry>()
  let failing = 0
  let acks = 0

  const push = (entries: readonly Entry[], inFront: boolean): void => {
    for (const entry of entries) entry.state = 'ready'
    if (!inFront) {
      for (const entry of entries) ready.push(entry)
      return
    }
    ready = [...entries, ...ready.slice(first)]
    first = 0
  }
  const pop = (): Entry | null => {
    while (first < ready.length) {
      const entry = ready[first++]!
      if (first > 1024 && first * 2 > ready.length) {
        ready = ready.slice(first)
        first = 0
      }
      if (entry.state === 'ready') return entry
    }
    return null
  }
  const open = (lane: Lane): Entry => {
    const entry = lane.blocked.shift()!
    lane.open++
    if (isLive(entry)) lane.openLive++
    return entry
  }
  /** What does not wait any more is to be sent. */
  const advance = (lane: Lane, inFront = false): void => {
    const opened: Entry[] = []
    for (;;) {
      const head = lane.blocked[0]
      if (head === undefined || (isLive(head) ? lane.open > 0 : lane.openLive > 0)) break
      opened.push(open(lane))
    }
    if (opened.length > 0) push(opened, inFront)
  }
  const laneOf = (entry: Entry): Lane => lanes.get(entry.event.did)!
  const leaveSent = (entry: Entry): void => {
    if (!sent.delete(entry)) return
    laneOf(entry).sent--
    entry.owner!.inFlight--
    entry.owner = null
  }
  const remove = (entry: Entry): void => {
    const lane = laneOf(entry)
    leaveSent(entry)
    later.delete(entry)
    all.delete(entry.event.seq)
    if (entry.failures > 0) {
      failing--
      lane.failing--
    }
    if (isLive(entry)) lane.live--
    if (entry.state === 'blocked') lane.blocked.splice(lane.blocked.indexOf(entry), 1)
    else {
      lane.open--
      if (isLive(entry)) lane.openLive--
    }
    entry.state = 'gone'
    entry.message = null
    if (lane.open === 0 && lane.blocked.length === 0) lanes.delete(entry.event.did)
    else advance(lane)
  }
  const send = (entry: Entry, owner: Owner, dueAt: number): Entry => {
    entry.state = 'sent'
    entry.owner = owner
    owner.inFlight++
    entry.dueAt = dueAt
    entry.wasSent = true
    sent.add(entry)
    laneOf(entry).sent++
    return entry
  }
  const putOff = (entry: Entry, until: number): void => {
    leaveSent(entry)
    entry.state = 'later'
    entry.dueAt = until
    later.add(entry)
  }

  return {
    get size() {
      return all.size
    },
    get accounts() {
      return lanes.size
    },
    get failing() {
      return failing
    },
    get inFlight() {
      return sent.size
    },
    get: (seq) => all.get(seq),
    load(did) {
      const lane = lanes.get(did)
      if (lane === undefined) return { size: 0, isHeavy: false }
      const size = lane.open + lane.blocked.length
      return { size, isHeavy: lane.failing > 0 || lane.live * 2 > size }
    },
    add(event, message, past) {
      const entry: Entry = {
        event,
        message,
        state: 'blocked',
        tries: past?.tries ?? 0,
        failures: past?.tries ?? 0,
        wasSent: past?.wasSent ?? false,
        dueAt: 0,
        owner: null,
        failedAt: null,
        mark: -1,
      }
      let lane = lanes.get(event.did)
      if (lane === undefined) {
        lane = { blocked: [], open: 0, openLive: 0, sent: 0, failing: 0, live: 0 }
        lanes.set(event.did, lane)
      }
      all.set(event.seq, entry)
      lane.blocked.push(entry)
      if (isLive(entry)) lane.live++
      if (entry.failures > 0) {
        failing++
        lane.failing++
      }
      advance(lane)
    },
    take(owner, dueAt) {
      const entry = pop()
      return entry === null ? null : send(entry, owner, dueAt)
    },
    takeBehind(entry, owner, dueAt) {
      const lane = laneOf(entry)
      if (lane.blocked.length === 0 || lane.sent < lane.open) return null
      return send(open(lane), owner, dueAt)
    },
    ack(seq) {
      const entry = all.get(seq)
      if (entry === undefined || !entry.wasSent) return false
      acks++
      remove(entry)
      return true
    },
    drop: remove,
    fail(entry, now) {
      const { tries } = limits
      // A consumer that takes nothing at all is down: that says nothing of this event.
      if (entry.failures === 0 || acks > entry.mark) entry.tries++
      if (entry.failures++ === 0) {
        failing++
        laneOf(entry).failing++
      }
      entry.mark = acks
      entry.failedAt ??= now
      const most = failing * 2 > limits.pending ? Math.min(tries, TRIES_IN_NEED) : tries
      if (entry.tries >= most || now - entry.failedAt >= limits.stalledMs) {
        remove(entry)
        return true
      }
      putOff(entry, now + limits.backoffMs(entry.failures))
      return false
    },
    giveBack(entries, dueAt) {
      if (dueAt !== undefined) {
        for (const entry of entries) putOff(entry, dueAt)
        return
      }
      const touched = new Set<Lane>()
      for (const entry of entries.toReversed()) {
        const lane = laneOf(entry)
        leaveSent(entry)
        lane.open--
        if (isLive(entry)) lane.openLive--
        entry.state = 'blocked'
        lane.blocked.unshift(entry)
        touched.add(lane)
      }
      // The first of them is to be the first again.
      for (const lane of touched) advance(lane, true)
    },
    giveBackAll(owner, dueAt) {
      for (const entry of sent) if (entry.owner === owner) putOff(entry, dueAt)
    },
    due(now) {
      for (const entry of later) {
        if (entry.dueAt > now) continue
        later.delete(entry)
        push([entry], false)
      }
      return [...sent].filter((entry) => entry.dueAt <= now)
    },
    entries: () => all.values(),
  }
}
