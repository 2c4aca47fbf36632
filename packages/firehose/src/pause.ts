import type { Timers } from './options.ts'

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal, timers?: Timers): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = timers === undefined ? setTimeout(end, ms) : undefined
    const cancel = timers?.after(ms, end) ?? ((): void => clearTimeout(timer))
    signal.addEventListener('abort', end)
  })
}
