/** A new account. */
export const signUp = {
  title: 'Create an account',
  /** The link to this page. */
  link: 'Create an account',
  name: 'Handle',
  nameHint: '3 to 18 letters, digits or hyphens. It is your public name, and you can change it later.',
  ending: 'Ending of the handle',
  email: 'E-mail address',
  emailHint: 'It is not shown to anybody. You need it to reset your password.',
  invite: 'Invite code',
  inviteHint: 'Accounts here are by invitation. Ask the person who invited you for the code.',
  agree: 'I have read these documents and agree to them:',
  submit: 'Create the account',
  haveOne: 'I have an account',
  nameInvalid: 'This handle cannot be used. It has 3 to 18 letters, digits or hyphens.',
  nameTaken: 'This handle is taken. Choose another one.',
  emailInvalid: 'This e-mail address cannot be used.',
  emailTaken: 'There is an account with this e-mail address. Sign in, or reset its password.',
  passwordInvalid: 'This password cannot be used. It has 256 characters at most.',
  inviteInvalid: 'This invite code is not good, or was used already.',
  termsMissing: 'An account needs your agreement to these documents.',
}
export type SignUpTexts = Readonly<typeof signUp>
