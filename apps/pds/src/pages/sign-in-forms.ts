import type { SignIns } from '../accounts/sign-in.ts'
import type { Account } from '../account.ts'
import { PdsError } from '../errors.ts'
import type { Visitor } from '../factors/challenges.ts'
import { chosen, isFreshEnough, type Authorize, type OpenRequest } from './authorize.ts'
import type { Browsers } from './browsers.ts'
import type { Texts } from './texts/texts.ts'
import { factorPage } from './views/sign-in.ts'
import type { PageHandler } from './visit.ts'

/** What the forms of a request compose. */
export interface SignInFormsParts {
  readonly authorize: Authorize
  readonly browsers: Browsers
  readonly signIns: Pick<SignIns, 'signIn' | 'answer' | 'mailCode'>
}

type Form = (request: OpenRequest) => Promise<Response>

/** Factors that a page may name back to us: what is shown is made of them. */
const KINDS: ReadonlySet<string> = new Set(['passkey', 'totp', 'email', 'recovery'])
const MAX_TEXT = 512

/** Takes the forms of `/oauth/authorize`. */
export function createSignInForms(parts: SignInFormsParts): PageHandler {
  const { authorize, browsers, signIns } = parts

  const visitorOf = ({ visit }: OpenRequest): Visitor => ({
    address: visit.sighting.address,
    binding: visit.browser.id,
  })
  const field = ({ visit }: OpenRequest, name: string): string =>
    (visit.parameters.get(name) ?? '').slice(0, MAX_TEXT + 1)

  const finish = async (request: OpenRequest, account: Account): Promise<Response> => {
    const { visit, page, url } = request
    const how = { request: page.requestId, remember: field(request, 'remember') === 'yes' }
    const cookie = await browsers.signIn(visit.browser, account, how, visit.sighting)
    return visit.goTo(url({ account: account.did }), cookie)
  }

  const showFactor = (
    request: OpenRequest,
    ticket: string,
    kinds: readonly string[],
    more: { readonly problem?: string; readonly mailed?: boolean; readonly status?: number } = {},
  ): Response => {
    const { visit, texts, fields, url } = request
    const { problem = null, mailed = false, status = 200 } = more
    const remember = field(request, 'remember') === 'yes'
    const restartUrl = url({ step: 'sign-in' })
    const body = factorPage(texts, { fields, kinds, ticket, remember, problem, mailed, restartUrl })
    return visit.page(texts, { title: texts.factor.title, body }, { status, leavesSite: true })
  }

  const signIn: Form = async (request) => {
    const { texts } = request
    const identifier = field(request, 'identifier').trim()
    const password = field(request, 'password')
    const again = (problem: string, status: number): Response =>
      authorize.signIn(request, identifier.slice(0, MAX_TEXT), problem, status)
    if (identifier === '' || password === '' || password.length > MAX_TEXT) {
      return again(texts.problem.wrongPassword, 400)
    }
    try {
      const outcome = await signIns.signIn(identifier, password, visitorOf(request))
      if (outcome.needs === null) return await finish(request, outcome.account)
      const isMailed = outcome.kinds.every((kind) => kind === 'email' || kind === 'recovery')
      return showFactor(request, outcome.ticket, outcome.kinds, { mailed: isMailed })
    } catch (error) {
      const [problem, status] = problemOf(texts, error)
      return again(problem, status)
    }
  }

  const kindsOf = (request: OpenRequest): string[] =>
    field(request, 'kinds')
      .split(' ')
      .filter((kind) => KINDS.has(kind))

  /** A form of the second factor: what goes wrong is shown there, or where the sign-in begins again. */
  const factorForm =
    (act: (request: OpenRequest, ticket: string, kinds: readonly string[]) => Promise<Response>): Form =>
    async (request) => {
      const ticket = field(request, 'ticket')
      const kinds = kindsOf(request)
      try {
        return await act(request, ticket, kinds)
      } catch (error) {
        const [problem, status] = problemOf(request.texts, error)
        return isOver(error)
          ? authorize.signIn(request, '', problem, status)
          : showFactor(request, ticket, kinds, { problem, status })
      }
    }

  const factor = factorForm(async (request, ticket) => {
    const account = await signIns.answer(ticket, { code: field(request, 'code') }, visitorOf(request))
    return finish(request, account)
  })

  const mailCode = factorForm(async (request, ticket, kinds) => {
    await signIns.mailCode(ticket, visitorOf(request))
    return showFactor(request, ticket, kinds, { mailed: true })
  })

  const consent: Form = async (request) => {
    const { visit, page, texts } = request
    const signedIn = chosen(request)
    if (signedIn === undefined || !isFreshEnough(request, signedIn)) {
      return visit.failure(texts, 403, texts.error.notSignedIn)
    }
    const ticked = new Set(visit.parameters.getAll('scope'))
    const granted = page.scopes
      .map(({ text }) => text)
      .filter((text) => text === 'atproto' || ticked.has(text))
    return authorize.consent(request, signedIn, granted.join(' '))
  }

  const signOut: Form = async (request) => {
    const { visit, url } = request
    const signedIn = chosen(request)
    if (signedIn !== undefined) await browsers.signOut(visit.browser, signedIn.account.did)
    return visit.goTo(url({ step: 'accounts' }))
  }

  const forms: ReadonlyMap<string, Form> = new Map([
    ['sign-in', signIn],
    ['factor', factor],
    ['mail-code', mailCode],
    ['consent', consent],
    ['sign-out', signOut],
  ])

  return async (visit) => {
    const act = visit.parameters.get('do') ?? ''
    if (act === 'deny') return authorize.deny(visit)
    const form = forms.get(act)
    if (form === undefined) {
      const texts = visit.texts()
      return visit.failure(texts, 400, texts.error.invalidRequest)
    }
    const opened = await authorize.open(visit)
    return opened.ok ? form(opened.value) : opened.error
  }
}

/** Whether the sign-in has to begin again. */
const isOver = (error: unknown): boolean =>
  error instanceof PdsError && (error.code === 'challenge-ended' || error.code === 'account-takendown')

/** What to tell whoever typed something, and the status that goes with it. What is not theirs to mend is thrown again. */
function problemOf({ problem }: Texts, error: unknown): readonly [text: string, status: number] {
  if (!(error instanceof PdsError)) throw error
  switch (error.code) {
    case 'auth-required':
      return [problem.wrongPassword, 400]
    case 'factor-invalid':
      return [problem.wrongCode, 400]
    case 'challenge-ended':
      return [problem.tooLong, 400]
    case 'too-many-at-once':
      return [problem.tooMany, 429]
    case 'account-takendown':
      return [problem.takendown, 403]
    case 'upstream-failed':
    case 'busy':
    case 'invalid-request':
      return [problem.mailFailed, 503]
    default:
      throw error
  }
}
