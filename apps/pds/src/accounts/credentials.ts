import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'
import { PdsError } from '../errors.ts'
import { endedByAddress, endedByEmailFactor, endedByPassword } from '../factors/endings.ts'
import { applyChanges, buildChanges } from './changes.ts'
import { checkEmail } from './email-address.ts'
import type { EmailTokens } from './email-tokens.ts'
import type { Letters, News } from './letters.ts'
import { hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from './passwords.ts'

/** Changing what an account signs in with. The owner is told by mail. */
export interface Credentials {
  /**
   * Sets a password, ends every session, every mailed code and every sign-in under way.
   * @param token the mailed code that allows it; the operator, and an owner who is signed in, need none
   * @returns what is kept of it
   * @throws PdsError `invalid-password`, `token-invalid`, `token-expired`
   */
  setPassword(did: Did, password: string, token?: string): Promise<string>
  /** @throws PdsError `auth-required` unless it is the account's own password */
  requirePassword(did: Did, password: string): Promise<void>
  /**
   * Sets an address as the operator says, not confirmed yet, ends every code mailed to the one before, and asks for none to sign in.
   * @throws PdsError `invalid-email`, `email-taken`
   */
  setEmail(did: Did, email: string): Promise<void>
  /**
   * The same as the owner says, who needs a code mailed to the present address if that is confirmed. With the present address and
   * `emailAuthFactor`, that alone changes: turning it on needs a confirmed address, turning it off a code.
   * @throws PdsError `invalid-email`, `email-taken`, `token-required`, `token-invalid`, `token-expired`, `invalid-request`
   */
  changeEmail(did: Did, email: string, change: EmailChange): Promise<void>
  /** Notes that the account reads mail at its address. @throws PdsError `token-invalid`, `token-expired` */
  confirmEmail(did: Did, token: string): Promise<void>
}

/** What comes along with an address. */
export interface EmailChange {
  readonly token: string | undefined
  /** Whether signing in with the password takes a code that is mailed to the address. Absent: as it is. */
  readonly emailAuthFactor: boolean | undefined
}

/** Changes, and what to tell whom once they are made. */
interface Planned {
  readonly changes: readonly AccountChange[]
  readonly value: { readonly account: Account; readonly news: News } | null
}

/** Credentials of the accounts in `store`. */
export function createCredentials(
  store: AccountStore,
  emailTokens: EmailTokens,
  letters: Pick<Letters, 'tellLater'>,
): Credentials {
  /** What uses up the code that a confirmed address asks for. @throws PdsError `token-required` */
  const allowing = (account: Account, token: string | undefined): AccountChange[] => {
    if (account.emailConfirmedAt === null) return []
    if (token === undefined) throw new PdsError('token-required', 'confirmation token required')
    return [emailTokens.spending('update-email', token, account.did)]
  }

  const plannedFactor = (account: Account, { token, emailAuthFactor = false }: EmailChange): Planned => {
    const { did, email, emailConfirmedAt } = account
    if (account.emailAuthFactor === emailAuthFactor) return { changes: [], value: null }
    if (emailAuthFactor && emailConfirmedAt === null) {
      throw new PdsError('invalid-request', 'Confirm the email address first')
    }
    const expect = { email, emailConfirmedAt, emailAuthFactor: !emailAuthFactor }
    return {
      changes: [
        // More is asked from now on: that needs no proof. Less is asked only of who reads the mail.
        ...(emailAuthFactor ? [] : allowing(account, token)),
        { type: 'updateAccount', did, set: { emailAuthFactor }, expect },
        ...endedByEmailFactor(did),
      ],
      value: { account, news: emailAuthFactor ? 'email-factor-on' : 'email-factor-off' },
    }
  }

  const plannedAddress = (
    account: Account,
    email: string,
    { token, emailAuthFactor }: EmailChange,
  ): Planned => {
    const { did, emailConfirmedAt } = account
    if (emailAuthFactor === true) {
      throw new PdsError('invalid-request', 'Confirm the new email address first')
    }
    return {
      changes: [
        ...allowing(account, token),
        { type: 'updateAccount', did, set: newAddress(email), expect: { emailConfirmedAt } },
        ...endedByAddress(did),
      ],
      value: { account, news: 'email-changed' },
    }
  }

  return {
    setPassword: async (did, password, token) => {
      if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
        throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
      }
      const passwordHash = await hashPassword(password)
      const allowed = token === undefined ? [] : [emailTokens.spending('reset-password', token, did)]
      const changes: AccountChange[] = [
        ...allowed,
        { type: 'updateAccount', did, set: { passwordHash } },
        ...endedByPassword(did),
      ]
      const account = await store.accounts.get(did)
      await applyChanges(store, changes, ['account-not-found'])
      if (account !== null) letters.tellLater(account, 'password-changed')
      return passwordHash
    },
    requirePassword: async (did, password) => {
      const hash = await store.secrets.passwordHash(did)
      if (hash === null || !(await verifyPassword(password, hash))) {
        throw new PdsError('auth-required', 'Invalid did or password')
      }
    },
    setEmail: async (did, email) => {
      checkEmail(email)
      const before = await store.accounts.get(did)
      const changes: AccountChange[] = [
        { type: 'updateAccount', did, set: newAddress(email) },
        ...endedByAddress(did),
      ]
      await applyChanges(store, changes, ['account-not-found'])
      if (before !== null) letters.tellLater(before, 'email-changed')
    },
    changeEmail: async (did, email, change) => {
      checkEmail(email)
      const done = await buildChanges(store, async (): Promise<Planned> => {
        const account = await store.accounts.get(did)
        if (account === null) throw new PdsError('account-not-found', 'Account not found')
        const isSame = account.email === email.toLowerCase() && change.emailAuthFactor !== undefined
        return isSame ? plannedFactor(account, change) : plannedAddress(account, email, change)
      })
      if (done !== null) letters.tellLater(done.account, done.news)
    },
    confirmEmail: (did, token) =>
      applyChanges(store, [
        emailTokens.spending('confirm-email', token, did),
        { type: 'updateAccount', did, set: { emailConfirmedAt: new Date().toISOString() } },
      ]),
  }
}

/** Nothing is known of a new address yet: codes to sign in, mailed to one that is wrong, would lock its owner out. */
const newAddress = (email: string) => ({ email, emailConfirmedAt: null, emailAuthFactor: false })
