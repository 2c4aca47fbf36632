import { randomBytes } from 'node:crypto'

import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { accountStatus, type Account } from '../account.ts'
import { invalidFactor, type SecondFactor } from '../factors/second-factor.ts'
import type { AppPasswords } from './app-passwords.ts'
import { applyChanges, buildChanges } from './changes.ts'
import { checkPassword, noSooner, samePassword, wrongPassword } from './password-check.ts'
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

/** What came along with a password. */
export interface SecondFactorGiven {
  readonly code: string | undefined
  readonly address: string | null
}

/** A session whose tokens are made, and which is still to be kept. */
export interface NewSession {
  readonly tokens: SessionTokens
  /** The tokens count from when it is applied. */
  readonly change: AccountChange
}

/** Signing in, refreshing, signing out. */
export interface Sessions {
  /**
   * Checks a password (the account's, or an app password), and for the account's own the second factor.
   * @throws PdsError `auth-required`, `account-takendown`, `factor-required`, `factor-invalid`, `too-many-at-once`
   */
  login(
    identifier: string,
    password: string,
    allowTakendown: boolean,
    second?: SecondFactorGiven,
  ): Promise<SignedIn>
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
  secondFactor: Pick<SecondFactor, 'forSession' | 'used'>,
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

  const login: Sessions['login'] = async (
    identifier,
    password,
    allowTakendown,
    { code, address } = { code: undefined, address: null },
  ) => {
    const { account, hash, main } = await checkPassword(store, identifier, password)
    const app = main || account === null ? null : await appPasswords.verify(account.did, password)
    if (account === null || (!main && app === null)) throw wrongPassword()
    if (account.takedownRef !== null && !allowTakendown) {
      throw new PdsError('account-takendown', 'Account has been taken down')
    }
    const proof = main ? await secondFactor.forSession(account, code, address) : null
    const { tokens: made, change } = await open(account.did, scopeOf(account, app), app?.name ?? null)
    const outcome = await store.apply(
      proof === null ? [change] : [samePassword(account.did, hash), ...proof.changes, change],
    )
    if (outcome.status !== 'applied') {
      throw proof === null || proof.kind === null ? wrongPassword() : invalidFactor()
    }
    if (proof !== null) await secondFactor.used(account, proof)
    return { account, tokens: made, withEmail: main }
  }

  return {
    prepare: (did) => open(did, 'com.atproto.access', null),
    login: (...args) => noSooner(floorMs, () => login(...args)),
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

const tokenId = (): string => randomBytes(32).toString('base64url')
