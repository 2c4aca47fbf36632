import type { AccountRows } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Credentials } from './credentials.ts'
import type { EmailTokens } from './email-tokens.ts'
import type { Letters } from './letters.ts'
import type { LoginBrake } from './login-brake.ts'

/** The page on which it is done. */
export const RESET_PATH = '/account/reset-password'

/** A new password for whoever reads the mail of an account, by methods and at pages. */
export interface PasswordResets {
  /**
   * Mails a code to the owner of an address. Neither the answer nor its time tells whether there is such an account.
   * @returns the account, for the audit log alone
   */
  ask(email: string): Promise<Did | null>
  /**
   * Sets a password with such a code. Whoever has it may sign in from `address`, whoever else is guessing.
   * @param about told whose code it is, before it is used
   * @throws PdsError `token-invalid`, `token-expired`, `invalid-password`
   */
  reset(token: string, password: string, address: string | null, about: (did: Did) => void): Promise<void>
}

/** What resets compose. */
export interface PasswordResetParts {
  readonly accounts: Pick<AccountRows, 'byEmail'>
  readonly letters: Pick<Letters, 'sendCodeLater'>
  readonly emailTokens: Pick<EmailTokens, 'check'>
  readonly credentials: Pick<Credentials, 'setPassword'>
  readonly brake: Pick<LoginBrake, 'trust'>
}

/** Resets over mailed codes. */
export function createPasswordResets(parts: PasswordResetParts): PasswordResets {
  const { accounts, letters, emailTokens, credentials, brake } = parts
  return {
    ask: async (email) => {
      const account = await accounts.byEmail(email.trim())
      if (account === null) return null
      letters.sendCodeLater(account, 'reset-password')
      return account.did
    },
    reset: async (token, password, address, about) => {
      const did = await emailTokens.check('reset-password', token)
      about(did)
      await credentials.setPassword(did, password, token)
      await brake.trust(did, address)
    },
  }
}
