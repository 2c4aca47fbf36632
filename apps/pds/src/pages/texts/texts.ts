import type { AppPasswordsTexts, AppsTexts, SessionsTexts } from './en/access.ts'
import type { AccountTexts } from './en/account.ts'
import type { AccountsTexts, ConsentTexts } from './en/consent.ts'
import type { EmailTexts, HandleTexts, PasswordTexts } from './en/credentials.ts'
import type { ErrorTexts, FooterTexts } from './en/frame.ts'
import type { FactorsTexts } from './en/factors.ts'
import type { PasskeyTexts } from './en/passkey.ts'
import type { ResetTexts } from './en/reset.ts'
import type { ArchiveTexts, LeavingTexts } from './en/leaving.ts'
import type { FactorTexts, ProblemTexts, SignInTexts } from './en/sign-in.ts'
import type { SignUpTexts } from './en/sign-up.ts'

/**
 * Everything that the pages say, in one language. English says what there is to say, in a file for each area of pages; another language is a
 * folder with the same files, and a line in `choose.ts`. The compiler tells what it lacks.
 */
export interface Texts {
  /** BCP 47. */
  readonly language: string
  readonly footer: FooterTexts
  readonly error: ErrorTexts
  readonly signIn: SignInTexts
  readonly factor: FactorTexts
  readonly problem: ProblemTexts
  readonly passkey: PasskeyTexts
  readonly factors: FactorsTexts
  readonly signUp: SignUpTexts
  readonly reset: ResetTexts
  readonly accounts: AccountsTexts
  readonly consent: ConsentTexts
  readonly account: AccountTexts
  readonly email: EmailTexts
  readonly password: PasswordTexts
  readonly handle: HandleTexts
  readonly appPasswords: AppPasswordsTexts
  readonly apps: AppsTexts
  readonly sessions: SessionsTexts
  readonly archive: ArchiveTexts
  readonly leaving: LeavingTexts
}
