import { list } from './list.ts'

const KINDS: Readonly<Record<string, string>> = {
  totp: 'the 6 digits that your authenticator app shows',
  email: 'the code that was mailed to you',
  recovery: 'one of your recovery codes',
}

/** Handle and password. */
export const signIn = {
  title: 'Sign in',
  /** @param app how the app is named; empty for one on the person's device */
  toContinue: (app: string): string =>
    app === '' ? 'to continue to an application on your device.' : `to continue to ${app}.`,
  toAccount: 'to see and change your account.',
  identifier: 'Handle or e-mail address',
  identifierHint: 'For example name.example.com',
  password: 'Password',
  passwordHint: 'The password of your account. App passwords do not work here.',
  remember: 'Keep me signed in on this device',
  rememberHint: 'Not on a device that others use.',
  submit: 'Sign in',
  cancel: 'Cancel and go back',
  otherAccounts: 'Accounts on this device',
}
export type SignInTexts = Readonly<typeof signIn>

/** The second factor. */
export const factor = {
  title: 'One more step',
  code: 'Code',
  /** What codes the account takes, of these kinds. */
  hint: (kinds: readonly string[]): string => `Type ${list(kinds.flatMap((kind) => KINDS[kind] ?? []))}.`,
  /** For an account that has nothing but a passkey. */
  passkeyOnly: 'Your account is guarded by a passkey. Without it, type one of your recovery codes.',
  submit: 'Continue',
  mail: 'Mail me a code',
  mailed: 'A code is on its way to your e-mail address.',
  restart: 'Begin again',
}
export type FactorTexts = Readonly<typeof factor>

/** What is wrong with what was typed, on any form where somebody signs in. */
export const problem = {
  wrongPassword: 'The handle or the password is wrong.',
  wrongCode: 'This code is not right.',
  tooLong: 'It took too long, or there were too many tries. Sign in again.',
  tooMany: 'Too many attempts. Try again in a few minutes.',
  takendown: 'This account has been taken down.',
  later: 'That did not work just now. Nothing was done: try again in a few minutes.',
  mailFailed: 'The mail could not be sent. Try again, or use another way.',
}
export type ProblemTexts = Readonly<typeof problem>
