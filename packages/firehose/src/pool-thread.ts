// One worker of the pool, replaced when an event ends it.

import { Worker } from 'node:worker_threads'
import type { PublicKey } from '@avocet/crypto'
import type { VerifiedOp } from './events.ts'
import type {
  PoolBatch,
  PoolExport,
  PoolRenewal,
  PoolReply,
  PoolResult,
  PoolWorkerData,
} from './pool-messages.ts'
import type { VerifyPolicy } from './policy.ts'

/** Options of `createWorkerPool`. */
export type WorkerPoolOptions = {
  /** How many threads. They start with the first event. */
  readonly size: number
  /**
   * Where the workers get their signature check from: a module they can import (`import.meta.resolve('@avocet/crypto-native')`)
   * and the name of its export that makes one. Default: `verifySignature` of `@avocet/crypto`.
   */
  readonly verifier?: PoolExport
  /**
   * What the workers do with each record beside decoding it: a module they can import, and the name of its export that makes an
   * {@link Examine}. What that answers goes along with the operation, as `examined`. Default: nothing.
   */
  readonly examiner?: PoolExport
  /** Bytes of frames sent to a worker at once, about. Default 512 KiB. */
  readonly maxBatchBytes?: number
  /** How long a worker may take for one message of frames, ms. Default 10 000. */
  readonly maxMs?: number
  /**
   * JavaScript heap of a worker, MiB. Default 256. V8's flags for the whole process win: with `NODE_OPTIONS=--max-old-space-size=…`
   * a worker may have that much.
   */
  readonly maxHeapMb?: number
}

/**
 * Examines a proved record on a worker's thread: validates it, looks for what it points to. The answer has to survive the way to
 * another thread (`structuredClone`), and to be bounded as the record is.
 */
export type Examine = (op: VerifiedOp) => unknown

/** An event to prove. `ends`: how many threads ended while they had it; from the first on it goes by itself. */
export type Job = {
  readonly frame: Uint8Array
  readonly key: PublicKey | null
  readonly policy: VerifyPolicy
  readonly resolve: (result: PoolResult) => void
  readonly reject: (error: unknown) => void
  readonly ends: number
}

/** A thread and what waits for it. */
export type PoolThread = {
  /** How many events wait or are under way. */
  readonly load: number
  /** How many workers were replaced. */
  readonly replaced: number
  add(job: Job): void
  /** What is sent from now on is examined by an examiner made with this. */
  renewExaminer(data: unknown): void
  /** Rejects all that waits or is under way. */
  reject(error: unknown): void
  close(): Promise<void>
}

/** Threads that may end with an event, for no reason that is known, before it is taken to be the reason. */
const MAX_ENDS = 3

type Running = { readonly worker: Worker; ready: boolean }

/** Workers in a row that end before they have begun: then it is no accident. */
const MAX_FALSE_STARTS = 3

const MAX_BATCH_BYTES = 512 * 1024
const MAX_MS = 10_000
const MAX_HEAP_MB = 256

/** @param options.onFatal told when a worker cannot even start: no event is to blame for that */
export function createPoolThread(
  options: WorkerPoolOptions & { readonly onFatal: (cause: unknown) => void },
): PoolThread {
  const {
    verifier = null,
    maxBatchBytes = MAX_BATCH_BYTES,
    maxMs = MAX_MS,
    maxHeapMb = MAX_HEAP_MB,
  } = options
  let { examiner = null } = options
  let waiting: Job[] = []
  let running: Job[] = []
  let timer: NodeJS.Timeout | undefined
  let current: Running | null = null
  let closed = false
  let replaced = 0
  let falseStarts = 0

  const start = (): Running => {
    // In the workspace this runs from source, in a package from what was built of it.
    const file = import.meta.url.endsWith('.ts') ? './pool-worker.ts' : './pool-worker.js'
    const workerData: PoolWorkerData = { verifier, examiner }
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    })
    const started: Running = { worker, ready: false }
    worker.on('message', (reply: PoolReply) => {
      if (current !== started) return
      if (reply === 'ready') {
        started.ready = true
        falseStarts = 0
        return watch()
      }
      clearTimeout(timer)
      const jobs = running
      running = []
      for (const [i, job] of jobs.entries()) job.resolve(reply[i]!)
      if (waiting.length === 0) worker.unref()
      send()
    })
    worker.on('error', (cause) => ended(started, cause, true))
    worker.on('exit', (code) => ended(started, new Error(`worker ended; code=${code}`)))
    return started
  }

  /** The time counts from when the worker has begun, not while it starts. */
  const watch = (): void => {
    clearTimeout(timer)
    if (running.length === 0 || current?.ready !== true) return
    const watched = current
    timer = setTimeout(() => ended(watched, new Error(`no answer within ${maxMs} ms`), true), maxMs)
    timer.unref()
  }

  /** @param isToBlame what it was at has surely ended it */
  const ended = (which: Running, cause: unknown, isToBlame = false): void => {
    if (current !== which || closed) return
    clearTimeout(timer)
    current = null
    replaced++
    void which.worker.terminate()
    if (!which.ready && ++falseStarts >= MAX_FALSE_STARTS) return options.onFatal(cause)
    const jobs = running
    running = []
    if (!which.ready) {
      waiting = [...jobs, ...waiting]
    } else if (jobs.length === 1 && (isToBlame || jobs[0]!.ends + 1 >= MAX_ENDS)) {
      const message = cause instanceof Error ? cause.message : String(cause)
      jobs[0]!.resolve({ ok: false, reason: 'too-costly', message: `not proved within bounds; ${message}` })
    } else {
      waiting = [...jobs.map((job) => ({ ...job, ends: job.ends + 1 })), ...waiting]
    }
    send()
  }

  const send = (): void => {
    if (closed || running.length > 0 || waiting.length === 0) return
    current ??= start()
    const [{ policy, ends: before }] = waiting as [Job]
    let count = 0
    let bytes = 0
    const most = before > 0 ? 1 : waiting.length
    while (count < most && (count === 0 || bytes < maxBatchBytes)) {
      const next = waiting[count]!
      if (next.policy !== policy || next.ends > 0 !== before > 0) break
      bytes += next.frame.length
      count++
    }
    running = waiting.splice(0, count)
    const frames = new Uint8Array(bytes)
    const ends: number[] = []
    let at = 0
    for (const { frame } of running) {
      frames.set(frame, at)
      at += frame.length
      ends.push(at)
    }
    const batch: PoolBatch = {
      policy,
      frames,
      ends,
      keys: running.map(({ key }) => key && { curve: key.curve, bytes: key.bytes.slice() }),
    }
    // An unreferenced thread must not let the process end while somebody waits for it.
    current.worker.ref()
    current.worker.postMessage(batch, [frames.buffer])
    watch()
  }

  return {
    get load() {
      return waiting.length + running.length
    },
    get replaced() {
      return replaced
    },
    add(job) {
      waiting.push(job)
      // What else comes in this turn goes along.
      if (waiting.length === 1 && running.length === 0) queueMicrotask(send)
    },
    renewExaminer(data) {
      if (examiner === null) return
      examiner = { ...examiner, data }
      // Messages come in the order in which they were sent: the batch that it is at is older.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      current?.worker.postMessage({ examinerData: data } satisfies PoolRenewal)
    },
    reject(error) {
      for (const job of [...running.splice(0), ...waiting.splice(0)]) job.reject(error)
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await current?.worker.terminate()
    },
  }
}
