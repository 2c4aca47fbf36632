import { shownHandle, type Account } from '../account.ts'
import type { EmailTokens, TokenPurpose } from './email-tokens.ts'
import { PdsError } from '../errors.ts'
import type { FactorNews } from '../factors/second-factor.ts'
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
  /**
   * Tells the owner what changed, after the present request is answered, at the address that the account has in `account`; without one
   * nobody is told.
   * @param detail what is in question: the name of a factor, a number
   */
  tellLater(account: Account, news: News, detail?: string): void
}

/** What owners are told of what lets them in. */
export type News = FactorNews | 'password-changed' | 'email-changed' | 'email-factor-on' | 'email-factor-off'

const WORDS: Readonly<Record<TokenPurpose, { subject: string; reason: string; notYou?: string }>> = {
  'confirm-email': { subject: 'Confirm your email address', reason: 'confirm this email address' },
  'update-email': { subject: 'Change your email address', reason: 'change the email address' },
  'reset-password': { subject: 'Reset your password', reason: 'choose a new password' },
  'delete-account': { subject: 'Delete your account', reason: 'delete the account for good' },
  'plc-operation': { subject: 'Change your identity', reason: 'change where your identity points' },
  'sign-in': {
    subject: 'Sign in',
    reason: 'sign in with your password',
    notYou: 'If it was not you, somebody knows your password: choose another one.',
  },
}

/** What there is to tell, and what to do if the owner did not do it. */
const NEWS: Readonly<Record<News, { subject: string; text: (detail: string) => string; notYou: string }>> = {
  'password-changed': {
    subject: 'Your password was changed',
    text: () => 'the password of your account was changed, and whoever was signed in is signed out.',
    notYou: 'If it was not you, choose another one now: ask for a code to reset it.',
  },
  'email-changed': {
    subject: 'Your email address was changed',
    text: () => 'your account has another email address now. No more mail about it comes here.',
    notYou: 'If it was not you, ask whoever runs the server for help: answer soon, before more is changed.',
  },
  'email-factor-on': {
    subject: 'Sign-in codes are on',
    text: () => 'from now on a code that is mailed to you is needed to sign in with your password.',
    notYou: 'If it was not you, choose another password.',
  },
  'email-factor-off': {
    subject: 'Sign-in codes are off',
    text: () => 'no code is mailed to you any more when somebody signs in with your password.',
    notYou: 'If it was not you, choose another password, and turn the codes on again.',
  },
  'factor-added': {
    subject: 'A way to sign in was added',
    text: (detail) => `your account has a new second factor: ${detail}.`,
    notYou: 'If it was not you, remove it, and choose another password.',
  },
  'factor-removed': {
    subject: 'A way to sign in was removed',
    text: (detail) => `your account lost a second factor: ${detail}.`,
    notYou: 'If it was not you, choose another password, and add it again.',
  },
  'recovery-codes-made': {
    subject: 'You have new recovery codes',
    text: () => 'new recovery codes were made for your account. Those before are not good any more.',
    notYou: 'If it was not you, make new ones, and choose another password.',
  },
  'recovery-code-used': {
    subject: 'A recovery code was used',
    text: (detail) =>
      `somebody signed in with your password and a recovery code. ${detail} of them are left.`,
    notYou: 'If it was not you, choose another password, and make new recovery codes.',
  },
  'codes-guessed': {
    subject: 'Somebody knows your password',
    text: () =>
      'somebody tries to sign in with your password, and guesses the codes of your authenticator app.',
    notYou: 'If it is not you, choose another password now. You can still sign in with a recovery code.',
  },
  'passkey-copied': {
    subject: 'A passkey may have been copied',
    text: (detail) => `the passkey "${detail}" was refused: somebody may have a copy of it.`,
    notYou: 'Remove it, and make a new one.',
  },
}

/** Letters by `outbox`, in the name of `hostname`. @param resetUrl the page that takes a code to reset a password */
export function createLetters(
  outbox: Outbox,
  tokens: EmailTokens,
  hostname: string,
  resetUrl: () => string,
): Letters {
  const addressOf = ({ email }: Account): string => {
    if (email === null) throw new PdsError('invalid-request', 'account does not have an email address')
    return email
  }

  const send = (account: Account, to: string, subject: string, lines: readonly string[]): Promise<void> =>
    outbox.send({
      to,
      subject: `${subject} (${hostname})`,
      text: [`Hello ${shownHandle(account)},`, '', ...lines].join('\n'),
    })

  const sendCode: Letters['sendCode'] = async (account, purpose) => {
    const to = addressOf(account)
    const { subject, reason, notYou = 'If it was not you, there is nothing to do.' } = WORDS[purpose]
    const code = await tokens.create(account.did, purpose, to)
    await send(account, to, subject, [
      `somebody, hopefully you, asked ${hostname} to ${reason}. The code is`,
      '',
      `    ${code}`,
      '',
      ...(purpose === 'reset-password' ? [`Type it where you asked for it, or at ${resetUrl()}`, ''] : []),
      `It works once, for 15 minutes. ${notYou}`,
    ])
  }

  const tellOfDeletion: Letters['tellOfDeletion'] = async (account, date) => {
    await send(account, addressOf(account), 'Your account is going to be deleted', [
      `your account at ${hostname} is deactivated, and is to be deleted with everything in it on`,
      '',
      `    ${date.slice(0, 16).replace('T', ' ')} UTC`,
      '',
      'To keep it, sign in and activate it again before that day. If you did not ask for this, somebody else can use your',
      'account: change its password too.',
    ])
  }

  return {
    sendCode,
    sendCodeLater: (account, purpose) => outbox.later(() => sendCode(account, purpose)),
    tellOfDeletion,
    tellOfDeletionLater: (account, date) => {
      if (account.email !== null) outbox.later(() => tellOfDeletion(account, date))
    },
    tellLater: (account, news, detail = '') => {
      const { email: to } = account
      if (to === null) return
      const { subject, text, notYou } = NEWS[news]
      const lines = [`this is about your account at ${hostname}: ${text(detail)}`, '', notYou]
      outbox.later(() => send(account, to, subject, lines))
    },
  }
}
