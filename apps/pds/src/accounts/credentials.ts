import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { AccountStore } from './account-store.ts'
import { hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from './passwords.ts'
import { checkEmail } from './registration.ts'
import type { Sessions } from './sessions.ts'

/** Changing what an account signs in with. */
export interface Credentials {
  /** Sets a password and ends every session. @throws PdsError `invalid-password` */
  setPassword(did: Did, password: string): Promise<void>
  /** @throws PdsError `auth-required` unless it is the account's own password */
  requirePassword(did: Did, password: string): Promise<void>
  /** Sets an address, not confirmed yet. @throws PdsError `invalid-email`, `email-taken` */
  setEmail(did: Did, email: string): Promise<void>
}

/** Credentials over the account rows in `db`. */
export function createCredentials(db: Database, accounts: AccountStore, sessions: Sessions): Credentials {
  return {
    setPassword: async (did, password) => {
      if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
        throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
      }
      const hash = await hashPassword(password)
      await db.write(() => {
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
    setEmail: async (did, email) => {
      checkEmail(email)
      await db.write(() => accounts.update(did, { email, email_confirmed_at: null }))
    },
  }
}
