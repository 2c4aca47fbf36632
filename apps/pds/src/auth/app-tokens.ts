/**
 * Access tokens of apps (OAuth), each with a proof that its sender holds the key it is bound to (DPoP).
 * https://www.rfc-editor.org/rfc/rfc9449#section-7, https://atproto.com/specs/oauth#authorized-requests
 */
import { createScopeSet, type ScopeSet } from '@avocet/oauth-scopes'
import type { AccessFailure, DpopNonces, VerifyAccess } from '@avocet/oauth-server'

import { PdsError, type PdsErrorCode } from '../errors.ts'
import type { OAuthCaller } from './callers.ts'
import type { Asked } from './needs.ts'

/** What checks the tokens of apps: parts of `@avocet/oauth-server`. No app is let in without it. */
export interface AppTokens {
  readonly verifyAccess: VerifyAccess
  /** Those that `verifyAccess` takes. */
  readonly nonces: Pick<DpopNonces, 'current'>
}

/** Apps behind requests. */
export interface Apps {
  /** @throws PdsError `invalid-app-token`, `nonce-required`, `invalid-proof` */
  identify(request: Asked): Promise<OAuthCaller>
}

const CODES: Readonly<Record<AccessFailure['code'], PdsErrorCode>> = {
  invalid_token: 'invalid-app-token',
  use_dpop_nonce: 'nonce-required',
  invalid_dpop_proof: 'invalid-proof',
}

/** Sets of scopes that are kept, since the same ones come with every request; longer texts are read each time. */
const KEPT_SETS = 500
const KEPT_LENGTH = 4096

/** Apps by their tokens. */
export function createApps({ verifyAccess }: Pick<AppTokens, 'verifyAccess'>): Apps {
  const kept = new Map<string, ScopeSet>()
  const scopesOf = (text: string): ScopeSet => {
    const known = kept.get(text)
    if (known !== undefined) return known
    const scopes = createScopeSet(text)
    if (text.length > KEPT_LENGTH) return scopes
    if (kept.size >= KEPT_SETS) kept.delete(kept.keys().next().value!)
    kept.set(text, scopes)
    return scopes
  }

  return {
    identify: async ({ nsid, request, header }) => {
      const outcome = await verifyAccess({ method: request.method, path: `/xrpc/${nsid}`, header })
      if (!outcome.ok) {
        const { code, message, headers } = outcome.error
        throw new PdsError(CODES[code], message, { challenge: headers['www-authenticate'] })
      }
      const { did, clientId, sessionId, permissions } = outcome.value
      return { kind: 'oauth', did, clientId, sessionId, scopes: scopesOf(permissions) }
    },
  }
}
