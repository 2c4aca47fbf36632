// Runs the cases on any consumer, over a real socket, and collects what it accepts.

import { type Case, createScript, type Expectation, type FrameStep, type Group, type Step } from './script.ts'
import { serveStream, type StreamServer } from './server.ts'
import { CASES } from './suite.ts'
import { type TimeLimit, USUAL_TIME_LIMIT_MS } from './time-limit.ts'
import { create, createWorld, type World } from './world.ts'

/** What a consumer under test is told. */
export type ConsumerEnvironment = {
  /** `ws://…`: com.atproto.sync.subscribeRepos is served there. */
  readonly service: string
  /** `http://…`: resolve did:plc there. Documents change during a case. */
  readonly plcUrl: string
  /** What the server is. */
  readonly source: 'relay' | 'pds'
  /** Call for each event that is delivered as verified: its seq (null for an `#info`). Once per event, not per record. */
  readonly accepted: (seq: number | null) => void
  /** Call when the consumer threw where nobody can catch it: in a service of its own it would be gone. */
  readonly crashed: (error: unknown) => void
}

/** A consumer under test. */
export type ConsumerAdapter = {
  readonly name: string
  readonly version: string
  /** It reports records, not events: a commit without operations leaves no trace. */
  readonly perRecord?: boolean
  /** Connects (without a cursor) and reports until it is stopped. */
  start(environment: ConsumerEnvironment): Promise<{ stop(): Promise<void> }>
}

/** What came of one frame that should have gone otherwise. */
export type Mismatch = {
  readonly seq: number | null
  readonly expected: Expectation['outcome']
  /** How many times it was delivered, and how many times it should have been. */
  readonly delivered: number
  readonly due: number
  readonly note: string
}

/** What came of one case. `stalled`: the consumer did not get past a frame at all. `crashed`: it threw out of a callback. */
export type CaseResult = {
  readonly name: string
  readonly group: Group
  readonly about: string
  readonly ok: boolean
  readonly stalled: boolean
  readonly crashed: boolean
  readonly mismatches: readonly Mismatch[]
}

/** What came of all. */
export type SuiteResult = {
  readonly consumer: string
  readonly version: string
  /** ISO date of the run. */
  readonly date: string
  readonly results: readonly CaseResult[]
}

/** Options of {@link runConformance}. */
export type RunOptions = {
  /** Names or groups to run. Default: all. */
  readonly only?: readonly string[]
  /** How long to wait for the consumer to get past what was sent, ms, or that for each case. Default 3000. */
  readonly timeoutMs?: number | TimeLimit
  /** Told after each case. */
  readonly onResult?: (result: CaseResult) => void
}

/** Runs the suite on a consumer, one case after the other, each with a server and a world of its own. */
export async function runConformance(
  adapter: ConsumerAdapter,
  options: RunOptions = {},
): Promise<SuiteResult> {
  const { only, timeoutMs = USUAL_TIME_LIMIT_MS } = options
  const results: CaseResult[] = []
  for (const item of CASES) {
    if (only !== undefined && !only.includes(item.name) && !only.includes(item.group)) continue
    const result = await runCase(adapter, item, typeof timeoutMs === 'number' ? timeoutMs : timeoutMs(item))
    results.push(result)
    options.onResult?.(result)
  }
  const { name, version } = adapter
  return { consumer: name, version, date: new Date().toISOString().slice(0, 10), results }
}

const SENTINEL_SEQ = 9_000_000_000

