// One lane per DID: tasks of a lane run one after the other, lanes side by side, as many as allowed.

import type { Did } from '@avocet/syntax'

/** A unit of work. `bytes` is what it keeps in memory while it waits. */
export type Task = { readonly bytes: number; run(): Promise<void> | void; drop(): void }

/** The lanes of a consumer. */
export type Lanes = {
  /** Adds to the lane's end. False when the lane is full (nothing was added). */
  push(did: Did, task: Task): boolean
  /**
   * After `push` said no: true as soon as the lane got on with one of its tasks, false when the one it is at has taken
   * longer than `stuckMs`.
   */
  getsOn(did: Did): Promise<boolean>
  /** Runs `work` in the lane, after what waits there; not bounded, resolves with its result. */
  run<T>(did: Did, work: () => Promise<T>): Promise<T>
  /** Waits for `work` (the network) without taking a place: other lanes run meanwhile. Call it from inside a task. */
  aside<T>(work: Promise<T>): Promise<T>
  /** Resolves when the bytes waiting are below the bound. */
  room(): Promise<void> | null
  /** Resolves when no lane has work. */
  idle(): Promise<void>
  /** Wakes all who wait for room or for a lane to get on: the consumer stops. */
  release(): void
  /** Drops what waits; what runs goes on to its end. */
  clear(): void
  readonly bytes: number
  readonly active: number
  readonly waiting: number
}

/** Bounds of the lanes. */
export type LanesOptions = {
  readonly concurrency: number
  readonly maxBytes: number
  readonly maxLaneBytes: number
  readonly stuckMs: number
  /** A task threw: a fault of this package or of the store. */
  readonly onFault: (error: unknown) => void
}

// Places that were passed hold null: a task keeps its frame, a lane its tasks.
type Lane = {
  readonly did: Did
  tasks: (Task | null)[]
  next: number
  bytes: number
  running: boolean
  /** When the task it is at began, by `performance.now()`; Infinity between tasks. */
  since: number
  /** Who waits for it to get on. */
  waiters: (() => void)[]
}

/** Makes the lanes; one exists as long as it has work. */
export function createLanes(options: LanesOptions): Lanes {
  const lanes = new Map<Did, Lane>()
  const ready: (Lane | null)[] = []
  let readyNext = 0
  let active = 0
  let bytes = 0
  let waiting = 0
  let released = false
  let roomWaiters: (() => void)[] = []
  let idleWaiters: (() => void)[] = []

  const wakeRoom = (): void => {
    if (roomWaiters.length === 0 || bytes >= options.maxBytes) return
    const waiters = roomWaiters
    roomWaiters = []
    for (const waiter of waiters) waiter()
  }

  const wakeIdle = (): void => {
    if (idleWaiters.length === 0 || lanes.size > 0) return
    const waiters = idleWaiters
    idleWaiters = []
    for (const waiter of waiters) waiter()
  }

  const runLane = async (lane: Lane): Promise<void> => {
    while (lane.next < lane.tasks.length) {
      const task = lane.tasks[lane.next]!
      lane.tasks[lane.next++] = null
      if (lane.next > 256) {
        lane.tasks.splice(0, lane.next)
        lane.next = 0
      }
      waiting--
      lane.since = performance.now()
      try {
        const running = task.run()
        if (running !== undefined) await running
      } catch (error) {
        options.onFault(error)
      }
      bytes -= task.bytes
      lane.bytes -= task.bytes
      lane.since = Infinity
      wakeRoom()
      for (const waiter of lane.waiters.splice(0)) waiter()
      // Others wait for a turn: a long lane takes its next one behind them.
      if (readyNext < ready.length && lane.next < lane.tasks.length) {
        ready.push(lane)
        return
      }
    }
    lane.running = false
    lanes.delete(lane.did)
  }

  const startNext = (): void => {
    while (active < options.concurrency && readyNext < ready.length) {
      const lane = ready[readyNext]!
      ready[readyNext++] = null
      if (readyNext > 1024 && readyNext * 2 > ready.length) {
        ready.splice(0, readyNext)
        readyNext = 0
      }
      active++
      void runLane(lane).then(() => {
        active--
        startNext()
        wakeIdle()
      })
    }
  }

  const add = (did: Did, task: Task): void => {
    let lane = lanes.get(did)
    if (lane === undefined) {
      lane = { did, tasks: [], next: 0, bytes: 0, running: false, since: Infinity, waiters: [] }
      lanes.set(did, lane)
    }
    lane.tasks.push(task)
    lane.bytes += task.bytes
    bytes += task.bytes
    waiting++
    if (!lane.running) {
      lane.running = true
      ready.push(lane)
      startNext()
    }
  }

  return {
    push(did, task) {
      const lane = lanes.get(did)
      if (lane !== undefined && lane.bytes > 0 && lane.bytes + task.bytes > options.maxLaneBytes) return false
      add(did, task)
      return true
    },
    getsOn: (did) =>
      new Promise((resolve) => {
        const lane = lanes.get(did)
        if (lane === undefined) return resolve(true)
        const isStuck = (): boolean => performance.now() - lane.since >= options.stuckMs
        if (isStuck()) return resolve(false)
        const timer = setTimeout(() => {
          lane.waiters = lane.waiters.filter((waiter) => waiter !== gotOn)
          // A lane that waits for its turn is not stuck: the caller asks again.
          resolve(!isStuck())
        }, options.stuckMs)
        const gotOn = (): void => {
          clearTimeout(timer)
          resolve(true)
        }
        lane.waiters.push(gotOn)
      }),
    run: (did, work) =>
      new Promise((resolve, reject) => {
        add(did, {
          bytes: 0,
          run: () => work().then(resolve, reject),
          drop: () => reject(new DOMException('consumer was stopped', 'AbortError')),
        })
      }),
    async aside(work) {
      active--
      startNext()
      try {
        return await work
      } finally {
        active++
      }
    },
    room: () =>
      released || bytes < options.maxBytes
        ? null
        : new Promise((resolve) => {
            roomWaiters.push(resolve)
          }),
    idle: () =>
      lanes.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idleWaiters.push(resolve)
          }),
    release() {
      released = true
      for (const waiter of roomWaiters.splice(0)) waiter()
      for (const lane of lanes.values()) for (const waiter of lane.waiters.splice(0)) waiter()
    },
    clear() {
      for (const lane of lanes.values()) {
        const dropped = lane.tasks.splice(lane.next)
        for (const task of dropped) {
          if (task === null) continue
          bytes -= task.bytes
          lane.bytes -= task.bytes
          waiting--
          task.drop()
        }
      }
      wakeRoom()
    },
    get bytes() {
      return bytes
    },
    get active() {
      return active
    },
    get waiting() {
      return waiting
    },
  }
}
