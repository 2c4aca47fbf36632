import { XrpcError } from '@avocet/xrpc'

import type { Authorizer, Headed } from '../accounts/authorizer.ts'
import type { Health } from './health.ts'

/**
 * Answers `_health`: 503 while the server cannot store data. Anybody learns that it cannot, from what is known already;
 * the operator learns why, from a probe made now.
 */
export function createHealthCheck(
  health: Health,
  authorizer: Authorizer,
  version: string,
): (request: Headed) => Promise<{ version: string }> {
  return async (request) => {
    const operator = authorizer.isAdmin(request)
    const problem = operator ? await health.check() : health.problem()
    if (problem === null) return { version }
    throw new XrpcError(503, 'ServiceUnavailable', operator ? problem : 'unhealthy')
  }
}
