import type { Texts } from '../texts.ts'
import { accounts, consent } from './consent.ts'
import { footer, error } from './frame.ts'
import { signIn, factor, problem } from './sign-in.ts'

/** English. */
export const en: Texts = {
  language: 'en',
  footer,
  error,
  signIn,
  factor,
  problem,
  accounts,
  consent,
}
