import type { AccountRows } from '@avocet/accounts'
import type { DidResolver } from '@avocet/did'
import { carriesDpopToken } from '@avocet/oauth-server/access'
import type { Router } from '@avocet/xrpc-server'

import { createApps } from './app-tokens.ts'
import { createAuthorizer, isPassword, type Authorizer, type Headed } from './authorizer.ts'
import { guardRouter, replaceAuthorizer, replaceServices, type ReplacedAuth } from './replaced.ts'
import { createServiceCallers, type ServiceCallers } from './service-callers.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** Who calls: sessions of this server, services, and the operator. */
export interface Auth {
  readonly tokens: Tokens
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
  /** A way to add methods, so that whoever replaced authorization is asked for those that anybody may call, too. */
  guarded(router: Router): Router
  /** Headers of every answer to a request: the nonce that an app needs for its next one. https://www.rfc-editor.org/rfc/rfc9449#section-8.2 */
  readonly answerHeaders: (request: Headed) => Readonly<Record<string, string>> | undefined
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
  readonly replaced: ReplacedAuth
}

/** Authorization by the tokens of this server, those of services, and the operator's password, unless it is replaced. */
export function createAuth(parts: AuthParts): Auth {
  const { accounts, dids, serviceDid, secrets, moderationService, replaced } = parts
  const { appTokens } = replaced
  const tokens = createTokens(secrets.jwtSecret, serviceDid)
  const knowsPassword = isPassword(secrets.adminPassword)
  const isOperator = (request: Headed): boolean => {
    const own = (): boolean => knowsPassword(request)
    return replaced.isOperator?.(request, own) ?? own()
  }
  const apps = appTokens === undefined ? null : createApps(appTokens, accounts)
  const authorizer = createAuthorizer(accounts, tokens, isOperator, apps)
  const answerHeaders: Auth['answerHeaders'] = (request) =>
    appTokens !== undefined && carriesDpopToken(request)
      ? { 'dpop-nonce': appTokens.nonces.current() }
      : undefined
  const services = createServiceCallers(dids, accounts, serviceDid, moderationService)
  const authorize = replaced.authorize?.bind(replaced)
  if (authorize === undefined) {
    return { tokens, authorizer, services, guarded: (router) => router, answerHeaders }
  }
  return {
    tokens,
    authorizer: replaceAuthorizer(authorizer, authorize),
    services: replaceServices(services, authorizer, authorize),
    guarded: (router) => guardRouter(router, authorize),
    answerHeaders,
  }
}
