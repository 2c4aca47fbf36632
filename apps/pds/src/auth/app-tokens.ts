/**
 * Access tokens of apps (OAuth), each with a proof that its sender holds the key it is bound to (DPoP).
 * https://www.rfc-editor.org/rfc/rfc9449#section-7, https://atproto.com/specs/oauth#authorized-requests
 */
import type { AccountRows } from '@avocet/accounts'
import type { AccessFailure, DpopNonces, VerifyAccess } from '@avocet/oauth-server'

import { PdsError, type PdsErrorCode } from '../errors.ts'
import type { OAuthCaller } from './callers.ts'
import { createKeptScopes } from './kept-scopes.ts'
import type { Asked } from './needs.ts'

/** What checks the tokens of apps: parts of `@avocet/oauth-server`. No app is let in without it. */
export interface AppTokens {
  readonly verifyAccess: VerifyAccess
  /** Those that `verifyAccess` takes. */
  readonly nonces: Pick<DpopNonces, 'current'>
}

/** Apps behind requests. */
export interface Apps {
  /** @throws PdsError `invalid-app-token`, `nonce-required`, `invalid-proof`, `account-takendown` */
  identify(request: Asked): Promise<OAuthCaller>
}

const CODES: Readonly<Record<AccessFailure['code'], PdsErrorCode>> = {
  invalid_token: 'invalid-app-token',
  use_dpop_nonce: 'nonce-required',
  invalid_dpop_proof: 'invalid-proof',
}

/** Apps by their tokens. */
export function createApps({ verifyAccess }: Pick<AppTokens, 'verifyAccess'>, accounts: AccountRows): Apps {
  const scopesOf = createKeptScopes()
  return {
    identify: async ({ nsid, method, header }) => {
      const outcome = await verifyAccess({ method, path: `/xrpc/${nsid}`, header })
      if (!outcome.ok) {
        const { code, message, did, headers } = outcome.error
        const challenge = headers['www-authenticate']
        // The takedown ended the session: who had it hears why, and that it is over.
        const account = did === null ? null : await accounts.get(did)
        if (account !== null && account.takedownRef !== null) {
          throw new PdsError('account-takendown', 'Account has been taken down', { challenge })
        }
        throw new PdsError(CODES[code], message, { challenge })
      }
      const { did, clientId, sessionId, permissions } = outcome.value
      return { kind: 'oauth', did, clientId, sessionId, scopes: scopesOf(permissions) }
    },
  }
}
