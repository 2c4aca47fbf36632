import { shownHandle, type Account } from '../account.ts'
import type { EmailTokens, TokenPurpose } from './email-tokens.ts'
import { PdsError } from '../errors.ts'
import type { Outbox } from '../mail/outbox.ts'

/** Letters to the owners of accounts. */
export interface Letters {
  /** @throws PdsError `invalid-request` if the account has no address, `upstream-failed`, `busy` */
  sendCode(account: Account, purpose: TokenPurpose): Promise<void>
  /** The same after the present request is answered, with an answer that tells nothing. */
  sendCodeLater(account: Account, purpose: TokenPurpose): void
  /** Tells when an account is to be removed, and how to prevent it. @throws PdsError as `sendCode` */
  tellOfDeletion(account: Account, date: string): Promise<void>
  /** The same after the present request is answered; an account without an address gets none. */
  tellOfDeletionLater(account: Account, date: string): void
}

const WORDS: Readonly<Record<TokenPurpose, { subject: string; reason: string }>> = {
  'confirm-email': { subject: 'Confirm your email address', reason: 'confirm this email address' },
  'update-email': { subject: 'Change your email address', reason: 'change the email address' },
  'reset-password': { subject: 'Reset your password', reason: 'choose a new password' },
  'delete-account': { subject: 'Delete your account', reason: 'delete the account for good' },
  'plc-operation': { subject: 'Change your identity', reason: 'change where your identity points' },
}

/** Letters by `outbox`, in the name of `hostname`. */
export function createLetters(outbox: Outbox, tokens: EmailTokens, hostname: string): Letters {
  const addressOf = ({ email }: Account): string => {
    if (email === null) throw new PdsError('invalid-request', 'account does not have an email address')
    return email
  }

  const sendCode: Letters['sendCode'] = async (account, purpose) => {
    const to = addressOf(account)
    const { subject, reason } = WORDS[purpose]
    const code = await tokens.create(account.did, purpose, to)
    const text = [
      `Hello ${shownHandle(account)},`,
      '',
      `somebody, hopefully you, asked ${hostname} to ${reason}. The code is`,
      '',
      `    ${code}`,
      '',
      'It works once, for 15 minutes. If it was not you, there is nothing to do.',
    ].join('\n')
    await outbox.send({ to, subject: `${subject} (${hostname})`, text })
  }

  const tellOfDeletion: Letters['tellOfDeletion'] = async (account, date) => {
    const text = [
      `Hello ${shownHandle(account)},`,
      '',
      `your account at ${hostname} is deactivated, and is to be deleted with everything in it on`,
      '',
      `    ${date.slice(0, 16).replace('T', ' ')} UTC`,
      '',
      'To keep it, sign in and activate it again before that day. If you did not ask for this, somebody else can use your',
      'account: change its password too.',
    ].join('\n')
    await outbox.send({
      to: addressOf(account),
      subject: `Your account is going to be deleted (${hostname})`,
      text,
    })
  }

  return {
    sendCode,
    sendCodeLater: (account, purpose) => outbox.later(() => sendCode(account, purpose)),
    tellOfDeletion,
    tellOfDeletionLater: (account, date) => {
      if (account.email !== null) outbox.later(() => tellOfDeletion(account, date))
    },
  }
}
