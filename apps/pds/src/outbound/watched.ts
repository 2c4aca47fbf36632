import type { DidResolver } from '@avocet/did'
import type { PlcClient, PlcResult } from '@avocet/plc'

import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { causeOf } from '../redact.ts'

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
