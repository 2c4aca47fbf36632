import type { AccountRows } from '@avocet/accounts'
import type { DidResolver } from '@avocet/did'

import { createAuthorizer, type Authorizer } from './authorizer.ts'
import { createServiceCallers, type ServiceCallers } from './service-callers.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** Who calls: sessions of this server, services, and the operator. */
export interface Auth {
  readonly tokens: Tokens
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
}

/** What authorization composes. */
export interface AuthParts {
  readonly accounts: AccountRows
  readonly dids: DidResolver
  /** The DID of this server, the audience of tokens. */
  readonly serviceDid: () => string
  readonly secrets: { readonly jwtSecret: string; readonly adminPassword: string }
  /** The DID of the service that may moderate here, or null. */
  readonly moderationService: string | null
}

/** Authorization by the tokens of this server, those of services, and the operator's password. */
export function createAuth(parts: AuthParts): Auth {
  const { accounts, dids, serviceDid, secrets, moderationService } = parts
  const tokens = createTokens(secrets.jwtSecret, serviceDid)
  return {
    tokens,
    authorizer: createAuthorizer(accounts, tokens, secrets.adminPassword),
    services: createServiceCallers(dids, accounts, serviceDid, moderationService),
  }
}