/** Runs one case. */
export async function runCase(
  adapter: ConsumerAdapter,
  item: Case,
  timeoutMs: number = USUAL_TIME_LIMIT_MS,
): Promise<CaseResult> {
  // The server's address is the PDS that the documents show.
  const box: { world?: World } = {}
  const server = await serveStream({
    document: (did) => box.world?.document(did) ?? null,
    hangs: (did) => box.world?.hanging.has(did) ?? false,
  })
  const world = createWorld(item.name, { pds: server.plcUrl })
  box.world = world
  const script = createScript()
  await item.build(script, world)
  const delivered = new Map<number | null, number>()
  const arrivals: (() => void)[] = []
  let crashed = false
  const consumer = await adapter.start({
    service: server.service,
    plcUrl: server.plcUrl,
    source: item.source ?? 'relay',
    accepted: (seq) => {
      delivered.set(seq, (delivered.get(seq) ?? 0) + 1)
      for (const arrived of arrivals.splice(0)) arrived()
    },
    crashed: () => {
      crashed = true
    },
  })
  let stalled = false
  try {
    const settle = createSentinel(server, world, delivered, arrivals, timeoutMs)
    stalled = !(await within(server.connected(), 10_000))
    for (const step of script.steps) {
      if (step.kind === 'change') {
        stalled = !(await settle()) || stalled
        step.apply()
        continue
      }
      const connections = server.connections
      server.send(step)
      // What must be accepted may open the way for the next: it is waited for, as in a stream at rest.
      const visible = step.seq !== null && !(step.withoutRecords && adapter.perRecord === true)
      if (step.expect.outcome === 'accept' && visible) {
        const through = (): boolean => (delivered.get(step.seq) ?? 0) > 0
        const arrived = await until(through, arrivals, timeoutMs)
        if (!arrived && server.connections > connections) {
          // It was on its way while the consumer was dropping the connection over an earlier frame.
          server.send(step)
          await until(through, arrivals, timeoutMs)
        }
      } else if (step.burst !== true) {
        // Some drop the connection over what they cannot read: what follows waits for them to come back.
        await new Promise((resolve) => setTimeout(resolve, 20))
        stalled = !(await within(server.connected(), timeoutMs)) || stalled
      }
    }
    stalled = !(await settle()) || stalled
  } finally {
    await consumer.stop()
    await server.close()
  }
  const mismatches = compare(script.steps, delivered, adapter.perRecord === true)
  const { name, group, about } = item
  const ok = mismatches.length === 0 && !stalled && !crashed
  return { name, group, about, ok, stalled, crashed, mismatches }
}

/** An account of the runner's own: when its event comes through, what was sent before it was handled. */
function createSentinel(
  server: StreamServer,
  world: World,
  delivered: ReadonlyMap<number | null, number>,
  arrivals: (() => void)[],
  timeoutMs: number,
): () => Promise<boolean> {
  const account = world.createAccount()
  let seq = SENTINEL_SEQ
  return async () => {
    const commit = await world.commit(account, [create(`s${seq}`)])
    const script = createScript()
    const mine = ++seq
    script.accept('#commit', { ...world.event(commit), seq: mine })
    const connections = server.connections
    server.send(script.steps[0] as FrameStep)
    let through = await until(() => delivered.has(mine), arrivals, timeoutMs)
    if (!through && server.connections > connections) {
      server.send(script.steps[0] as FrameStep)
      through = await until(() => delivered.has(mine), arrivals, timeoutMs)
    }
    // Other accounts are worked on side by side with this one: give them a moment.
    await new Promise((resolve) => setTimeout(resolve, 30))
    return through
  }
}

async function until(condition: () => boolean, arrivals: (() => void)[], ms: number): Promise<boolean> {
  const deadline = Date.now() + ms
  while (!condition()) {
    const left = deadline - Date.now()
    if (left <= 0) return false
    await within(new Promise<void>((resolve) => arrivals.push(resolve)), left)
  }
  return true
}

async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const result = await Promise.race([promise.then(() => true), late])
  clearTimeout(timer)
  return result
}

/** Compares how often each seq was delivered with how often it should have been. */
function compare(
  steps: readonly Step[],
  delivered: ReadonlyMap<number | null, number>,
  perRecord: boolean,
): Mismatch[] {
  const due = new Map<number, { accepts: number; steps: FrameStep[] }>()
  for (const step of steps) {
    if (step.kind === 'change' || step.seq === null || step.expect.outcome === 'either') continue
    const entry = due.get(step.seq) ?? { accepts: 0, steps: [] }
    if (perRecord && step.withoutRecords) continue
    if (step.expect.outcome === 'accept') entry.accepts++
    entry.steps.push(step)
    due.set(step.seq, entry)
  }
  const mismatches: Mismatch[] = []
  for (const [seq, { accepts, steps: frames }] of due) {
    const count = delivered.get(seq) ?? 0
    if (count === accepts) continue
    const wrong = frames.find(({ expect }) => count > accepts === (expect.outcome === 'reject')) ?? frames[0]!
    mismatches.push({ seq, expected: wrong.expect.outcome, delivered: count, due: accepts, note: wrong.note })
  }
  return mismatches
}
