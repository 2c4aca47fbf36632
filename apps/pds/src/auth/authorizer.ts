import type { AccountRows } from '@avocet/accounts'
import { carriesDpopToken } from '@avocet/oauth-server/access'
import { createHash, timingSafeEqual } from 'node:crypto'

import { PdsError } from '../errors.ts'
import type { Apps } from './app-tokens.ts'
import type { Caller, OAuthCaller, Operator, SessionCaller } from './callers.ts'
import {
  CLOSED,
  closedToApps,
  requirePermissions,
  type AccessNeeds,
  type Asked,
  type OAuthNeeds,
} from './needs.ts'
import type { Tokens } from './tokens.ts'

/** A request, as far as authorization needs it. */
export interface Headed {
  readonly header: (name: string) => string | null
}

/** Who may call what, read from the `authorization` header. */
export interface Authorizer {
  /**
   * Who calls, if they meet the needs as far as those are known before the input is read.
   * @throws PdsError `auth-missing`, `invalid-token`, `expired-token`, `account-deactivated`, `account-takendown`; of apps also
   *   `closed-to-apps`, `scope-missing`, `account-gone`, and what `Apps` throws
   */
  access(request: Asked, needs?: AccessNeeds): Promise<Caller>
  /** A caller whose token was verified, as the account stands now. @throws PdsError as `access` */
  standing(caller: Caller, needs: AccessNeeds, request: Asked): Promise<Caller>
  /**
   * The caller, or null if the request carries no token at all.
   * @param oauth what an app needs; absent: no app may call
   */
  optional(request: Asked, oauth?: OAuthNeeds | null): Promise<Caller | null>
  /** The raw bearer token. @throws PdsError `auth-missing` or `invalid-token` */
  bearer(request: Headed): string
  /** HTTP Basic with the admin password. @throws PdsError `auth-required` */
  admin(request: Asked): Operator | Promise<Operator>
  isAdmin(request: Headed): boolean
}

/** Whether a request carries the operator's password. */
export function isPassword(adminPassword: string): (request: Headed) => boolean {
  const expected = sha256(`admin:${adminPassword}`)
  return ({ header }) => {
    const match = /^Basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(header('authorization') ?? '')
    if (match === null) return false
    return timingSafeEqual(sha256(Buffer.from(match[1]!, 'base64').toString('utf8')), expected)
  }
}

/**
 * An authorizer over the accounts and tokens of this server.
 * @param apps absent: tokens of apps are as unknown as any other kind
 */
export function createAuthorizer(
  accounts: AccountRows,
  tokens: Tokens,
  isAdmin: (request: Headed) => boolean,
  apps: Apps | null = null,
): Authorizer {
  const isApp = (request: Headed): boolean => apps !== null && carriesDpopToken(request)

  const bearer: Authorizer['bearer'] = (request) => {
    if (isApp(request)) throw closedToApps()
    const value = request.header('authorization')
    if (value === null) throw new PdsError('auth-missing', 'Authentication Required')
    const match = /^Bearer +(\S+)$/i.exec(value)
    if (match === null) throw new PdsError('invalid-token', 'Unexpected authorization type')
    return match[1]!
  }

  const app = async (caller: OAuthCaller, needs: AccessNeeds, request: Asked): Promise<OAuthCaller> => {
    const { oauth } = needs
    if (oauth === undefined || oauth === null) throw closedToApps()
    const account = await accounts.get(caller.did)
    if (account === null) throw new PdsError('account-gone', 'Account not found')
    // A takedown ends the sessions of apps: who wants to appeal or to move away signs in with the password.
    if (account.takedownRef !== null) throw new PdsError('account-takendown', 'Account has been taken down')
    if (needs.deactivated !== true && account.deactivatedAt !== null) {
      throw new PdsError('account-deactivated', 'Account is deactivated')
    }
    requirePermissions(caller, oauth.call?.(request as Asked & { readonly params: never }) ?? [])
    return caller
  }

  const session = async ({ did, scope }: SessionCaller, needs: AccessNeeds): Promise<SessionCaller> => {
    if (
      needs.full === true &&
      (scope === 'com.atproto.appPass' || scope === 'com.atproto.appPassPrivileged')
    ) {
      throw new PdsError('invalid-token', 'Bad token scope')
    }
    if (needs.privileged === true && scope === 'com.atproto.appPass') {
      throw new PdsError('invalid-token', 'Bad token scope')
    }
    const account = await accounts.get(did)
    if (account === null) throw new PdsError('invalid-token', 'Account not found')
    if (needs.takendown !== true && scope === 'com.atproto.takendown') {
      throw new PdsError('invalid-token', 'Bad token scope')
    }
    if (needs.takendown !== true && account.takedownRef !== null) {
      throw new PdsError('account-takendown', 'Account has been taken down')
    }
    if (needs.deactivated !== true && account.deactivatedAt !== null) {
      throw new PdsError('account-deactivated', 'Account is deactivated')
    }
    // A token that was made before the takedown counts as one made after it.
    return { kind: 'session', did, scope: account.takedownRef === null ? scope : 'com.atproto.takendown' }
  }

  const standing: Authorizer['standing'] = (caller, needs, request) =>
    caller.kind === 'oauth' ? app(caller, needs, request) : session(caller, needs)

  const access: Authorizer['access'] = async (request, needs = {}) => {
    if (apps === null || !isApp(request)) {
      const { did, scope } = await tokens.verifyAccess(bearer(request))
      return session({ kind: 'session', did, scope }, needs)
    }
    // Nothing is verified for a method that would be refused anyway.
    if (needs.oauth === undefined || needs.oauth === null) throw closedToApps()
    return app(await apps.identify(request), needs, request)
  }

  return {
    access,
    standing,
    optional: (request, oauth = CLOSED) =>
      request.header('authorization') !== null
        ? access(request, { deactivated: true, takendown: true, oauth })
        : Promise.resolve(null),
    bearer,
    admin: (request) => {
      if (isApp(request)) throw closedToApps()
      if (!isAdmin(request)) throw new PdsError('auth-required', 'Authentication Required')
      return { operator: true }
    },
    isAdmin,
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
