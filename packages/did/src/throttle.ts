import { DidError } from './error.ts'
import type { Fetch } from './fetch.ts'

/** Options of {@link throttleHosts}. */
export interface ThrottleOptions {
  /** Requests to one host at once; default 8. */
  readonly concurrency?: number
  /** Requests to one host that wait; default 1 000. More fail with `throttled`. */
  readonly maxQueue?: number
  /** Longest pause that a host's `Retry-After` may ask for, in milliseconds; default 60 000. */
  readonly maxPauseMs?: number
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

interface Host {
  running: number
  readonly waiting: { readonly start: () => void; readonly giveUp: (error: DidError) => void }[]
  pausedUntil: number
}

/**
 * Bounds what is asked of one host at a time. A host that answers 429 or 503 with `Retry-After` is left alone for that
 * long: requests fail with `throttled` at once, those that wait as well.
 */
export function throttleHosts(inner: Fetch, options: ThrottleOptions = {}): Fetch {
  const { concurrency = 8, maxQueue = 1_000, maxPauseMs = 60_000, now = Date.now } = options
  const hosts = new Map<string, Host>()

  const refusal = (name: string, why: string): DidError => new DidError('throttled', `${why}; host=${name}`)

  const enter = (name: string, host: Host, signal: AbortSignal | undefined): Promise<void> => {
    if (host.running < concurrency) {
      host.running++
      return Promise.resolve()
    }
    if (host.waiting.length >= maxQueue) throw refusal(name, 'too many requests wait for the host')
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = host.waiting.indexOf(waiter)
        if (at >= 0) host.waiting.splice(at, 1)
        reject(new DidError('aborted', `request was aborted; host=${name}`))
      }
      const waiter = {
        start: (): void => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
        giveUp: (error: DidError): void => {
          signal?.removeEventListener('abort', leave)
          reject(error)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      host.waiting.push(waiter)
    })
  }

  const exit = (name: string, host: Host): void => {
    const next = host.waiting.shift()
    if (next !== undefined) return next.start()
    host.running--
    if (host.running === 0 && host.pausedUntil <= now()) hosts.delete(name)
  }

  const heed = (name: string, host: Host, response: Response): void => {
    if (response.status !== 429 && response.status !== 503) return
    const pause = Math.min(retryAfterMs(response.headers.get('retry-after'), now()), maxPauseMs)
    if (pause <= 0) return
    host.pausedUntil = now() + pause
    for (const waiter of host.waiting.splice(0)) waiter.giveUp(refusal(name, 'host asked for a pause'))
  }

  return async (url, init) => {
    const name = URL.parse(url)?.host ?? ''
    let host = hosts.get(name)
    if (host === undefined) {
      forgetPauses(hosts, now())
      hosts.set(name, (host = { running: 0, waiting: [], pausedUntil: 0 }))
    }
    if (host.pausedUntil > now()) throw refusal(name, 'host asked for a pause')
    if (init?.signal?.aborted) throw new DidError('aborted', `request was aborted; host=${name}`)
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
