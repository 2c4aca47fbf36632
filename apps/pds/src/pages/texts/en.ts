import type { Texts } from './texts.ts'

const KINDS: Readonly<Record<string, string>> = {
  totp: 'the 6 digits that your authenticator app shows',
  email: 'the code that was mailed to you',
  recovery: 'one of your recovery codes',
}

/** English. */
export const en: Texts = {
  language: 'en',
  footer: {
    label: 'About this service',
    home: 'Home',
    terms: 'Terms of service',
    privacy: 'Privacy policy',
    support: 'Help',
  },
  signIn: {
    title: 'Sign in',
    toContinue: (app) =>
      app === '' ? 'to continue to an application on your device.' : `to continue to ${app}.`,
    identifier: 'Handle or e-mail address',
    identifierHint: 'For example name.example.com',
    password: 'Password',
    passwordHint: 'The password of your account. App passwords do not work here.',
    remember: 'Keep me signed in on this device',
    rememberHint: 'Not on a device that others use.',
    submit: 'Sign in',
    cancel: 'Cancel and go back',
    otherAccounts: 'Accounts on this device',
  },
  factor: {
    title: 'One more step',
    code: 'Code',
    hint: (kinds) => `Type ${list(kinds.flatMap((kind) => KINDS[kind] ?? []))}.`,
    passkeyOnly: 'Your account is guarded by a passkey. Here, type one of your recovery codes.',
    submit: 'Continue',
    mail: 'Mail me a code',
    mailed: 'A code is on its way to your e-mail address.',
    restart: 'Begin again',
  },
  accounts: {
    title: 'Choose an account',
    choose: 'These accounts are signed in on this device.',
    use: (handle) => `Continue as ${handle}`,
    other: 'Use another account',
    signOut: 'Sign out',
    signOutOf: (handle) => `Sign out of ${handle}`,
  },
  consent: {
    title: 'Allow access',
    asks: (app) => `${app} asks to use your account.`,
    onDevice: 'An application on your device asks to use your account.',
    as: 'Account',
    notYou: 'Use another account',
    choose: 'It may do the following. Untick what you do not want to allow.',
    alwaysNote: 'This is part of every sign-in.',
    broad: 'Reaches far',
    critical: 'Can take your account from you',
    setContents: (count) =>
      count === 1 ? 'What this is: 1 permission' : `What this is: ${count} permissions`,
    technical: 'Technical details',
    appTerms: 'Terms of the app',
    appPrivacy: 'Privacy policy of the app',
    allow: 'Allow',
    deny: 'Do not allow',
    revokeNote: 'You can end this at any time.',
    chat: 'Read and send private messages.',
    permission: ({ text }) => text,
  },
  error: {
    title: 'That did not work',
    back: 'Go back to the app and begin again there.',
    requestGone: 'This sign-in is over, or was finished already.',
    requestElsewhere: 'This sign-in was begun in another browser. For your safety it has been ended.',
    invalidRequest: 'The app sent a request that cannot be used.',
    invalidClient: 'What the app says about itself cannot be used.',
    invalidScope: 'The app asks for something that this server cannot grant.',
    unavailable: 'The app cannot be reached now. Try again in a few minutes.',
    crossSite: 'This request came from another site, or from inside another page. Nothing was done.',
    expiredForm:
      'This page is out of date, or your browser does not keep the cookies of this site. Nothing was done.',
    notSignedIn: 'This account is not signed in on this device any more. Nothing was done.',
    tooMany: 'Too many requests came from your network. Try again in a few minutes.',
    failed: 'Something went wrong here. Try again in a few minutes.',
    notFound: 'There is no such page.',
  },
  problem: {
    wrongPassword: 'The handle or the password is wrong.',
    wrongCode: 'This code is not right.',
    tooLong: 'It took too long, or there were too many tries. Sign in again.',
    tooMany: 'Too many attempts. Try again in a few minutes.',
    takendown: 'This account has been taken down.',
    mailFailed: 'The mail could not be sent. Try again, or use another way.',
  },
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`
}
