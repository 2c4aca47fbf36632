import { PdsError } from '../../errors.ts'
import type { Texts } from '../texts/texts.ts'
import { FormProblem } from './owner-page.ts'

/** What to tell whoever posted a form; null for what is not theirs to mend. */
export function toProblem({ problem, account }: Texts, error: unknown): FormProblem | null {
  if (error instanceof FormProblem) return error
  if (!(error instanceof PdsError)) return null
  const { problems } = account
  switch (error.code) {
    case 'token-invalid':
    case 'token-required':
      return new FormProblem(problems.codeWrong)
    case 'token-expired':
      return new FormProblem(problems.codeExpired)
    case 'factor-invalid':
      return new FormProblem(problem.wrongCode)
    case 'challenge-ended':
      return new FormProblem(problems.tooLong)
    case 'invalid-email':
      return new FormProblem(problems.emailInvalid)
    case 'email-taken':
      return new FormProblem(problems.emailTaken)
    case 'invalid-password':
      return new FormProblem(problems.passwordInvalid)
    case 'handle-taken':
    case 'handle-not-available':
      return new FormProblem(problems.handleTaken)
    case 'not-found':
      return new FormProblem(problems.gone)
    case 'too-many-at-once':
      return new FormProblem(problem.tooMany, 429)
    case 'upstream-failed':
      return new FormProblem(problem.mailFailed, 503)
    case 'directory-failed':
      return new FormProblem(problems.directory, 503)
    case 'busy':
      return new FormProblem(problems.busy, 503)
    default:
      return null
  }
}
