import { DidError, failWith } from './error.ts'
import type { Fetch } from './fetch.ts'

/** Options of {@link throttleHosts}. */
export interface ThrottleOptions {
  /** Requests to one host at once; default 8. */
  readonly concurrency?: number
  /** Requests to one host that wait; default 1 000. More fail with `throttled`. */
  readonly maxQueue?: number
  /** How long a request may wait for its turn, in milliseconds; default 30 000. Then it fails with `throttled`. */
  readonly maxWaitMs?: number
  /** Longest pause that a host's `Retry-After` may ask for, in milliseconds; default 60 000. */
  readonly maxPauseMs?: number
  /** Milliseconds since 1970, for a `Retry-After` that is a date; default `Date.now`. */
  readonly now?: () => number
  /** Milliseconds by a clock that nobody sets, for pauses; default `now` where that is given, else `performance.now`. */
  readonly steady?: () => number
}

interface Host {
  running: number
  /** In the order they came. */
  readonly waiting: Set<{ readonly start: () => void; readonly giveUp: (error: DidError) => void }>
  pausedUntil: number
}

/**
 * Bounds what is asked of one host at a time. A host that answers 429 or 503 with `Retry-After` is left alone for that
 * long: requests fail with `throttled` at once, those that wait as well.
 */
export function throttleHosts(inner: Fetch, options: ThrottleOptions = {}): Fetch {
  const {
    concurrency = 8,
    maxQueue = 1_000,
    maxWaitMs = 30_000,
    maxPauseMs = 60_000,
    now = Date.now,
    steady = options.now ?? ((): number => performance.now()),
  } = options
  const hosts = new Map<string, Host>()

  const refusal = (name: string, why: string): DidError => new DidError('throttled', `${why}; host=${name}`)

  const enter = (name: string, host: Host, signal: AbortSignal | undefined): Promise<void> => {
    if (host.running < concurrency) {
      host.running++
      return Promise.resolve()
    }
    if (host.waiting.size >= maxQueue) throw refusal(name, 'too many requests wait for the host')
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        host.waiting.delete(waiter)
      }
      const giveUp = (error: DidError): void => {
        settle()
        reject(error)
      }
      const start = (): void => {
        settle()
        resolve()
      }
      const abort = (): void => giveUp(failWith(signal?.reason, `host=${name}`, signal).error)
      const timer = setTimeout(() => giveUp(refusal(name, 'request waited too long for its turn')), maxWaitMs)
      const waiter = { start, giveUp }
      signal?.addEventListener('abort', abort, { once: true })
      host.waiting.add(waiter)
    })
  }

  const exit = (name: string, host: Host): void => {
    const [next] = host.waiting
    if (next !== undefined) return next.start()
    host.running--
    if (host.running === 0 && host.pausedUntil <= steady()) hosts.delete(name)
  }

  const heed = (name: string, host: Host, response: Response): void => {
    if (response.status !== 429 && response.status !== 503) return
    const pause = Math.min(retryAfterMs(response.headers.get('retry-after'), now()), maxPauseMs)
    if (pause <= 0) return
    host.pausedUntil = steady() + pause
    for (const waiter of host.waiting) waiter.giveUp(refusal(name, 'host asked for a pause'))
  }

  return async (url, init) => {
    const name = URL.parse(url)?.host ?? ''
    let host = hosts.get(name)
    if (host === undefined) {
      forgetPauses(hosts, steady())
      hosts.set(name, (host = { running: 0, waiting: new Set(), pausedUntil: Number.NEGATIVE_INFINITY }))
    }
    if (host.pausedUntil > steady()) throw refusal(name, 'host asked for a pause')
    if (init?.signal?.aborted) throw failWith(init.signal.reason, `host=${name}`, init.signal).error
    await enter(name, host, init?.signal)
    try {
      const response = await inner(url, init)
      heed(name, host, response)
      return response
    } finally {
      exit(name, host)
    }
  }
}

/** Hosts are remembered while they are used or paused; the table cannot grow with the names strangers choose. */
function forgetPauses(hosts: Map<string, Host>, now: number): void {
  if (hosts.size < 10_000) return
  for (const [name, host] of hosts) {
    if (host.running === 0 && host.pausedUntil <= now) hosts.delete(name)
  }
}

/** Seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function retryAfterMs(value: string | null, now: number): number {
  if (value === null) return 0
  if (/^[0-9]{1,6}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? 0 : date - now
}
