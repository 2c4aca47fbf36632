/** A new password for one that was forgotten. */
export const reset = {
  title: 'Reset your password',
  /** The link to this page. */
  link: 'Forgot your password?',
  ask: 'Type the e-mail address of your account. A code to choose a new password with is mailed to it.',
  email: 'E-mail address',
  submitEmail: 'Mail me a code',
  haveCode: 'I have a code',
  asked:
    'If there is an account with this e-mail address, a code is on its way. It works for 15 minutes. Look among unwanted mail, too.',
  code: 'Code from the e-mail',
  codeHint: 'For example ABCDE-FGHJK',
  password: 'New password',
  passwordHint: (characters: number): string => `At least ${characters} characters.`,
  passwordShort: (characters: number): string => `The password needs at least ${characters} characters.`,
  ends: 'Whoever is signed in to your account is signed out: other devices and apps, too.',
  submit: 'Set the password',
  again: 'Mail me another code',
  doneTitle: 'Your password was changed',
  done: 'From now on the new password lets you in. Everybody was signed out.',
  goOn: 'Sign in',
  backToSignIn: 'Back to the sign-in',
  emailInvalid: 'This is no e-mail address.',
  codeWrong: 'This code is not right, or it is over. Check it, or ask for another one.',
}
export type ResetTexts = Readonly<typeof reset>
