import type { AccountRows } from '@avocet/accounts'
import { createHash, timingSafeEqual } from 'node:crypto'

import type { Did } from '@avocet/syntax'
import type { RequestInfo } from '@avocet/xrpc-server'

import { PdsError } from '../errors.ts'
import type { AccessClaims, AccessScope, Tokens } from './tokens.ts'

/** The signed-in account behind a request. */
export interface Caller {
  readonly did: Did
  readonly scope: AccessScope
}

/** The operator behind a request. */
export interface Operator {
  readonly operator: true
}

/** A request, as far as authorization needs it. */
export interface Headed {
  readonly header: (name: string) => string | null
}

/** A call that somebody has to be known for. */
export type Asked = Pick<RequestInfo, 'nsid' | 'request' | 'header' | 'address' | 'signal'>

/** What a method asks of its caller beyond a valid access token. */
export interface AccessNeeds {
  /** The account's own password: no app password, which may not manage the account. */
  readonly full?: boolean
  /** An app password must be a privileged one. */
  readonly privileged?: boolean
  /** A deactivated account may call it. */
  readonly deactivated?: boolean
  /** An account that was taken down may call it (to appeal, or to move away). */
  readonly takendown?: boolean
}

/** Who may call what, read from the `authorization` header. */
export interface Authorizer {
  /** @throws PdsError `auth-missing`, `invalid-token`, `expired-token`, `account-deactivated`, `account-takendown` */
  access(request: Asked, needs?: AccessNeeds): Promise<Caller>
  /** The account behind a token as it stands now. @throws PdsError as `access` */
  standing(claims: AccessClaims, needs: AccessNeeds): Promise<Caller>
  /** The caller, or null if the request carries no token at all. */
  optional(request: Asked): Promise<Caller | null>
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

/** An authorizer over the accounts and tokens of this server. */
export function createAuthorizer(
  accounts: AccountRows,
  tokens: Tokens,
  isAdmin: (request: Headed) => boolean,
): Authorizer {
  const bearer: Authorizer['bearer'] = ({ header }) => {
    const value = header('authorization')
    if (value === null) throw new PdsError('auth-missing', 'Authentication Required')
    const match = /^Bearer +(\S+)$/i.exec(value)
    if (match === null) throw new PdsError('invalid-token', 'Unexpected authorization type')
    return match[1]!
  }

  const standing: Authorizer['standing'] = async ({ did, scope }, needs) => {
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
    return { did, scope: account.takedownRef === null ? scope : 'com.atproto.takendown' }
  }

  const access: Authorizer['access'] = async (request, needs = {}) =>
    standing(await tokens.verifyAccess(bearer(request)), needs)

  return {
    access,
    standing,
    optional: (request) =>
      request.header('authorization') !== null
        ? access(request, { deactivated: true, takendown: true })
        : Promise.resolve(null),
    bearer,
    admin: (request) => {
      if (!isAdmin(request)) throw new PdsError('auth-required', 'Authentication Required')
      return { operator: true }
    },
    isAdmin,
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
