// A consumer of the log with a durable place of its own: it is given events, acknowledges them in any order, and what it does not
// acknowledge comes again, after a restart too. Nothing is read for a group that nobody is at.

import type { LogEvent, LogReader } from '../stream/log-reader.ts'
import { createMessage, type Message } from '../stream/event.ts'
import type { Hub, Subscription } from '../stream/hub.ts'
import { BARE } from './bare.ts'
import { createCatchUp } from './catch-up.ts'
import { createParking, type Parking } from './parking.ts'
import { isOfSnapshot, type SnapshotReader } from './snapshot.ts'
import type { Group, GroupBeginning, GroupLimits } from './group-types.ts'
import { createSaving } from './saving.ts'
import type { PlaceStore } from './store.ts'
import { createWindow, type Entry, type Owner } from './window.ts'

const TICK_MS = 250
/** What a consumer that comes back may acknowledge first: it is not sent again before. */
const GRACE_MS = 1000
/** A full window of which nothing is acknowledged in this time lets so many more in, so many times: they tell whether anybody is there. */
const PROBE_MS = 600_000
const PROBE = 256
const MAX_PROBES = 16

/** A consumer with its place. */
export function createGroup(options: {
  readonly name: string
  readonly start: GroupBeginning
  readonly snapshots: SnapshotReader
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
  const { start, snapshots } = options
  const place = store.load(name)
  const window = createWindow(limits)
  const owners = new Set<Owner>()
  const recovers = place?.recovers ?? start.recovers
  let next = place?.next ?? start.seq
  let lost = place?.lost ?? 0
  let lostAt = place?.lostAt ?? null
  let rounds = place?.rounds ?? 0
  let isWaking = false
  let isClosed = false
  let subscription: Subscription | null = null
  let ticking: NodeJS.Timeout | null = null
  let ackedAt = now()
  let probes = 0

  const saving = createSaving({
    name,
    store,
    isNew: place === null,
    place() {
      const pending = [...window.entries()].map(({ event, tries, wasSent }) => ({
        seq: event.seq,
        tries,
        wasSent,
      }))
      return {
        next,
        pending,
        parked: parking.list(),
        lost,
        lostAt,
        snapshot: catchUp.place,
        rounds,
        recovers,
      }
    },
    now,
    onError,
  })
  const lose = (count: number): void => {
    if (count <= 0) return
    lost += count
    lostAt = now()
    saving.changed()
    const remedy = recovers ? ': the whole index is given to it' : ''
    options.onLog(`${name}: ${count} numbers are gone from the log before they were read${remedy}`)
    if (recovers) beginSnapshot()
  }
  const beginSnapshot = (): void => {
    saving.changed()
    catchUp.begin(++rounds)
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
    saving.changed()
    wake()
  }
  const catchUp = createCatchUp({
    reader: snapshots,
    place: place === null ? (start.snapshot ? snapshots.begin(0) : null) : place.snapshot,
    // Half of the room is left for what happens.
    hasRoom: () => window.size < limits.pending / 2,
    give(events, seq) {
      next = Math.max(next, seq + 1)
      saving.changed()
      for (const event of events) if (test(event)) add(event, null)
    },
  })
  const pull = (): void => {
    if (subscription !== null) catchUp.pull(next)
  }
  const find = (seq: number): LogEvent | undefined =>
    isOfSnapshot(seq) ? snapshots.find(seq) : log.read(seq, seq)[0]
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
      const event = find(seq)
      if (event !== undefined) window.add(event, null, { tries, wasSent })
      else if (seq < log.floor()) lose(1)
    }
  }
  restore()

  const subscribe = (): Subscription =>
    hub.subscribe({
      from: next,
      test: (event) => catchUp.takes(event) && test(event),
      shape: BARE,
      sink: {
        ready: hasRoom,
        send(_, message) {
          const { event } = message
          next = event.seq + 1
          if (!catchUp.isAt(event.repo) && parking.leaves(event)) saving.changed()
          else add(event, message)
        },
        passed(seq) {
          if (seq >= next) {
            next = seq + 1
            saving.passed()
          }
          pull()
        },
        outdated() {
          const floor = log.floor()
          const count = floor - next
          next = floor
          lose(count)
          return true
        },
        failed: onError,
      },
    })

  const settled = (did: string): void => {
    saving.changed()
    parking.moved(did)
    pull()
    if (hasRoom()) subscription?.resume()
  }
  const giveUp = (entry: Entry, reason: string): void => {
    saving.givenUp({ event: entry.event, tries: entry.tries, reason })
    options.onLog(`${name}: given up after ${entry.tries} tries: ${pathOf(entry.event)} (${reason})`)
    settled(entry.event.did)
  }
  const fail = (entry: Entry, reason: string): void => {
    saving.changed()
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
    pull()
    wake()
    saving.tick()
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
    saving.flush().catch(onError)
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
      if (entry !== null) saving.changed()
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
        deadLetters: saving.deadLetters,
        lost,
        lostAt,
        snapshot: catchUp.share,
        parked: parking.list().length,
        consumers: owners.size,
        oldestMs: oldest === null ? null : Math.max(0, now() - Math.floor(oldest / 1000)),
      }
    },
    undelivered: (before, limit) => store.undelivered(name, before, limit),
    async retry(ids) {
      let count = 0
      for (const { id, seq } of store.find(name, ids)) {
        const event = find(seq)
        if (event === undefined || saving.isRetried(id) || window.get(seq) !== undefined) continue
        saving.retried(id)
        count++
        add(event, null)
      }
      await saving.flush()
      return count
    },
    async dismiss(ids) {
      const count = await store.dismiss(name, ids)
      saving.count()
      return count
    },
    beginSnapshot() {
      beginSnapshot()
      pull()
    },
    needs() {
      let oldest = next
      for (const { event } of window.entries()) oldest = Math.min(oldest, event.seq)
      for (const [, from] of parking.list()) oldest = Math.min(oldest, from)
      return oldest
    },
    flush: () => saving.flush(),
    async close() {
      isClosed = true
      for (const owner of owners) detach(owner)
      await saving.flush()
    },
  }
}

function pathOf({ did, kind, collection, rkey, seq }: LogEvent): string {
  return kind === 'commit' ? `${seq} at://${did}/${collection}/${rkey}` : `${seq} ${kind} of ${did}`
}
