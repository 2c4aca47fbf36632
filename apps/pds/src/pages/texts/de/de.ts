import type { Texts } from '../texts.ts'
import { accounts, consent } from './consent.ts'
import { footer, error } from './frame.ts'
import { signIn, factor, problem } from './sign-in.ts'

/** German. */
export const de: Texts = {
  language: 'de',
  footer,
  error,
  signIn,
  factor,
  problem,
  accounts,
  consent,
}
