import { randomBytes } from 'node:crypto'

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { accountStatus, type Account } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { AppPasswords } from './app-passwords.ts'
import { findByLogin } from './lookup.ts'
import { verifyPassword } from './passwords.ts'
import { REFRESH_SECONDS, type AccessScope, type Tokens } from './tokens.ts'

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

/** A session whose tokens are made, and whose row is still to be written. */
export interface NewSession {
  readonly tokens: SessionTokens
  /** Writes the row, in the transaction of the caller: the tokens count from its commit on. */
  readonly keep: () => void
}

/** Signing in, refreshing, signing out. */
export interface Sessions {
  /** Checks a password (the account's, or an app password). @throws PdsError `auth-required`, `account-takendown` */
  login(identifier: string, password: string, allowTakendown: boolean): Promise<SignedIn>
  /** The first session of an account that is being made: its row joins those of the account. */
  prepare(did: Did): Promise<NewSession>
  /** Exchanges a refresh token for its successor. @throws PdsError `invalid-token`, `expired-token`, `account-takendown` */
  refresh(refreshJwt: string): Promise<SignedIn>
  /** Ends the session of a refresh token, expired or not. @throws PdsError `invalid-token` */
  end(refreshJwt: string): Promise<void>
  /** Ends every session of an account, or those of one app password. */
  endAll(did: Did, appPassword?: string): void
}

/**
 * How long a replaced refresh token still works, in seconds: a client that lost the answer, or two tabs refreshing at
 * once, get the same successor instead of being signed out.
 */
const GRACE_SECONDS = 2 * 60 * 60

/** Sessions over the rows in `db`; `floorMs` is the least time an attempt to sign in takes. */
export function createSessions(
  db: Database,
  accounts: AccountStore,
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
    const keep = (): void => {
      db.prepare('INSERT INTO refresh_token (id, did, expires_at, app_password) VALUES (?, ?, ?, ?)').run(
        id,
        did,
        exp,
        appPassword,
      )
    }
    return { tokens: await pair(did, scope, id, exp), keep }
  }

  const login: Sessions['login'] = async (identifier, password, allowTakendown) => {
    const account = findByLogin(accounts, identifier)
    const hash = account === null ? DUMMY_HASH : accounts.passwordHash(account.did)!
    const main = await verifyPassword(password, hash)
    const app = main || account === null ? null : await appPasswords.verify(account.did, password)
    if (account === null || (!main && app === null)) {
      throw new PdsError('auth-required', 'Invalid identifier or password')
    }
    if (account.takedownRef !== null && !allowTakendown) {
      throw new PdsError('account-takendown', 'Account has been taken down')
    }
    const { tokens: made, keep } = await open(account.did, scopeOf(account, app), app?.name ?? null)
    await db.write(keep)
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
      const account = accounts.get(claims.did)
      if (account === null) throw new PdsError('expired-token', 'Token has been revoked')
      const status = accountStatus(account)
      if (!status.active && status.status === 'takendown') {
        throw new PdsError('account-takendown', 'Account has been taken down')
      }
      const next = await db.write(() => {
        const row = db
          .prepare('SELECT * FROM refresh_token WHERE id = ? AND did = ?')
          .get(claims.id, account.did)
        if (row === undefined || Number(row['expires_at']) <= seconds()) return null
        const app = row['app_password'] as string | null
        const id = (row['next_id'] as string | null) ?? tokenId()
        // The successor's row is what counts: refreshed again within the grace period, it keeps its first expiry.
        const known = db.prepare('SELECT expires_at FROM refresh_token WHERE id = ?').get(id)
        const exp = known === undefined ? seconds() + REFRESH_SECONDS : Number(known['expires_at'])
        if (row['next_id'] !== null && known === undefined) return null
        if (known === undefined) {
          db.prepare('INSERT INTO refresh_token (id, did, expires_at, app_password) VALUES (?, ?, ?, ?)').run(
            id,
            account.did,
            exp,
            app,
          )
          db.prepare(
            'UPDATE refresh_token SET next_id = ?, expires_at = min(expires_at, ?) WHERE id = ?',
          ).run(id, seconds() + GRACE_SECONDS, claims.id)
          db.prepare('DELETE FROM refresh_token WHERE did = ? AND expires_at <= ?').run(
            account.did,
            seconds(),
          )
        }
        return { id, exp, app }
      })
      if (next === null) throw new PdsError('expired-token', 'Token has been revoked')
      const app = next.app === null ? null : appPasswords.get(account.did, next.app)
      if (next.app !== null && app === null) throw new PdsError('expired-token', 'Token has been revoked')
      const renewed = await pair(account.did, scopeOf(account, app), next.id, next.exp)
      return { account, tokens: renewed, withEmail: app === null }
    },
    end: async (refreshJwt) => {
      const claims = await tokens.verifyRefresh(refreshJwt, { allowExpired: true })
      await db.write(() => {
        db.prepare('DELETE FROM refresh_token WHERE id = ?').run(claims.id)
      })
    },
    endAll: (did, appPassword) => {
      if (appPassword === undefined) db.prepare('DELETE FROM refresh_token WHERE did = ?').run(did)
      else db.prepare('DELETE FROM refresh_token WHERE did = ? AND app_password = ?').run(did, appPassword)
    },
  }
}

/** Verified against when there is no account, so that both cases cost the same. */
const DUMMY_HASH = `$argon2id$v=19$m=9216,t=4,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

const tokenId = (): string => randomBytes(32).toString('base64url')

const delay = (ms: number): Promise<void> =>
  ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
