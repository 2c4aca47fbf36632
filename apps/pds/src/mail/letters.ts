import { shownHandle, type Account } from '../accounts/account.ts'
import type { EmailTokens, TokenPurpose } from '../accounts/email-tokens.ts'
import { PdsError } from '../errors.ts'
import type { Mailer } from './mailer.ts'

/** Sends codes to the owners of accounts. */
export interface Letters {
  /** @throws PdsError `invalid-request` if the account has no address */
  sendCode(account: Account, purpose: TokenPurpose): Promise<void>
}

const WORDS: Readonly<Record<TokenPurpose, { subject: string; reason: string }>> = {
  'confirm-email': { subject: 'Confirm your email address', reason: 'confirm this email address' },
  'update-email': { subject: 'Change your email address', reason: 'change the email address' },
  'reset-password': { subject: 'Reset your password', reason: 'choose a new password' },
  'delete-account': { subject: 'Delete your account', reason: 'delete the account for good' },
  'plc-operation': { subject: 'Change your identity', reason: 'change where your identity points' },
}

/** Letters by `mailer`, in the name of `hostname`. */
export function createLetters(mailer: Mailer, tokens: EmailTokens, hostname: string): Letters {
  return {
    sendCode: async (account, purpose) => {
      if (account.email === null)
        throw new PdsError('invalid-request', 'account does not have an email address')
      const { subject, reason } = WORDS[purpose]
      const code = await tokens.create(account.did, purpose, account.email)
      const text = [
        `Hello ${shownHandle(account)},`,
        '',
        `somebody, hopefully you, asked ${hostname} to ${reason}. The code is`,
        '',
        `    ${code}`,
        '',
        'It works once, for 15 minutes. If it was not you, there is nothing to do.',
      ].join('\n')
      await mailer.send({ to: account.email, subject: `${subject} (${hostname})`, text })
    },
  }
}
