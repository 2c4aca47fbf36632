/** The frame of the pages of an account, and its overview. */
export const account = {
  pages: 'Pages of your account',
  signedInAs: 'Signed in as',
  otherAccounts: 'Other accounts',
  /** Where an owner signs in once more. */
  prove: {
    title: 'Is it you?',
    why: 'What comes next is about who can use your account. Sign in once more to go on.',
    submit: 'Continue',
    other: 'Sign in in another way',
    again: 'It has been a while since you signed in. Nothing was done: sign in once more, and do it again.',
  },
  problems: {
    unknownForm: 'This form cannot be used. Nothing was done.',
    codeWrong: 'This code is not right, or was used already.',
    codeExpired: 'This code is too old. Ask for a new one.',
    tooLong: 'It took too long, or there were too many tries. Begin again.',
    emailInvalid: 'This is not an e-mail address that can be used.',
    emailTaken: 'Another account has this e-mail address.',
    passwordInvalid: 'This password cannot be used.',
    handleTaken: 'This handle is not to be had.',
    gone: 'What you chose is not there any more.',
    directory: 'The directory of identities cannot be reached now. Try again in a few minutes.',
    busy: 'Your account is being changed by another request. Try again.',
  },
  overview: {
    title: 'Overview',
    handle: 'Handle',
    did: 'Identifier (DID)',
    email: 'E-mail address',
    noEmail: 'none',
    confirmed: 'confirmed',
    unconfirmed: 'not confirmed yet',
    created: 'Account since',
    server: 'Your server (PDS)',
    storage: 'Files',
    /** @param limit null where there is none */
    used: (used: string, limit: string | null): string => (limit === null ? used : `${used} of ${limit}`),
    deactivated: 'Your account is deactivated: nobody can see it.',
    /** @param date when it is deleted */
    deletion: (date: string): string =>
      `It is going to be deleted on ${date}, unless you activate it before.`,
    activate: 'Activate the account again',
  },
}
export type AccountTexts = Readonly<typeof account>
