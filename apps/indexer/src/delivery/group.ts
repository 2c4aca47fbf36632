// A consumer of the log with a durable place of its own: it is given events, acknowledges them in any order, and what it does not
// acknowledge comes again, after a restart too. Nothing is read for a group that nobody is at.

import type { LogEvent, LogReader } from '../stream/log-reader.ts'
import { createMessage, type Message, type StreamEvent } from '../stream/event.ts'
import type { Hub, Subscription } from '../stream/hub.ts'
import { BARE } from './bare.ts'
import { createParking, type Parking } from './parking.ts'
import type { GivenUp, PlaceStore, Undelivered } from './store.ts'
import { createWindow, type Entry, type Owner, type WindowLimits } from './window.ts'

/** What is told of a group. Counts, but for `oldestMs`. */
export type GroupStats = {
  readonly name: string
  /** Numbers of the log that it has not read yet. */
  readonly behind: number
  /** Events that it was given, or is about to be, and has not acknowledged. */
  readonly unacked: number
  /** Those of them that failed, and are tried again. */
  readonly failing: number
  /** Events that were given up, as far as they are kept. */
  readonly deadLetters: number
  /** Numbers that were gone from the log when it got to them. */
  readonly lost: number
  /** Accounts of which so much waits that they are read apart. */
  readonly parked: number
  /** Who takes events of it now. */
  readonly consumers: number
  /** How long ago the oldest one that is not acknowledged happened, ms; null: there is none. */
  readonly oldestMs: number | null
}

