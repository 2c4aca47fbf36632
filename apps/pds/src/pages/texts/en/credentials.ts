/** The e-mail address of an account. */
export const email = {
  title: 'E-mail',
  present: 'Your address',
  none: 'Your account has no e-mail address. Without one you cannot reset a password that you forget.',
  confirmed: 'It is confirmed.',
  unconfirmed: 'It is not confirmed yet.',
  confirmTitle: 'Confirm the address',
  /** @param address where the code goes */
  ask: (address: string): string => `Mail a code to ${address}`,
  code: 'Code from the mail',
  codeHint: 'It works for 15 minutes.',
  confirm: 'Confirm',
  changeTitle: 'Change the address',
  /** Where the present address is confirmed. */
  twoSteps: 'First have a code mailed to your present address. Then type it here, with the new address.',
  newAddress: 'New address',
  change: 'Change the address',
  same: 'This is the address that you have already.',
  done: {
    codeSent: 'A code is on its way to you.',
    confirmed: 'Your address is confirmed.',
    changed: 'Your address was changed. Confirm the new one next.',
  },
}
export type EmailTexts = Readonly<typeof email>

/** The password of an account. */
export const password = {
  title: 'Password',
  ends: 'A new password ends every other sign-in: of browsers, of apps, and of apps that use an app password. App passwords themselves stay.',
  new: 'New password',
  again: 'The same once more',
  /** @param least characters */
  hint: (least: number): string => `At least ${least} characters, best chosen by a password manager.`,
  submit: 'Change the password',
  tooShort: (least: number): string => `The password must have at least ${least} characters.`,
  tooLong: (most: number): string => `The password must have ${most} characters at most.`,
  differ: 'The two passwords are not the same.',
  done: { changed: 'Your password was changed, and every other sign-in was ended.' },
}
export type PasswordTexts = Readonly<typeof password>

/** The handle of an account. */
export const handle = {
  title: 'Handle',
  present: 'Your handle',
  /** An account that lost its handle. */
  none: 'Your account has no handle now: choose one.',
  keeps: 'Posts, followers and everything else stay: they belong to your identifier, not to your handle.',
  localTitle: 'A name of this server',
  name: 'Name',
  domain: 'Ending',
  nameHint: '3 to 18 letters, digits and hyphens.',
  ownTitle: 'A domain of your own',
  ownSteps: 'Show that the domain is yours, in one of these two ways. Then type it below.',
  dns: 'With your DNS provider, add a TXT record:',
  dnsName: 'Name',
  dnsValue: 'Value',
  file: 'Or put a text file on the website of the domain, which holds nothing but your identifier:',
  fileUrl: 'Address of the file',
  fileText: 'Content',
  own: 'Your domain',
  ownHint: 'For example name.com, without https://',
  submit: 'Use this handle',
  check: 'Check, and use this handle',
  invalid: 'This is not a handle that can be used here.',
  notPointing:
    'This domain does not lead to your identifier yet. A DNS record may take some minutes until everybody sees it: check what you typed there, and try again.',
  notNamed: 'Your identifier is not ours to change: let its document name the handle first.',
  done: { changed: 'Your handle was changed.' },
}
export type HandleTexts = Readonly<typeof handle>
