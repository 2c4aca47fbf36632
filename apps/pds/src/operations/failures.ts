import type { DidResolver } from '@avocet/did'
import type { PlcClient, PlcResult } from '@avocet/plc'

import type { Logger } from '../logger.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { Forward } from '../proxy/forward.ts'
import { causeOf, maskEmail } from './redact.ts'

/** What this server calls. */
export type Service = 'mail' | 'directory' | 'upstream' | 'relay'

/** Told of each call to another service that failed, and of each mail. */
export interface Counts {
  failed(service: Service): void
  mail(sent: boolean): void
}

/** A mailer whose failures leave a line, whatever the client was told: who (masked), about what, why. */
export function watchMailer(mailer: Mailer, log: Logger, counts: Counts): Mailer {
  return {
    ...mailer,
    send: async (mail) => {
      try {
        await mailer.send(mail)
        counts.mail(true)
      } catch (error) {
        counts.mail(false)
        counts.failed('mail')
        log.error(
          { to: maskEmail(mail.to), subject: mail.subject, cause: causeOf(error) },
          'a mail could not be sent',
        )
        throw error
      }
    },
  }
}

/** A directory client whose failures leave a line: for which DID, what was asked, why. */
export function watchDirectory(plc: PlcClient, log: Logger, counts: Counts): PlcClient {
  const watched = async <T>(
    did: string,
    call: string,
    result: Promise<PlcResult<T>>,
  ): Promise<PlcResult<T>> => {
    const settled = await result
    if (!settled.ok) {
      const { code, status } = settled.error
      counts.failed('directory')
      log.warn({ did, call, code, status, cause: causeOf(settled.error) }, 'the did:plc directory failed')
    }
    return settled
  }
  return {
    ...plc,
    lastOperation: (did, options) => watched(did, 'lastOperation', plc.lastOperation(did, options)),
    submit: (did, operation, options) => watched(did, 'submit', plc.submit(did, operation, options)),
  }
}

/**
 * A resolver whose failures of the directory itself leave a line. What a stranger's did:web answers is not our business,
 * nor is a DID that nobody knows: anybody could fill the log with them.
 */
export function watchResolver(dids: DidResolver, log: Logger, counts: Counts): DidResolver {
  return {
    resolve: async (did, options) => {
      const result = await dids.resolve(did, options)
      if (!result.ok && did.startsWith('did:plc:') && result.error.isTransient) {
        const { code, status } = result.error
        counts.failed('directory')
        log.warn(
          { did, call: 'resolve', code, status, cause: causeOf(result.error) },
          'the did:plc directory failed',
        )
      }
      return result
    },
  }
}

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
