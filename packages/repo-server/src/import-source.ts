import { RepoServerError } from './error.ts'

/** How long a stranger may take to hand in an archive. */
export interface ImportPace {
  /** Each `windowBytes` must come within so many milliseconds of waiting for them. */
  readonly windowMs: number
  readonly windowBytes: number
  /** All of it must be there within so many milliseconds. */
  readonly totalMs: number
}

/** Two kilobytes a second, for ten minutes. */
export const IMPORT_PACE: ImportPace = { windowMs: 30_000, windowBytes: 64 * 1024, totalMs: 600_000 }

/**
 * The bytes of an archive as they come. The source is closed when the reader ends early, the signal fires, or it is too slow.
 * @throws RepoServerError `import-too-slow`, and the reason of the signal
 */
export async function* readPaced(
  source: ReadableStream<Uint8Array>,
  pace: ImportPace,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = source.getReader()
  const end = performance.now() + pace.totalMs
  let waited = 0
  let bytes = 0
  try {
    for (;;) {
      const began = performance.now()
      const left = Math.min(pace.windowMs - waited, end - began)
      const { done, value } = await within(reader.read(), left, signal)
      if (done) return
      waited += performance.now() - began
      bytes += value.length
      if (bytes >= pace.windowBytes) {
        waited = 0
        bytes = 0
      }
      yield value
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

async function within<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const stopped = Promise.withResolvers<never>()
  const abort = (): void => stopped.reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(
    () => stopped.reject(new RepoServerError('import-too-slow', 'The archive did not arrive in time')),
    Math.max(0, ms),
  )
  try {
    return await Promise.race([work, stopped.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    work.catch(() => {})
  }
}
