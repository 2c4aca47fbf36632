import type { Fetch } from '@avocet/did'
import type { EventLog } from '@avocet/sequencer'

import type { Logger } from '../logger.ts'

/** How seldom a relay is told again that there is news here, in milliseconds. A connected relay needs no telling. */
const EVERY_MS = 20 * 60 * 1000

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
): Disposable {
  let last = Number.NEGATIVE_INFINITY
  const ask = async (host: string): Promise<void> => {
    const hostname = new URL(url()).host
    try {
      const response = await fetch(`${host}/xrpc/com.atproto.sync.requestCrawl`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hostname }),
      })
      await response.body?.cancel()
      if (response.ok) return
      failed()
      logger.warn({ host, status: response.status }, 'a relay refused to crawl')
    } catch (error) {
      failed()
      logger.warn({ host, err: error }, 'a relay could not be asked to crawl')
    }
  }
  if (hosts.length === 0) return { [Symbol.dispose]: () => {} }
  const unwatch = log.watch(() => {
    if (now() - last < EVERY_MS) return
    last = now()
    for (const host of hosts) void ask(host)
  })
  return { [Symbol.dispose]: unwatch }
}
