import type { Fetch } from '@avocet/did'
import type { EventLog } from '@avocet/sequencer'

import type { Logger } from '../logger.ts'
import { causeOf } from '../redact.ts'

/** How seldom a relay is told again that there is news here, in milliseconds. A connected relay needs no telling. */
const EVERY_MS = 20 * 60 * 1000

/** What a relay was told last, by this process. Times are ISO 8601. */
export interface RelayState {
  readonly url: string
  /** Null while there was nothing to tell. */
  readonly askedAt: string | null
  /** `ok`, or what it said against it; null while there is no answer. */
  readonly answer: string | null
  /** Before then it is not asked again, and after it at the next event. */
  readonly nextAt: string | null
}

/** What tells relays, and what they said. */
export interface Crawlers extends Disposable {
  state(): readonly RelayState[]
}

/**
 * Tells relays that there is something to crawl: at the first event after the start, then at most every 20 minutes.
 * @param url where this server is, for everybody
 * @param now milliseconds by a clock that nobody sets
 */
export function createCrawlers(
  hosts: readonly string[],
  url: () => string,
  log: Pick<EventLog<never>, 'watch'>,
  fetch: Fetch,
  logger: Logger,
  failed: () => void = () => {},
  now: () => number = () => performance.now(),
): Crawlers {
  let last = Number.NEGATIVE_INFINITY
  const states = new Map(
    hosts.map((host): [string, RelayState] => [
      host,
      { url: host, askedAt: null, answer: null, nextAt: null },
    ]),
  )
  const answered = (host: string, answer: string): void => {
    states.set(host, { ...states.get(host)!, answer })
  }
  const ask = async (host: string): Promise<void> => {
    const hostname = new URL(url()).host
    const at = Date.now()
    const [askedAt, nextAt] = [at, at + EVERY_MS].map((ms) => new Date(ms).toISOString()) as [string, string]
    states.set(host, { url: host, askedAt, answer: null, nextAt })
    try {
      const response = await fetch(`${host}/xrpc/com.atproto.sync.requestCrawl`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hostname }),
      })
      await response.body?.cancel()
      answered(host, response.ok ? 'ok' : `status ${response.status}`)
      if (response.ok) return
      failed()
      logger.warn({ host, status: response.status }, 'a relay refused to crawl')
    } catch (error) {
      answered(host, causeOf(error))
      failed()
      logger.warn({ host, err: error }, 'a relay could not be asked to crawl')
    }
  }
  const unwatch =
    hosts.length === 0
      ? () => {}
      : log.watch(() => {
          if (now() - last < EVERY_MS) return
          last = now()
          for (const host of hosts) void ask(host)
        })
  return { state: () => [...states.values()], [Symbol.dispose]: unwatch }
}
