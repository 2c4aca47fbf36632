import type { AccountRows } from '@avocet/accounts'

import { RESET_PATH, type PasswordResets } from '../accounts/password-resets.ts'
import { PASSWORD_RESET, RESET_ASKED } from '../audit/acts.ts'
import type { PageAudit } from '../audit/page-audit.ts'
import { PdsError } from '../errors.ts'
import { MAIL_BOUNDS, RESET_PASSWORD_LIMIT, resetKey } from '../limits/rate-limits.ts'
import { MIN_PASSWORD } from './new-password.ts'
import type { PageLimits } from './page-limits.ts'
import { requestOf } from './reset-url.ts'
import { field, MAX_TEXT } from './sign-in-place.ts'
import type { Texts } from './texts/texts.ts'
import { askResetPage, resetCodePage, resetDonePage, type ResetModel } from './views/reset.ts'
import type { PageHandler, Visit } from './visit.ts'

/** What resetting a password composes. */
export interface ResetPasswordParts {
  readonly accounts: AccountRows
  readonly passwordResets: PasswordResets
  readonly audit: PageAudit
  readonly limits: PageLimits
  /** Lets the request of an app live on, whose sign-in this is in the middle of. */
  readonly keepOpen: (visit: Visit) => Promise<void>
}

/** The page on which owners choose a new password for one that they forgot: `requestPasswordReset` and `resetPassword` for people. */
export interface ResetPasswordPage {
  readonly show: PageHandler
  readonly take: PageHandler
}

/** Where the owner goes on after a reset that began at no sign-in. */
const ACCOUNT_PATH = '/account'

/** Resets by `passwordResets`. */
export function createResetPasswordPage(parts: ResetPasswordParts): ResetPasswordPage {
  const { accounts, passwordResets, audit, limits, keepOpen } = parts

  const modelOf = ({ parameters, formToken }: Visit, step: 'ask' | 'code', problem: string | null) => {
    const request = requestOf(parameters)
    const to = (path: string, more: Readonly<Record<string, string>>): string =>
      `${path}?${new URLSearchParams({ ...request, ...more }).toString()}`
    const model: ResetModel = {
      path: RESET_PATH,
      fields: { ...request, form: formToken },
      problem,
      otherUrl: to(RESET_PATH, { step: step === 'ask' ? 'code' : 'ask' }),
      signInUrl: request === null ? null : to('/oauth/authorize', { step: 'sign-in' }),
    }
    return model
  }

  const askPage = (visit: Visit, texts: Texts, more: PageState = {}): Response => {
    const { problem = null, email = '', ...options } = more
    const body = askResetPage(texts, modelOf(visit, 'ask', problem), email)
    return visit.page(texts, { title: texts.reset.title, body }, options)
  }

  const codePage = (visit: Visit, texts: Texts, more: PageState = {}): Response => {
    const { problem = null, wrong = null, wasAsked = false, code = '', ...options } = more
    const model = { ...modelOf(visit, 'code', problem), wrong, wasAsked, code }
    const body = resetCodePage(texts, model)
    return visit.page(texts, { title: texts.reset.title, body }, options)
  }

  const tooMany = (texts: Texts, wait: number): PageState => ({
    problem: texts.problem.tooMany,
    status: 429,
    headers: { 'retry-after': String(wait) },
  })

  /** The same answer at the same time, whether there is such an account or not. */
  const ask: PageHandler = async (visit) => {
    const texts = visit.texts()
    const email = field({ visit }, 'email').trim()
    if (!/^[^@\s]+@[^@\s]+$/.test(email) || email.length > MAX_TEXT) {
      const problem = texts.reset.emailInvalid
      return askPage(visit, texts, { problem, email: email.slice(0, MAX_TEXT), status: 400 })
    }
    const { address } = visit.sighting
    const key = await resetKey(accounts, email, address)
    for (const bound of MAIL_BOUNDS) {
      const wait = await limits.count(bound, visit.caller, key)
      if (wait !== null) return askPage(visit, texts, { ...tooMany(texts, wait), email })
    }
    await audit.recorded(RESET_ASKED, address, async (about) => {
      const did = await passwordResets.ask(email)
      if (did !== null) about(did)
    })
    return codePage(visit, texts, { wasAsked: true })
  }

  const reset: PageHandler = async (visit) => {
    const texts = visit.texts()
    const { address } = visit.sighting
    const [code, password] = [field({ visit }, 'code').trim(), field({ visit }, 'password')]
    const wait = await limits.count(RESET_PASSWORD_LIMIT, visit.caller)
    if (wait !== null) return codePage(visit, texts, tooMany(texts, wait))
    if (password.length < MIN_PASSWORD) {
      const problem = texts.reset.passwordShort(MIN_PASSWORD)
      return codePage(visit, texts, { problem, wrong: 'password', code: code.slice(0, 64), status: 400 })
    }
    try {
      await audit.recorded(PASSWORD_RESET, address, (about) =>
        passwordResets.reset(code, password, address, about),
      )
    } catch (error) {
      const [problem, wrong] = problemOf(texts, error)
      return codePage(visit, texts, { problem, wrong, code: code.slice(0, 64), status: 400 })
    }
    const body = resetDonePage(texts, modelOf(visit, 'code', null).signInUrl ?? ACCOUNT_PATH)
    return visit.page(texts, { title: texts.reset.doneTitle, body })
  }

  return {
    show: async (visit) => {
      await keepOpen(visit)
      const texts = visit.texts()
      return visit.parameters.get('step') === 'code' ? codePage(visit, texts) : askPage(visit, texts)
    },
    take: async (visit) => {
      await keepOpen(visit)
      switch (visit.parameters.get('do')) {
        case 'ask':
          return ask(visit)
        case 'reset':
          return reset(visit)
        default: {
          const texts = visit.texts()
          return visit.failure(texts, 400, texts.error.invalidForm)
        }
      }
    },
  }
}

/** What a page shows beside its form, and how it is sent. */
interface PageState {
  readonly problem?: string
  readonly wrong?: 'code' | 'password'
  readonly wasAsked?: boolean
  readonly email?: string
  readonly code?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** What to tell whoever typed something. What is not theirs to mend is thrown again. */
function problemOf({ reset, signUp }: Texts, error: unknown): readonly [string, 'code' | 'password'] {
  if (!(error instanceof PdsError)) throw error
  switch (error.code) {
    case 'token-invalid':
    case 'token-expired':
      return [reset.codeWrong, 'code']
    case 'invalid-password':
      return [signUp.passwordInvalid, 'password']
    default:
      throw error
  }
}
