import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { causeOf } from '../redact.ts'
import type { Forward } from './forward.ts'

/** A way to forward whose failures, and refusals of the kind 5xx, leave a line: which service, which method, why. */
export function watchForward(forward: Forward, log: Logger, counts: Counts): Forward {
  return async (forwarded, url, token) => {
    const fact = { service: hostOf(url), nsid: forwarded.nsid }
    let response: Response
    try {
      response = await forward(forwarded, url, token)
    } catch (error) {
      // A caller who went away is no failure of the service.
      if (!forwarded.signal.aborted) {
        counts.failed('upstream')
        log.warn({ ...fact, cause: causeOf(error) }, 'a service behind this server failed')
      }
      throw error
    }
    if (response.status >= 500) {
      counts.failed('upstream')
      log.warn({ ...fact, status: response.status }, 'a service behind this server failed')
    }
    return response
  }
}

const hostOf = (url: string): string => URL.parse(url)?.host ?? url
