import { OAuthClientError } from './error.ts'

/** How long something is waited for. */
export interface Patience {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs something that strangers can hold up, for so long and no longer, even where it obeys no signal.
 * @param what did not come when time is up, for the message
 * @throws {OAuthClientError} `timeout`, `aborted`, and what `run` throws before
 */
export async function within<T>(
  { timeoutMs, signal }: Patience,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout
  try {
    return await unlessAborted(run(either), either)
  } catch (cause) {
    if (!either.aborted) throw cause
    const code = timeout.aborted ? 'timeout' : 'aborted'
    throw new OAuthClientError(code, `${code}: no ${what}`, { cause })
  }
}

/** What others wait for goes on; who gave up waits no more. @throws the reason of the signal, and what the work rejects with */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work
  const { promise: over, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(signal.reason as Error)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, over])
  } finally {
    signal.removeEventListener('abort', stop)
    // A failure that nobody waits for any more is nobody's.
    work.catch(() => undefined)
  }
}
