/** How long a part that may be away is waited for, and how often it is asked. */
export interface BreakerOptions {
  /** An answer that takes longer counts as none. Default 250 ms: a request waits for it. */
  readonly timeoutMs?: number
  /** What is away is asked again after so many ms. Default 1000. */
  readonly retryMs?: number
  /** Told once when it fails, and once when it answers again. */
  readonly onChange?: (state: 'down' | 'up', error?: unknown) => void
}

/** A timeout is counted in so many steps: time in which this process did something else is one step at most. */
const STEPS = 5

/**
 * Runs what asks a part that may be away. While it is, one caller in a while finds out whether it is back; for all others the
 * returned promise rejects at once.
 */
export function createBreaker(options: BreakerOptions): <T>(work: () => T | Promise<T>) => Promise<T> {
  const { timeoutMs = 250, retryMs = 1000, onChange } = options
  let failure: { readonly error: unknown } | null = null
  let asked = -Infinity

  const ask = async <T>(work: () => T | Promise<T>): Promise<T> => {
    let timer: ReturnType<typeof setInterval> | undefined
    const late = new Promise<never>((_, reject) => {
      let steps = 0
      timer = setInterval(() => {
        if (++steps === STEPS) reject(new Error(`no answer in time; ms=${timeoutMs}`))
      }, timeoutMs / STEPS)
    })
    try {
      return await Promise.race([work(), late])
    } finally {
      clearInterval(timer)
    }
  }

  return async (work) => {
    const time = performance.now()
    if (failure !== null && time - asked < retryMs) throw failure.error
    asked = time
    try {
      const value = await ask(work)
      if (failure !== null) {
        failure = null
        onChange?.('up')
      }
      return value
    } catch (error) {
      const before = failure
      failure = { error }
      if (before === null) onChange?.('down', error)
      throw error
    }
  }
}