/** A group of consumers that share their work. */
export type Group = {
  readonly name: string
  readonly limits: GroupLimits
  /** @throws what the database fails with */
  attach(owner: Owner): void
  /** Whoever is at it is woken, soon. */
  wake(): void
  /** What it had and did not acknowledge goes to others. */
  detach(owner: Owner): void
  /** The next event, if one is to be sent. `behind`: of the same account, after one that is taken too. */
  take(owner: Owner, behind?: Entry): Entry | null
  /** What an event says; null: it is void by now, and done. */
  read(entry: Entry): StreamEvent | null
  ack(seq: number): boolean
  fail(entry: Entry, reason: string): void
  giveBack(entries: readonly Entry[]): void
  stats(): GroupStats
  undelivered(before: number, limit: number): Undelivered[]
  /** They are tried again. @returns how many; those that the log does not have any more stay */
  retry(ids: readonly number[]): Promise<number>
  dismiss(ids: readonly number[]): Promise<number>
  /** Resolves when what was acknowledged is durable. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Bounds of a group. */
export type GroupLimits = WindowLimits & {
  /** How long a consumer has for an event before it is sent again, ms. */
  readonly ackMs: number
}

/** How often places are written, at most, ms: acks come by the thousand. */
const SAVE_MS = 250
/** The same for a group that takes nothing of what it passes by. */
const PASSED_MS = 5000
const TICK_MS = 250
/** What a consumer that comes back may acknowledge first: it is not sent again before. */
const GRACE_MS = 1000
/** A full window of which nothing is acknowledged in this time lets so many more in, so many times: they tell whether anybody is there. */
const PROBE_MS = 600_000
const PROBE = 256
const MAX_PROBES = 16

/** @param start where a group begins that has no place yet */
export function createGroup(options: {
  readonly name: string
  readonly start: number
  readonly hub: Hub
  readonly log: Pick<LogReader, 'read' | 'content' | 'floor'>
  readonly store: PlaceStore
  readonly limits: GroupLimits
  readonly test: (event: LogEvent) => boolean
  readonly now: () => number
  /** Told, for people. */
  readonly onLog: (line: string) => void
  readonly onError: (error: unknown) => void
}): Group {
  const { name, hub, log, store, limits, test, now, onError } = options
  const place = store.load(name)
  const window = createWindow(limits)
  const owners = new Set<Owner>()
  let next = place?.next ?? options.start
  let lost = place?.lost ?? 0
  let deadLetters = store.count(name)
  let givenUp: GivenUp[] = []
  let retried: number[] = []
  /** What changed since it was written: the place alone, or more. */
  let isDirty = place === null
  let hasPassed = false
  let savedAt = 0
  let saving = Promise.resolve()
  let isSaving = false
  let isWaking = false
  let isClosed = false
  let subscription: Subscription | null = null
  let ticking: NodeJS.Timeout | null = null
  let ackedAt = now()
  let probes = 0

  const lose = (count: number): void => {
    if (count <= 0) return
    lost += count
    isDirty = true
    options.onLog(`${name}: ${count} numbers are gone from the log before they were read`)
  }
  const hasRoom = (): boolean => window.size < limits.pending + probes * PROBE
  const wake = (): void => {
    if (isWaking || owners.size === 0) return
    isWaking = true
    setImmediate(() => {
      isWaking = false
      // Each has its turn to be the first.
      const [first] = owners
      if (first !== undefined) {
        owners.delete(first)
        owners.add(first)
      }
      for (const owner of owners) {
        try {
          owner.wake()
        } catch (error) {
          onError(error)
          owner.failed()
        }
      }
    })
  }
  const add = (event: LogEvent, message: Message | null): void => {
    window.add(event, message)
    isDirty = true
    wake()
  }
  const parking: Parking = createParking({
    hub,
    test,
    next: () => next,
    load: (did) => window.load(did),
    add,
    lost: lose,
    floor: () => log.floor(),
    failed: onError,
    parked: place?.parked ?? [],
  })

  /** What was not acknowledged when the process ended. */
  const restore = (): void => {
    for (const { seq, tries, wasSent } of place?.pending ?? []) {
      const [event] = log.read(seq, seq)
      if (event !== undefined) window.add(event, null, { tries, wasSent })
      else if (seq < log.floor()) lose(1)
    }
  }
  restore()

  const subscribe = (): Subscription =>
    hub.subscribe({
      from: next,
      test,
      shape: BARE,
      sink: {
        ready: hasRoom,
        send(_, message) {
          const { event } = message
          next = event.seq + 1
          if (parking.leaves(event)) isDirty = true
          else add(event, message)
        },
        passed(seq) {
          if (seq < next) return
          next = seq + 1
          hasPassed = true
        },
        outdated() {
          const floor = log.floor()
          lose(floor - next)
          next = floor
          return true
        },
        failed: onError,
      },
    })

  const save = async (): Promise<void> => {
    const letters = givenUp
    const again = retried
    givenUp = []
    retried = []
    isDirty = hasPassed = false
    savedAt = now()
    const pending = [...window.entries()].map(({ event, tries, wasSent }) => ({
      seq: event.seq,
      tries,
      wasSent,
    }))
    try {
      await store.save(name, { next, pending, parked: parking.list(), lost }, letters, again)
    } catch (error) {
      givenUp = [...letters, ...givenUp]
      retried = [...again, ...retried]
      isDirty = true
      throw error
    }
    if (letters.length + again.length > 0) deadLetters = store.count(name) + givenUp.length
  }
  /** One at a time: what is written last is what is so. */
  const flush = (): Promise<void> => {
    saving = saving
      .catch(() => {})
      .then(async () => {
        isSaving = true
        if (isDirty || hasPassed) await save()
      })
      .finally(() => (isSaving = false))
    return saving
  }

  const settled = (did: string): void => {
    isDirty = true
    parking.moved(did)
    if (hasRoom()) subscription?.resume()
  }
  const giveUp = (entry: Entry, reason: string): void => {
    givenUp.push({ event: entry.event, tries: entry.tries, reason })
    deadLetters++
    options.onLog(`${name}: given up after ${entry.tries} tries: ${pathOf(entry.event)} (${reason})`)
    settled(entry.event.did)
  }
  const fail = (entry: Entry, reason: string): void => {
    isDirty = true
    if (window.fail(entry, now())) giveUp(entry, reason)
  }

  const tick = (): void => {
    const at = now()
    for (const entry of window.due(at)) {
      entry.owner?.overdue()
      fail(entry, 'not acknowledged in time')
    }
    if (window.size < limits.pending) probes = 0
    else if (!hasRoom() && at - ackedAt >= PROBE_MS * (probes + 1) && probes < MAX_PROBES) {
      probes++
      subscription?.resume()
    }
    wake()
    if (!isSaving && (isDirty ? at - savedAt >= SAVE_MS : hasPassed && at - savedAt >= PASSED_MS))
      flush().catch(onError)
  }

  const detach = (owner: Owner): void => {
    if (!owners.delete(owner)) return
    window.giveBackAll(owner, now() + GRACE_MS)
    if (owners.size > 0) return wake()
    subscription?.close()
    subscription = null
    parking.rest()
    if (ticking !== null) clearInterval(ticking)
    ticking = null
    flush().catch(onError)
  }

  return {
    name,
    limits,
    wake,
    attach(owner) {
      if (isClosed) return
      owners.add(owner)
      ackedAt = now()
      if (subscription === null) {
        const had = [...window.entries()].filter(({ wasSent, state }) => wasSent && state === 'ready')
        window.giveBack(had, now() + GRACE_MS)
        subscription = subscribe()
        parking.go()
        ticking = setInterval(tick, TICK_MS)
        ticking.unref()
      }
      wake()
    },
    detach,
    take(owner, behind) {
      const dueAt = now() + limits.ackMs
      const entry = behind === undefined ? window.take(owner, dueAt) : window.takeBehind(behind, owner, dueAt)
      if (entry !== null) isDirty = true
      return entry
    },
    read(entry) {
      const { event, message } = entry
      const value = (message ?? createMessage(event, log.content)).value()
      entry.message = null
      if (value === null) {
        window.drop(entry)
        settled(event.did)
      }
      return value
    },
    ack(seq) {
      const did = window.get(seq)?.event.did
      if (did === undefined || !window.ack(seq)) return false
      ackedAt = now()
      settled(did)
      wake()
      return true
    },
    fail,
    giveBack: (entries) => window.giveBack(entries),
    stats() {
      let oldest: number | null = null
      for (const { event } of window.entries()) oldest = Math.min(oldest ?? Infinity, event.us)
      return {
        name,
        behind: Math.max(0, hub.tip - next),
        unacked: window.size,
        failing: window.failing,
        deadLetters,
        lost,
        parked: parking.list().length,
        consumers: owners.size,
        oldestMs: oldest === null ? null : Math.max(0, now() - Math.floor(oldest / 1000)),
      }
    },
    undelivered: (before, limit) => store.undelivered(name, before, limit),
    async retry(ids) {
      let count = 0
      for (const { id, seq } of store.find(name, ids)) {
        const [event] = log.read(seq, seq)
        if (event === undefined || retried.includes(id) || window.get(seq) !== undefined) continue
        retried.push(id)
        count++
        add(event, null)
      }
      await flush()
      return count
    },
    async dismiss(ids) {
      const count = await store.dismiss(name, ids)
      deadLetters = store.count(name)
      return count
    },
    flush,
    async close() {
      isClosed = true
      for (const owner of owners) detach(owner)
      await flush()
    },
  }
}

function pathOf({ did, kind, collection, rkey, seq }: LogEvent): string {
  return kind === 'commit' ? `${seq} at://${did}/${collection}/${rkey}` : `${seq} ${kind} of ${did}`
}
