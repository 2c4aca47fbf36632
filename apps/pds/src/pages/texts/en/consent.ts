import type { Description } from '@avocet/oauth-scopes'

/** The accounts on a device. */
export const accounts = {
  title: 'Choose an account',
  choose: 'These accounts are signed in on this device.',
  use: (handle: string): string => `Continue as ${handle}`,
  other: 'Use another account',
  signOut: 'Sign out',
  signOutOf: (handle: string): string => `Sign out of ${handle}`,
}
export type AccountsTexts = Readonly<typeof accounts>

/** What an app asks for. */
export const consent = {
  title: 'Allow access',
  asks: (app: string): string => `${app} asks to use your account.`,
  onDevice: 'An application on your device asks to use your account.',
  as: 'Account',
  notYou: 'Use another account',
  choose: 'It may do the following. Untick what you do not want to allow.',
  alwaysNote: 'This is part of every sign-in.',
  broad: 'Reaches far',
  critical: 'Can take your account from you',
  setContents: (count: number): string =>
    count === 1 ? 'What this is: 1 permission' : `What this is: ${count} permissions`,
  technical: 'Technical details',
  appTerms: 'Terms of the app',
  appPrivacy: 'Privacy policy of the app',
  allow: 'Allow',
  deny: 'Do not allow',
  revokeNote: 'You can end this at any time.',
  /** `transition:chat.bsky`, which is something beside another scope only. */
  chat: 'Read and send private messages.',
  /** One line of what an app may do. Its own words may be a stranger's: text, not markup. */
  permission: ({ text }: Description): string => text,
}
export type ConsentTexts = Readonly<typeof consent>
