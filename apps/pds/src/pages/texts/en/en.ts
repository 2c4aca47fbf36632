import type { Texts } from '../texts.ts'
import { appPasswords, apps, sessions } from './access.ts'
import { account } from './account.ts'
import { accounts, consent } from './consent.ts'
import { factors } from './factors.ts'
import { email, handle, password } from './credentials.ts'
import { footer, error } from './frame.ts'
import { passkey } from './passkey.ts'
import { archive, leaving } from './leaving.ts'
import { reset } from './reset.ts'
import { signIn, factor, problem } from './sign-in.ts'
import { signUp } from './sign-up.ts'

/** English. */
export const en: Texts = {
  language: 'en',
  footer,
  error,
  signIn,
  factor,
  problem,
  passkey,
  factors,
  signUp,
  reset,
  accounts,
  consent,
  account,
  email,
  password,
  handle,
  appPasswords,
  apps,
  sessions,
  archive,
  leaving,
}
