import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { applyChanges, buildChanges } from './changes.ts'
import { checkEmail } from './email-address.ts'
import type { EmailTokens } from './email-tokens.ts'
import { hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from './passwords.ts'

/** Changing what an account signs in with. */
export interface Credentials {
  /**
   * Sets a password, ends every session and the code that would set another.
   * @param token the mailed code that allows it; the operator needs none
   * @throws PdsError `invalid-password`, `token-invalid`, `token-expired`
   */
  setPassword(did: Did, password: string, token?: string): Promise<void>
  /** @throws PdsError `auth-required` unless it is the account's own password */
  requirePassword(did: Did, password: string): Promise<void>
  /**
   * Sets an address as the operator says, not confirmed yet, and ends every code mailed to the one before.
   * @throws PdsError `invalid-email`, `email-taken`
   */
  setEmail(did: Did, email: string): Promise<void>
  /**
   * The same as the owner says, who needs a code mailed to the present address if that is confirmed.
   * @throws PdsError `invalid-email`, `email-taken`, `token-required`, `token-invalid`, `token-expired`
   */
  changeEmail(did: Did, email: string, token: string | undefined): Promise<void>
  /** Notes that the account reads mail at its address. @throws PdsError `token-invalid`, `token-expired` */
  confirmEmail(did: Did, token: string): Promise<void>
}

/** Credentials of the accounts in `store`. */
export function createCredentials(store: AccountStore, emailTokens: EmailTokens): Credentials {
  return {
    setPassword: async (did, password, token) => {
      if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
        throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
      }
      const passwordHash = await hashPassword(password)
      const allowed = token === undefined ? [] : [emailTokens.spending('reset-password', token, did)]
      const changes: AccountChange[] = [
        ...allowed,
        { type: 'dropCodes', did, purpose: 'reset-password' },
        { type: 'updateAccount', did, set: { passwordHash } },
        { type: 'endSessions', did },
      ]
      await applyChanges(store, changes, ['account-not-found'])
    },
    requirePassword: async (did, password) => {
      const hash = await store.secrets.passwordHash(did)
      if (hash === null || !(await verifyPassword(password, hash))) {
        throw new PdsError('auth-required', 'Invalid did or password')
      }
    },
    setEmail: async (did, email) => {
      checkEmail(email)
      await applyChanges(
        store,
        [
          { type: 'updateAccount', did, set: { email, emailConfirmedAt: null } },
          { type: 'dropCodes', did },
        ],
        ['account-not-found'],
      )
    },
    changeEmail: async (did, email, token) => {
      checkEmail(email)
      await buildChanges(store, async () => {
        const emailConfirmedAt = (await store.accounts.get(did))?.emailConfirmedAt ?? null
        const changes: AccountChange[] = []
        if (emailConfirmedAt !== null) {
          if (token === undefined) throw new PdsError('token-required', 'confirmation token required')
          changes.push(emailTokens.spending('update-email', token, did))
        }
        const set = { email, emailConfirmedAt: null }
        changes.push({ type: 'updateAccount', did, set, expect: { emailConfirmedAt } })
        return { changes: [...changes, { type: 'dropCodes', did }], value: undefined }
      })
    },
    confirmEmail: (did, token) =>
      applyChanges(store, [
        emailTokens.spending('confirm-email', token, did),
        { type: 'updateAccount', did, set: { emailConfirmedAt: new Date().toISOString() } },
      ]),
  }
}
