import { XrpcError } from '@avocet/xrpc'

import type { RequestInfo } from '@avocet/xrpc-server'
import type { Health } from './health.ts'

/** A request, as far as it is looked at. */
type Asked = Pick<RequestInfo, 'header'>

/**
 * Answers `_health`: 503 while the server cannot store data. Anybody learns that it cannot, from what is known already;
 * the operator learns why, from a probe made now.
 */
export function createHealthCheck(
  health: Health,
  isOperator: (request: Asked) => boolean,
  version: string,
): (request: Asked) => Promise<{ version: string }> {
  return async (request) => {
    const operator = isOperator(request)
    const problem = operator ? await health.check() : health.problem()
    if (problem === null) return { version }
    throw new XrpcError(503, 'ServiceUnavailable', operator ? problem : 'unhealthy')
  }
}
