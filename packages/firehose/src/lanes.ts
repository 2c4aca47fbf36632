// One lane per DID: tasks of a lane run one after the other, lanes side by side, as many as allowed.

import type { Did } from '@avocet/syntax'

/** A unit of work. `bytes` is what it keeps in memory, of the share of its source. */
export type Task = {
  readonly source: string
  /** Its source waits: it is never shed. */
  readonly patient?: boolean
  bytes: number
  run(): Promise<void> | void
  /** It will not be run. `shed`: its lane waits for the network with more than it may; else the consumer stops. */
  drop(why: 'shed' | 'stopped'): void
}

/** The lanes of a consumer. */
export type Lanes = {
  /** Adds to the lane's end. False when the lane waits for the network and has all that it may: nothing was added. */
  push(did: Did, task: Task): boolean
  /** Runs `work` in the lane, after what waits there; not bounded, resolves with its result. */
  run<T>(did: Did, work: () => Promise<T>): Promise<T>
  /**
   * Waits for `work` (the network) without taking a place: other lanes run meanwhile, and what the lane has more than it may is
   * shed. Call it from inside a task of that lane.
   */
  aside<T>(did: Did, work: Promise<T>): Promise<T>
  /** Whether the task under way may keep its bytes while it waits for the network. If not, they are counted off now. */
  mayKeep(did: Did): boolean
  /** Resolves when the bytes of a source are below its share; null: they are. */
  room(source: string): Promise<void> | null
  /** Resolves when no lane has work. */
  idle(): Promise<void>
  /** Wakes all who wait for room: the consumer stops. */
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
  /** Bytes of one source. */
  readonly maxBytes: number
  /** Bytes of one lane while it waits for the network, and of all such lanes of one source. */
  readonly maxLaneBytes: number
  readonly maxParkedBytes: number
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
  /** The task it is at. */
  current: Task | null
  /** Waits of it for the network. */
  asides: number
}

/** What is in memory of one source, and how much of it waits for the network. */
type Share = { bytes: number; parked: number; waiters: (() => void)[] }

/** Makes the lanes; one exists as long as it has work. */
export function createLanes(options: LanesOptions): Lanes {
  const lanes = new Map<Did, Lane>()
  const ready: (Lane | null)[] = []
  let readyNext = 0
  let active = 0
  let bytes = 0
  let waiting = 0
  let released = false
  const shares = new Map<string, Share>()
  let idleWaiters: (() => void)[] = []

  const shareOf = (source: string): Share => {
    const known = shares.get(source)
    if (known !== undefined) return known
    const share: Share = { bytes: 0, parked: 0, waiters: [] }
    shares.set(source, share)
    return share
  }

  const countOff = (lane: Lane, task: Task): void => {
    const share = shareOf(task.source)
    bytes -= task.bytes
    lane.bytes -= task.bytes
    share.bytes -= task.bytes
    if (lane.asides > 0) share.parked -= task.bytes
    if (share.waiters.length > 0 && share.bytes < options.maxBytes) {
      for (const waiter of share.waiters.splice(0)) waiter()
    }
  }

  /** The lane begins or ends to wait for the network: so do the bytes of its tasks. */
  const park = (lane: Lane, sign: 1 | -1): void => {
    if (lane.current !== null) shareOf(lane.current.source).parked += sign * lane.current.bytes
    for (let i = lane.next; i < lane.tasks.length; i++) {
      const task = lane.tasks[i]!
      shareOf(task.source).parked += sign * task.bytes
    }
  }

  const isTooMuch = (lane: Lane, source: string, more: number): boolean =>
    lane.bytes + more > options.maxLaneBytes || shareOf(source).parked + more > options.maxParkedBytes

  /** What came last goes first: the events before it keep their order. */
  const shed = (lane: Lane): void => {
    for (let i = lane.tasks.length - 1; i >= lane.next; i--) {
      const task = lane.tasks[i]!
      if (task.bytes === 0 || task.patient === true) continue
      if (!isTooMuch(lane, task.source, 0)) return
      lane.tasks.splice(i, 1)
      waiting--
      countOff(lane, task)
      task.drop('shed')
    }
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
      lane.current = task
      try {
        const running = task.run()
        if (running !== undefined) await running
      } catch (error) {
        options.onFault(error)
      }
      countOff(lane, task)
      lane.current = null
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
      lane = { did, tasks: [], next: 0, bytes: 0, running: false, current: null, asides: 0 }
      lanes.set(did, lane)
    }
    const share = shareOf(task.source)
    lane.tasks.push(task)
    lane.bytes += task.bytes
    bytes += task.bytes
    share.bytes += task.bytes
    if (lane.asides > 0) share.parked += task.bytes
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
      const waits = lane !== undefined && lane.asides > 0 && task.patient !== true
      if (waits && isTooMuch(lane, task.source, task.bytes)) return false
      add(did, task)
      return true
    },
    run: (did, work) =>
      new Promise((resolve, reject) => {
        add(did, {
          source: '',
          bytes: 0,
          run: () => work().then(resolve, reject),
          drop: () => reject(new DOMException('consumer was stopped', 'AbortError')),
        })
      }),
    async aside(did, work) {
      const lane = lanes.get(did)!
      active--
      if (lane.asides === 0) park(lane, 1)
      lane.asides++
      shed(lane)
      startNext()
      try {
        return await work
      } finally {
        lane.asides--
        if (lane.asides === 0) park(lane, -1)
        active++
      }
    },
    mayKeep(did) {
      const lane = lanes.get(did)!
      const task = lane.current!
      const parked = shareOf(task.source).parked + task.bytes
      if (task.patient === true) return true
      if (task.bytes <= options.maxLaneBytes && parked <= options.maxParkedBytes) return true
      countOff(lane, task)
      task.bytes = 0
      return false
    },
    room(source) {
      const share = shareOf(source)
      if (released || share.bytes < options.maxBytes) return null
      return new Promise((resolve) => {
        share.waiters.push(resolve)
      })
    },
    idle: () =>
      lanes.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idleWaiters.push(resolve)
          }),
    release() {
      released = true
      for (const { waiters } of shares.values()) for (const waiter of waiters.splice(0)) waiter()
    },
    clear() {
      for (const lane of lanes.values()) {
        const dropped = lane.tasks.splice(lane.next)
        for (const task of dropped) {
          if (task === null) continue
          waiting--
          countOff(lane, task)
          task.drop('stopped')
        }
      }
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
