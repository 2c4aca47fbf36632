import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { AccountStore } from './account-store.ts'
import { checkEmail } from './email-address.ts'
import type { EmailTokens } from './email-tokens.ts'
import { hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from './passwords.ts'
import type { Sessions } from './sessions.ts'

/** Changing what an account signs in with. */
export interface Credentials {
  /**
   * Sets a password, ends every session and the code that would set another.
   * @param spend uses up what allows it, in the same transaction
   * @throws PdsError `invalid-password`, what `spend` throws
   */
  setPassword(did: Did, password: string, spend?: () => void): Promise<void>
  /** @throws PdsError `auth-required` unless it is the account's own password */
  requirePassword(did: Did, password: string): Promise<void>
  /**
   * Sets an address, not confirmed yet, and ends every code mailed to the one before.
   * @param spend uses up what allows it, in the same transaction
   * @throws PdsError `invalid-email`, `email-taken`, what `spend` throws
   */
  setEmail(did: Did, email: string, spend?: () => void): Promise<void>
  /** Notes that the account reads mail at its address. @throws what `spend` throws */
  confirmEmail(did: Did, spend: () => void): Promise<void>
}

/** Credentials over the account rows in `db`. */
export function createCredentials(
  db: Database,
  accounts: AccountStore,
  sessions: Sessions,
  emailTokens: EmailTokens,
): Credentials {
  return {
    setPassword: async (did, password, spend) => {
      if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
        throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
      }
      const hash = await hashPassword(password)
      await db.write(() => {
        spend?.()
        emailTokens.drop(did, 'reset-password')
        accounts.update(did, { password_hash: hash })
        sessions.endAll(did)
      })
    },
    requirePassword: async (did, password) => {
      const hash = accounts.passwordHash(did)
      if (hash === null || !(await verifyPassword(password, hash))) {
        throw new PdsError('auth-required', 'Invalid did or password')
      }
    },
    setEmail: async (did, email, spend) => {
      checkEmail(email)
      await db.write(() => {
        spend?.()
        accounts.update(did, { email, email_confirmed_at: null })
        emailTokens.drop(did)
      })
    },
    confirmEmail: (did, spend) =>
      db.write(() => {
        spend()
        accounts.update(did, { email_confirmed_at: new Date().toISOString() })
      }),
  }
}
