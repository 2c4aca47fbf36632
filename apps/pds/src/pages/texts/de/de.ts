import type { Texts } from '../texts.ts'
import { account } from './account.ts'
import { accounts, consent } from './consent.ts'
import { factors } from './factors.ts'
import { footer, error } from './frame.ts'
import { passkey } from './passkey.ts'
import { reset } from './reset.ts'
import { signIn, factor, problem } from './sign-in.ts'
import { signUp } from './sign-up.ts'

/** German. */
export const de: Texts = {
  language: 'de',
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
}
