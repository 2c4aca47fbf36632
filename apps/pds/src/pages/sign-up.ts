import type { SignUps } from '../accounts/sign-up.ts'
import type { Account } from '../account.ts'
import type { PdsConfig } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import { CREATE_ACCOUNT_LIMIT } from '../limits/rate-limits.ts'
import type { Browsers } from './browsers.ts'
import { MIN_PASSWORD } from './new-password.ts'
import type { Form, OpenRequest } from './open-request.ts'
import type { PageLimits } from './page-limits.ts'
import { field, letIn, MAX_TEXT } from './sign-in-place.ts'
import type { Texts } from './texts/texts.ts'
import { signUpPage, type SignUpProblem, type SignUpValues } from './views/sign-up.ts'

/** What the page on which accounts are made composes. */
export interface SignUpPageParts {
  readonly config: Pick<
    PdsConfig,
    'handleDomains' | 'inviteRequired' | 'termsOfServiceUrl' | 'privacyPolicyUrl'
  >
  readonly signUps: SignUps
  readonly browsers: Browsers
  readonly limits: PageLimits
}

/** Making an account in the middle of a request. */
export interface SignUpPage {
  show(request: OpenRequest): Response
  /** Takes its form: the new account goes on with the request. */
  readonly take: Form
}

/** The page on which accounts are made. */
export function createSignUpPage({ config, signUps, browsers, limits }: SignUpPageParts): SignUpPage {
  const { handleDomains: domains, inviteRequired, termsOfServiceUrl, privacyPolicyUrl } = config
  const hasTerms = termsOfServiceUrl !== null || privacyPolicyUrl !== null

  const page = (
    request: OpenRequest,
    values: SignUpValues,
    problem: SignUpProblem | null,
    options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Response => {
    const { visit, texts, fields, url } = request
    const body = signUpPage(texts, {
      client: request.page.client,
      fields,
      values,
      problem,
      domains,
      inviteRequired,
      termsUrl: termsOfServiceUrl,
      privacyUrl: privacyPolicyUrl,
      signInUrl: url({ step: 'sign-in' }),
    })
    return visit.page(texts, { title: texts.signUp.title, body }, { ...options, leavesSite: true })
  }

  const typed = (request: OpenRequest): SignUpValues => {
    const cut = (name: string): string => field(request, name).trim().slice(0, MAX_TEXT)
    return {
      name: cut('name'),
      domain: domains.find((domain) => domain === field(request, 'domain')) ?? domains[0]!,
      email: cut('email'),
      invite: cut('invite'),
      remember: field(request, 'remember') === 'yes',
    }
  }

  return {
    show: (request) => {
      // An app may know the name that its user would like.
      const hint = request.page.loginHint ?? ''
      const domain = domains.find((ending) => hint.endsWith(ending)) ?? null
      const name = domain === null ? '' : hint.slice(0, -domain.length)
      const values = { name, domain: domain ?? domains[0]!, email: '', invite: '', remember: false }
      return page(request, values, null)
    },
    take: async (request) => {
      const { visit, texts } = request
      const wait = await limits.count(CREATE_ACCOUNT_LIMIT, visit.caller)
      const values = typed(request)
      if (wait !== null) {
        const headers = { 'retry-after': String(wait) }
        return page(request, values, { text: texts.problem.tooMany, field: null }, { status: 429, headers })
      }
      const password = field(request, 'password')
      if (hasTerms && field(request, 'terms') !== 'yes') {
        return page(request, values, { text: texts.signUp.termsMissing, field: 'terms' }, { status: 400 })
      }
      if (password.length < MIN_PASSWORD) {
        const text = texts.reset.passwordShort(MIN_PASSWORD)
        return page(request, values, { text, field: 'password' }, { status: 400 })
      }
      const { email, invite } = values
      const application = { handle: handleOf(values, domains), email, password, inviteCode: invite }
      let account: Account
      try {
        account = await signUps.signUp(application, visit.sighting.address)
      } catch (error) {
        const [problem, status] = problemOf(texts, error)
        return page(request, values, problem, { status })
      }
      return letIn(browsers, request, account)
    },
  }
}

/** The handle of a name: somebody may type it whole. */
function handleOf({ name, domain }: SignUpValues, domains: readonly string[]): string {
  const text = name.replace(/^@/, '').toLowerCase()
  return domains.some((ending) => text.endsWith(ending)) ? text : text + domain
}

/** What to tell whoever typed something, and the status that goes with it. What is not theirs to mend is thrown again. */
function problemOf({ signUp, problem }: Texts, error: unknown): readonly [SignUpProblem, status: number] {
  if (!(error instanceof PdsError)) throw error
  switch (error.code) {
    case 'invalid-handle':
    case 'unsupported-domain':
      return [{ text: signUp.nameInvalid, field: 'name' }, 400]
    case 'handle-not-available':
    case 'handle-taken':
      return [{ text: signUp.nameTaken, field: 'name' }, 400]
    case 'invalid-email':
      return [{ text: signUp.emailInvalid, field: 'email' }, 400]
    case 'email-taken':
      return [{ text: signUp.emailTaken, field: 'email' }, 400]
    case 'invalid-password':
      return [{ text: signUp.passwordInvalid, field: 'password' }, 400]
    case 'invalid-invite-code':
      return [{ text: signUp.inviteInvalid, field: 'invite' }, 400]
    case 'directory-failed':
    case 'busy':
      return [{ text: problem.later, field: null }, 503]
    default:
      throw error
  }
}
