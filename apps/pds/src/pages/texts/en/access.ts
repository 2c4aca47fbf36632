/** App passwords of an account. */
export const appPasswords = {
  title: 'App passwords',
  what: 'An app password lets one app in that cannot sign in by itself in another way. It can write in your name, but not change your account.',
  none: 'You have no app passwords.',
  list: 'Your app passwords',
  privileged: 'may read and send private messages',
  made: (date: string): string => `Made on ${date}`,
  revoke: 'Remove',
  revokeOf: (name: string): string => `Remove ${name}`,
  newTitle: 'A new app password',
  name: 'Name',
  nameHint: 'So that you know it again: the name of the app.',
  privilegedLabel: 'It may read and send private messages, too',
  submit: 'Make an app password',
  createdTitle: 'Your new app password',
  once: 'Copy it now: it is shown this once.',
  createdFor: (name: string): string => `The app password for ${name}:`,
  back: 'Done',
  nameInvalid: (most: number): string => `A name has 1 to ${most} characters.`,
  nameTaken: 'You have an app password of this name already.',
  tooMany: 'You have as many app passwords as an account may have. Remove one first.',
  done: { revoked: 'The app password was removed, and what had signed in with it is signed out.' },
}
export type AppPasswordsTexts = Readonly<typeof appPasswords>

/** Apps that signed in by themselves. */
export const apps = {
  title: 'Connected apps',
  what: 'These apps may use your account, because you allowed it.',
  none: 'No app is connected to your account.',
  onDevice: 'An application on one of your devices',
  /** @param since, used moments */
  times: (since: string, used: string): string => `Allowed on ${since}, last active on ${used}`,
  may: 'What it may do',
  remembered: 'It is not signed in now. What you allowed is remembered, so that it need not ask again.',
  end: 'End its access',
  endOf: (app: string): string => `End its access: ${app}`,
  done: { ended: 'The app has no access any more.' },
}
export type AppsTexts = Readonly<typeof apps>

/** Where an account is signed in. */
export const sessions = {
  title: 'Devices',
  browsers: 'Browsers',
  browsersWhat: 'Here you are signed in to these pages.',
  thisOne: 'this browser',
  unknown: 'Unknown browser',
  seen: (at: string, address: string): string => `Seen last on ${at}, from ${address}`,
  seenSomewhere: (at: string): string => `Seen last on ${at}`,
  apps: 'Apps with a password',
  appsWhat: 'These apps signed in with your password, or with an app password.',
  noApps: 'No app is signed in with a password.',
  byPassword: 'With your password',
  byAppPassword: (name: string): string => `With the app password ${name}`,
  renewed: (at: string): string => `Last active on ${at}`,
  end: 'Sign out',
  endOf: (what: string): string => `Sign out: ${what}`,
  elsewhere: 'Everywhere else',
  elsewhereWhat:
    'Signs out every other browser and every app, the connected ones, too. App passwords stay; remove them where they are listed.',
  endElsewhere: 'Sign out everywhere else',
  late: 'An app that is signed out may go on for up to two hours, until it has to show again that it is signed in.',
  done: {
    ended: 'It is signed out.',
    endedElsewhere: 'Everything else is signed out.',
  },
}
export type SessionsTexts = Readonly<typeof sessions>
