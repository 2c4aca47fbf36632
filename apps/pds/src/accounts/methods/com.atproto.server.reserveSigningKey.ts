import { ComAtprotoServerReserveSigningKey } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { ReservedKeys } from '../reserved-keys.ts'
import { RESERVE_KEY_LIMITS } from '../../limits/rate-limits.ts'

/** A signing key for an account that will move here, so that its identity can name the key first. */
export function reserveSigningKey(router: Router, reservedKeys: ReservedKeys): void {
  router.add(ComAtprotoServerReserveSigningKey.main, {
    rateLimit: RESERVE_KEY_LIMITS,
    handler: async ({ input }) => ({ signingKey: await reservedKeys.reserve(input.did ?? null) }),
  })
}
