import { randomBytes } from 'node:crypto'

import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { accountStatus, type Account } from '../account.ts'
import type { AppPasswords } from './app-passwords.ts'
import { applyChanges, buildChanges } from './changes.ts'
import { findByLogin } from '../auth/lookup.ts'
import { verifyPassword } from './passwords.ts'
import { REFRESH_SECONDS, type AccessScope, type Tokens } from '../auth/tokens.ts'

/** The pair of tokens a client holds. */
export interface SessionTokens {
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** An account, the tokens for it, and whether they allow to see its email address: those of an app password do not. */
export interface SignedIn {
  readonly account: Account
  readonly tokens: SessionTokens
  readonly withEmail: boolean
}

/** A session whose tokens are made, and which is still to be kept. */
export interface NewSession {
  readonly tokens: SessionTokens
  /** The tokens count from when it is applied. */
  readonly change: AccountChange
}

/** Signing in, refreshing, signing out. */
export interface Sessions {
  /** Checks a password (the account's, or an app password). @throws PdsError `auth-required`, `account-takendown` */
  login(identifier: string, password: string, allowTakendown: boolean): Promise<SignedIn>
  /** The first session of an account that is being made: its change joins those of the account. */
  prepare(did: Did): Promise<NewSession>
  /** Exchanges a refresh token for its successor. @throws PdsError `invalid-token`, `expired-token`, `account-takendown` */
  refresh(refreshJwt: string): Promise<SignedIn>
  /** Ends the session of a refresh token, expired or not. @throws PdsError `invalid-token` */
  end(refreshJwt: string): Promise<void>
}

/**
 * How long a replaced refresh token still works, in seconds: a client that lost the answer, or two tabs refreshing at
 * once, get the same successor instead of being signed out.
 */
const GRACE_SECONDS = 2 * 60 * 60

/** Sessions in `store`; `floorMs` is the least time an attempt to sign in takes. */
export function createSessions(
  store: AccountStore,
  appPasswords: AppPasswords,
  tokens: Tokens,
  floorMs: number,
  now: () => number = Date.now,
): Sessions {
  const seconds = (): number => Math.floor(now() / 1000)

  const scopeOf = (account: Account, app: { privileged: boolean } | null): AccessScope => {
    if (account.takedownRef !== null) return 'com.atproto.takendown'
    if (app === null) return 'com.atproto.access'
    return app.privileged ? 'com.atproto.appPassPrivileged' : 'com.atproto.appPass'
  }

  const pair = async (did: Did, scope: AccessScope, id: string, exp: number): Promise<SessionTokens> => {
    const [accessJwt, refreshJwt] = await Promise.all([
      tokens.access(did, scope),
      tokens.refresh(did, id, exp),
    ])
    return { accessJwt, refreshJwt }
  }

  const open = async (did: Did, scope: AccessScope, appPassword: string | null): Promise<NewSession> => {
    const id = tokenId()
    const exp = seconds() + REFRESH_SECONDS
    const session = { id, did, expiresAt: exp, nextId: null, appPassword }
    return { tokens: await pair(did, scope, id, exp), change: { type: 'keepSession', session } }
  }

  const login: Sessions['login'] = async (identifier, password, allowTakendown) => {
    const account = await findByLogin(store.accounts, identifier)
    const hash = (account === null ? null : await store.secrets.passwordHash(account.did)) ?? DUMMY_HASH
    const main = await verifyPassword(password, hash)
    const app = main || account === null ? null : await appPasswords.verify(account.did, password)
    if (account === null || (!main && app === null)) {
      throw new PdsError('auth-required', 'Invalid identifier or password')
    }
    if (account.takedownRef !== null && !allowTakendown) {
      throw new PdsError('account-takendown', 'Account has been taken down')
    }
    const { tokens: made, change } = await open(account.did, scopeOf(account, app), app?.name ?? null)
    // A password that was changed while it was checked lets nobody in: whoever changed it has ended all sessions.
    const same = { type: 'updateAccount', did: account.did, set: {}, expect: { passwordHash: hash } } as const
    const outcome = await store.apply(main ? [same, change] : [change])
    if (outcome.status !== 'applied') throw new PdsError('auth-required', 'Invalid identifier or password')
    return { account, tokens: made, withEmail: main }
  }

  return {
    prepare: (did) => open(did, 'com.atproto.access', null),
    login: async (...args) => {
      const floor = delay(floorMs)
      try {
        return await login(...args)
      } finally {
        await floor
      }
    },
    refresh: async (refreshJwt) => {
      const claims = await tokens.verifyRefresh(refreshJwt)
      const account = await store.accounts.get(claims.did)
      if (account === null) throw new PdsError('expired-token', 'Token has been revoked')
      const status = accountStatus(account)
      if (!status.active && status.status === 'takendown') {
        throw new PdsError('account-takendown', 'Account has been taken down')
      }
      const next = await buildChanges<{
        id: string
        expiresAt: number
        appPassword: string | null
      } | null>(store, async () => {
        const row = await store.sessions.get(claims.id)
        const at = seconds()
        if (row?.did !== account.did || row.expiresAt <= at) return { changes: [], value: null }
        // The successor's row is what counts: refreshed again within the grace period, it keeps its first expiry.
        if (row.nextId !== null) return { changes: [], value: await store.sessions.get(row.nextId) }
        const made = { id: tokenId(), expiresAt: at + REFRESH_SECONDS }
        const { id, did } = row
        return {
          changes: [
            { type: 'rotateSession', did, id, next: made, graceUntil: at + GRACE_SECONDS, now: at },
            { type: 'forgetSessions', did, now: at },
          ],
          value: { ...made, appPassword: row.appPassword },
        }
      }, ['session-rotated', 'session-ended'])
      if (next === null) throw new PdsError('expired-token', 'Token has been revoked')
      const { id, expiresAt, appPassword } = next
      const app = appPassword === null ? null : await store.appPasswords.get(account.did, appPassword)
      if (appPassword !== null && app === null) throw new PdsError('expired-token', 'Token has been revoked')
      const renewed = await pair(account.did, scopeOf(account, app), id, expiresAt)
      return { account, tokens: renewed, withEmail: app === null }
    },
    end: async (refreshJwt) => {
      const claims = await tokens.verifyRefresh(refreshJwt, { allowExpired: true })
      await applyChanges(store, [{ type: 'endSession', id: claims.id }])
    },
  }
}

/** Verified against when there is no account, so that both cases cost the same. */
const DUMMY_HASH = `$argon2id$v=19$m=9216,t=4,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

const tokenId = (): string => randomBytes(32).toString('base64url')

const delay = (ms: number): Promise<void> =>
  ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
