// Verification on other threads. The consumer's lanes keep the order per DID; the pool only proves.

import { Worker } from 'node:worker_threads'
import type { PublicKey } from '@avocet/crypto'
import { cidFromBytes } from '@avocet/data'
import { FirehoseError } from './errors.ts'
import type { VerifiedOp } from './events.ts'
import { decodeRecord } from './operations.ts'
import type { Prover } from './options.ts'
import { type Checked, fail, type ParsedCommit } from './parse.ts'
import type { PoolBatch, PoolResult, PoolWorkerData } from './pool-messages.ts'
import type { VerifyPolicy } from './policy.ts'

/** Options of {@link createWorkerPool}. */
export type WorkerPoolOptions = {
  /** How many threads. */
  readonly size: number
  /**
   * Where the workers get their signature check from: a module they can import (`import.meta.resolve('@avocet/crypto-native')`)
   * and the name of its export that makes one. Default: `verifySignature` of `@avocet/crypto`.
   */
  readonly verifier?: { readonly module: string; readonly name: string }
  /** Bytes of frames sent to a worker at once, about. Default 512 KiB. */
  readonly maxBatchBytes?: number
}

/** A `Prover` on threads of its own, for the `prover` option of `consume`. */
export interface WorkerPool extends Prover {
  /** Ends the threads; what is under way rejects. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Job = {
  readonly frame: Uint8Array
  readonly key: PublicKey | null
  readonly policy: VerifyPolicy
  readonly resolve: (result: PoolResult) => void
  readonly reject: (error: unknown) => void
}

type Thread = { readonly worker: Worker; waiting: Job[]; running: Job[] }

/**
 * Starts the threads. While a worker is busy, what comes for it waits and is sent in one message.
 * @throws FirehoseError `invalid-option`
 */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { size, verifier = null, maxBatchBytes = 512 * 1024 } = options
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new FirehoseError('invalid-option', `size is a positive integer; size=${size}`)
  }
  let failure: FirehoseError | null = null

  const failAll = (cause: unknown): void => {
    failure ??= new FirehoseError('worker-failed', 'verification worker died', { cause })
    for (const thread of threads) {
      for (const job of [...thread.running.splice(0), ...thread.waiting.splice(0)]) job.reject(failure)
    }
  }

  const start = (): Thread => {
    // In the workspace this runs from source, in a package from what was built of it.
    const file = import.meta.url.endsWith('.ts') ? './pool-worker.ts' : './pool-worker.js'
    const workerData: PoolWorkerData = { verifier }
    const thread: Thread = {
      worker: new Worker(new URL(file, import.meta.url), { workerData }),
      waiting: [],
      running: [],
    }
    thread.worker.on('message', (results: PoolResult[]) => {
      const jobs = thread.running
      thread.running = []
      for (const [i, job] of jobs.entries()) job.resolve(results[i]!)
      send(thread)
    })
    thread.worker.on('error', failAll)
    thread.worker.on('exit', (code) => failAll(new Error(`worker ended; code=${code}`)))
    thread.worker.unref()
    return thread
  }

  const send = (thread: Thread): void => {
    if (thread.running.length > 0 || thread.waiting.length === 0) return
    const { policy } = thread.waiting[0]!
    let count = 0
    let bytes = 0
    while (count < thread.waiting.length && (count === 0 || bytes < maxBatchBytes)) {
      if (thread.waiting[count]!.policy !== policy) break
      bytes += thread.waiting[count++]!.frame.length
    }
    const jobs = thread.waiting.splice(0, count)
    thread.running = jobs
    const frames = new Uint8Array(bytes)
    const ends: number[] = []
    let at = 0
    for (const { frame } of jobs) {
      frames.set(frame, at)
      at += frame.length
      ends.push(at)
    }
    const batch: PoolBatch = {
      policy,
      frames,
      ends,
      keys: jobs.map(({ key }) => key && { curve: key.curve, bytes: key.bytes.slice() }),
    }
    // An unreferenced thread must not let the process end while somebody waits for it.
    thread.worker.ref()
    thread.worker.postMessage(batch, [frames.buffer])
  }

  const threads: Thread[] = Array.from({ length: size }, start)

  const run = (frame: Uint8Array, key: PublicKey | null, policy: VerifyPolicy): Promise<PoolResult> =>
    new Promise((resolve, reject) => {
      if (failure !== null) return reject(failure)
      let thread = threads[0]!
      for (const other of threads) {
        if (other.waiting.length + other.running.length < thread.waiting.length + thread.running.length)
          thread = other
      }
      const settle = (result: PoolResult): void => {
        resolve(result)
        if (thread.waiting.length === 0 && thread.running.length === 0) thread.worker.unref()
      }
      thread.waiting.push({ frame, key, policy, resolve: settle, reject })
      // What else comes in this turn goes along.
      if (thread.waiting.length === 1 && thread.running.length === 0) queueMicrotask(() => send(thread))
    })

  const close = async (): Promise<void> => {
    failure ??= new FirehoseError('worker-failed', 'worker pool is closed')
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }

  return {
    async prove(event, key, policy, frame) {
      const result = await run(frame, key, policy)
      if (!result.ok) return fail(result.reason, result.message)
      if (!('records' in result)) throw new FirehoseError('worker-failed', 'worker answered another question')
      return withRecords(event, frame, result)
    },
    async proveSync(_event, key, policy, frame) {
      const result = await run(frame, key, policy)
      if (!result.ok) return fail(result.reason, result.message)
      if (!('commit' in result)) throw new FirehoseError('worker-failed', 'worker answered another question')
      return { ok: true, value: { data: cidFromBytes(result.data), commit: cidFromBytes(result.commit) } }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The operations again, on this thread's own frame: only positions come back from the worker. */
function withRecords(
  event: ParsedCommit,
  frame: Uint8Array,
  result: Extract<PoolResult, { records: readonly number[] }>,
): Checked<{ ops: readonly VerifiedOp[]; legacy: boolean; data: ReturnType<typeof cidFromBytes> }> {
  const { records, legacy } = result
  const ops = event.ops.map(({ action, path, cid, prev = null }, i): VerifiedOp => {
    const begin = records[i * 2]!
    const recordBytes = begin < 0 ? null : frame.subarray(begin, records[i * 2 + 1])
    const slash = path.indexOf('/')
    return {
      action,
      path,
      collection: path.slice(0, slash),
      rkey: path.slice(slash + 1),
      cid,
      record: recordBytes === null ? null : decodeRecord(recordBytes),
      recordBytes,
      prev,
    }
  })
  return { ok: true, value: { ops, legacy, data: cidFromBytes(result.data) } }
}
