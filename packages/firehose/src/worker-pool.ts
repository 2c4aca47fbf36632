// Verification on other threads. The consumer's lanes keep the order per DID; the pool only proves.

import type { PublicKey } from '@avocet/crypto'
import { cidFromBytes } from '@avocet/data'
import { createContentReader } from './content.ts'
import { FirehoseError } from './errors.ts'
import type { VerifiedOp } from './events.ts'
import type { Prover } from './options.ts'
import { type Checked, fail, type ParsedCommit } from './parse.ts'
import type { PoolResult } from './pool-messages.ts'
import { createPoolThread, type Job, type PoolThread, type WorkerPoolOptions } from './pool-thread.ts'
import type { VerifyPolicy } from './policy.ts'

/**
 * A `Prover` on threads of its own, for the `prover` option of `consume`. An event that ends its thread, or takes too long, is
 * refused as `too-costly`; the thread is replaced, and what was sent along with it is proved one by one.
 */
export interface WorkerPool extends Prover {
  /**
   * Has the examiner made anew with other `data`, in place of that of its `PoolExport`: events that are sent to a thread from now on are
   * examined by it, those under way may be by the one before. Who has to tell them apart lets the examiner say which it is. What it
   * throws with this data ends threads as it would at their start. Without an examiner it does nothing.
   * @throws DOMException `DataCloneError` what does not survive the way to another thread; everything stays as it was
   */
  renewExaminer(data: unknown): void
  stats(): WorkerPoolStats
  /** Ends the threads; what is under way rejects. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Figures of a pool since it was made. */
export type WorkerPoolStats = {
  /** Threads it may have; they start with the first event. */
  readonly size: number
  /** Events that wait or are under way. */
  readonly waiting: number
  /** Threads that ended, or did not answer, and were replaced. */
  readonly replaced: number
}

/**
 * Makes a pool. While a worker is busy, what comes for it waits and is sent in one message.
 * @throws FirehoseError `invalid-option`
 */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { size } = options
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new FirehoseError('invalid-option', `size is a positive integer; size=${size}`)
  }
  let failure: FirehoseError | null = null
  let { examiner } = options
  let threads: PoolThread[] = []

  const failAll = (cause: unknown): void => {
    failure ??= new FirehoseError('worker-failed', 'verification worker died', { cause })
    for (const thread of threads) thread.reject(failure)
  }

  const createThread = (): PoolThread =>
    createPoolThread({ ...options, ...(examiner === undefined ? {} : { examiner }), onFatal: failAll })

  const run = (frame: Uint8Array, key: PublicKey | null, policy: VerifyPolicy): Promise<PoolResult> =>
    new Promise((resolve, reject) => {
      if (failure !== null) return reject(failure)
      if (threads.length === 0) {
        threads = Array.from({ length: size }, createThread)
      }
      const job: Job = { frame, key, policy, resolve, reject, ends: 0 }
      threads.reduce((least, other) => (other.load < least.load ? other : least)).add(job)
    })

  const close = async (): Promise<void> => {
    failure ??= new FirehoseError('worker-failed', 'worker pool is closed')
    for (const thread of threads) thread.reject(failure)
    await Promise.all(threads.map((thread) => thread.close()))
  }

  return {
    async prove(event, key, policy, frame) {
      const result = await run(frame, key, policy)
      if (!result.ok) return fail(result.reason, result.message)
      if (!('records' in result)) throw new FirehoseError('worker-failed', 'worker answered another question')
      return withRecords(event, frame, result, policy)
    },
    async proveSync(_event, key, policy, frame) {
      const result = await run(frame, key, policy)
      if (!result.ok) return fail(result.reason, result.message)
      if (!('commit' in result)) throw new FirehoseError('worker-failed', 'worker answered another question')
      return { ok: true, value: { data: cidFromBytes(result.data), commit: cidFromBytes(result.commit) } }
    },
    renewExaminer(data) {
      if (examiner === undefined) return
      examiner = { ...examiner, data: structuredClone(data) }
      for (const thread of threads) thread.renewExaminer(examiner.data)
    },
    stats: () => ({
      size,
      waiting: threads.reduce((sum, { load }) => sum + load, 0),
      replaced: threads.reduce((sum, { replaced }) => sum + replaced, 0),
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * The operations again, on this thread's own frame: only positions, and what the app makes of the records, come back from the worker.
 * It has decoded them all within the budget of the commit; here they are decoded when somebody asks.
 */
function withRecords(
  event: ParsedCommit,
  frame: Uint8Array,
  result: Extract<PoolResult, { records: readonly number[] }>,
  policy: VerifyPolicy,
): Checked<{ ops: readonly VerifiedOp[]; legacy: boolean; data: ReturnType<typeof cidFromBytes> }> {
  const { records, legacy, examined } = result
  const reader = createContentReader(policy)
  const begins = new Set<number>()
  const ops = event.ops.map(({ action, path, cid, prev = null }, i): VerifiedOp => {
    const begin = records[i * 2]!
    const recordBytes = begin < 0 ? null : frame.subarray(begin, records[i * 2 + 1])
    // The blocks of a commit are each at one place in its frame.
    const isRepeat = begin >= 0 && begins.has(begin)
    begins.add(begin)
    const slash = path.indexOf('/')
    const unread = result.unread?.[i] ?? null
    return {
      action,
      path,
      collection: path.slice(0, slash),
      rkey: path.slice(slash + 1),
      cid,
      get record() {
        return recordBytes === null || cid === null || unread !== null
          ? null
          : reader.read(cid, recordBytes).record
      },
      recordBytes,
      prev,
      ...(unread === null ? {} : { unread }),
      ...(isRepeat ? { isRepeat } : {}),
      ...(examined === null ? {} : { examined: examined[i] }),
    }
  })
  return { ok: true, value: { ops, legacy, data: cidFromBytes(result.data) } }
}
