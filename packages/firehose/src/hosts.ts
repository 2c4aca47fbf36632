// How much is asked of each host, and for how long it may be slow: a host that wants a pause gets it, one that drips is left.
// Spec: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after

import { ResyncError } from './errors.ts'
import { createLru } from './lru.ts'

/** A `fetch` as it is needed here. `urgent`: it may take the places that are kept (`limitHosts`). */
export type HostFetch = (
  url: string,
  init: { signal: AbortSignal; headers?: Record<string, string>; urgent?: boolean },
) => Promise<Response>

/** Of so many places: those that are kept for what is urgent, as what is not may hold its own for long. */
export const kept = (places: number): number => (places < 4 ? 0 : places >> 2)

/** Bounds of {@link limitHosts}. */
export type HostLimits = {
  /** Requests to one host whose answer is not read to its end; of four or more a quarter is kept for what is urgent. Default 2. */
  readonly slots?: number
  /** Requests to one host a second, and how many may come at once. Default 10 and 20. */
  readonly perSecond?: number
  readonly burst?: number
  /** Pause after a 429 or 503 without `Retry-After`, ms. Default 30 000. */
  readonly pauseMs?: number
  /** Longest pause a host may ask for, ms. Default 1 h. */
  readonly maxPauseMs?: number
  /** Bytes a second that an answer has to bring while it is waited for. Default 2048. */
  readonly minBytesPerSecond?: number
  /** Over so long, ms. Default 20 000. */
  readonly windowMs?: number
  readonly now?: () => number
}

/** What is known of the hosts; one for all that is asked of them. */
export type HostClocks = {
  /** Until when the host is left alone, ms since the epoch; 0: it may be asked. */
  pausedUntil(host: string): number
  pause(host: string, until: number): void
}

/** No host is paused yet. Of the hosts paused longest ago, those over 10 000 are forgotten. */
export function createHostClocks(): HostClocks {
  const clocks = createLru<string, number>(10_000)
  return {
    pausedUntil: (host) => clocks.get(host) ?? 0,
    pause: (host, until) => clocks.set(host, Math.max(until, clocks.get(host) ?? 0)),
  }
}

type Host = { running: number; tokens: number; filledAt: number }

/**
 * A `fetch` that asks of each host only what is fair. It never waits for a host: what cannot be asked now fails at once with
 * `host-busy` and the time to come back, so that nothing is held meanwhile.
 * @throws ResyncError `host-busy`; `fetch-failed` from the body of an answer that is too slow
 */
export function limitHosts(fetch: HostFetch, clocks: HostClocks, limits: HostLimits = {}): HostFetch {
  const { slots = 2, perSecond = 10, burst = 20, pauseMs = 30_000, maxPauseMs = 3_600_000 } = limits
  const { minBytesPerSecond = 2048, windowMs = 20_000, now = Date.now } = limits
  const hosts = createLru<string, Host>(10_000)

  const enter = (name: string, urgent: boolean): Host => {
    const paused = clocks.pausedUntil(name) - now()
    if (paused > 0) throw busy(name, 'it asked for a pause', paused)
    const host = hosts.get(name) ?? { running: 0, tokens: burst, filledAt: now() }
    hosts.set(name, host)
    if (host.running >= (urgent ? slots : slots - kept(slots)))
      throw busy(name, 'it is asked enough already', 200)
    host.tokens = Math.min(burst, host.tokens + ((now() - host.filledAt) * perSecond) / 1000)
    host.filledAt = now()
    const least = urgent ? 1 : 1 + kept(Math.min(burst, 8))
    if (host.tokens < least)
      throw busy(name, 'it was asked enough', Math.ceil(((least - host.tokens) * 1000) / perSecond))
    host.tokens--
    host.running++
    return host
  }

  return async (url, { urgent = false, ...init }) => {
    const name = URL.parse(url)?.host ?? ''
    const host = enter(name, urgent)
    let left = false
    const leave = (): void => {
      if (!left) host.running--
      left = true
    }
    try {
      const response = await fetch(url, init)
      if (response.status === 429 || response.status === 503) {
        const asked = pauseOf(response.headers.get('retry-after'), now()) ?? pauseMs
        clocks.pause(name, now() + Math.min(asked, maxPauseMs))
      }
      if (response.body === null) {
        leave()
        return response
      }
      const slow = (): ResyncError => {
        clocks.pause(name, now() + pauseMs)
        return new ResyncError('fetch-failed', `host is too slow; host=${name} bytes/s<${minBytesPerSecond}`)
      }
      const body = withFloor(response.body, { minBytesPerSecond, windowMs, now, leave, slow })
      const { status, statusText, headers } = response
      return new Response(body, { status, statusText, headers })
    } catch (error) {
      leave()
      throw error
    }
  }
}

function busy(host: string, why: string, retryAfterMs: number): ResyncError {
  return new ResyncError('host-busy', `host is not asked: ${why}; host=${host}`, { retryAfterMs, host })
}

type Floor = {
  readonly minBytesPerSecond: number
  readonly windowMs: number
  readonly now: () => number
  readonly leave: () => void
  readonly slow: () => ResyncError
}

/** Fails when the bytes come too slowly. Only the time that is spent waiting for them counts. */
function withFloor(source: ReadableStream<Uint8Array>, floor: Floor): ReadableStream<Uint8Array> {
  const { windowMs, now, leave } = floor
  const least = (floor.minBytesPerSecond * windowMs) / 1000
  const reader = source.getReader()
  let waited = 0
  let bytes = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const began = now()
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(floor.slow()), Math.max(1, windowMs - waited))
        timer.unref?.()
      })
      try {
        const { done, value } = await Promise.race([reader.read(), late])
        if (done) {
          leave()
          return controller.close()
        }
        waited += now() - began
        bytes += value.length
        if (bytes >= least) waited = bytes = 0
        else if (waited >= windowMs) throw floor.slow()
        controller.enqueue(value)
      } catch (error) {
        leave()
        controller.error(error)
        await reader.cancel(error).catch(() => {})
      } finally {
        clearTimeout(timer)
      }
    },
    cancel(reason) {
      leave()
      return reader.cancel(reason)
    },
  })
}

/** Seconds, or a date. */
function pauseOf(value: string | null, now: number): number | null {
  if (value === null) return null
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}
