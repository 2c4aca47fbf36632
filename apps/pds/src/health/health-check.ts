import { XrpcError } from '@avocet/xrpc'

import type { RequestInfo } from '@avocet/xrpc-server'
import type { Health } from './health.ts'

/** A request, as far as it is looked at. */
type Asked = Pick<RequestInfo, 'header'>

/**
 * Answers `_health`: 503 while the server cannot store data. Anybody learns that it cannot, from what is known already;
 * the operator learns why, from a probe made now, and what does not keep the server from its work.
 * @param notice a part that is away, in words, while the server goes on without it; null when all is well
 */
export function createHealthCheck(
  health: Health,
  isOperator: (request: Asked) => boolean,
  version: string,
  notice: () => Promise<string | null> = () => Promise.resolve(null),
): (request: Asked) => Promise<{ version: string; notice?: string }> {
  return async (request) => {
    const operator = isOperator(request)
    const problem = operator ? await health.check() : health.problem()
    if (problem !== null) throw new XrpcError(503, 'ServiceUnavailable', operator ? problem : 'unhealthy')
    const noticed = operator ? await notice() : null
    return noticed === null ? { version } : { version, notice: noticed }
  }
}
