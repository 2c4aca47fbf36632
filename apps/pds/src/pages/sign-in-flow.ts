import type { SignIns } from '../accounts/sign-in.ts'
import { PdsError } from '../errors.ts'
import type { Browsers } from './browsers.ts'
import { field, letIn, MAX_TEXT, visitorOf, type SignInPlace } from './sign-in-place.ts'
import type { Texts } from './texts/texts.ts'
import { factorPage } from './views/sign-in.ts'

/** What signing in at pages composes. */
export interface SignInFlowParts {
  readonly browsers: Browsers
  readonly signIns: Pick<SignIns, 'signIn' | 'answer' | 'mailCode'>
}

/** Takes a form of a sign-in. */
export type SignInForm = (place: SignInPlace) => Promise<Response>

/** Factors that a page may name back to us: what is shown is made of them. */
const KINDS: ReadonlySet<string> = new Set(['passkey', 'totp', 'email', 'recovery'])

/** The forms of a sign-in by their names: password, second factor, a code by mail. */
export function createSignInFlow({ browsers, signIns }: SignInFlowParts): ReadonlyMap<string, SignInForm> {
  const showFactor = (
    place: SignInPlace,
    ticket: string,
    kinds: readonly string[],
    more: { readonly problem?: string; readonly mailed?: boolean; readonly status?: number } = {},
  ): Response => {
    const { visit, texts, action, fields, leavesSite, url } = place
    const { problem = null, mailed = false, status = 200 } = more
    const remember = field(place, 'remember') === 'yes'
    const restartUrl = url({ step: 'sign-in' })
    const body = factorPage(texts, { action, fields, kinds, ticket, remember, problem, mailed, restartUrl })
    return visit.page(texts, { title: texts.factor.title, body }, { status, leavesSite })
  }

  const signIn: SignInForm = async (place) => {
    const { texts } = place
    const identifier = field(place, 'identifier').trim()
    const password = field(place, 'password')
    const again = (problem: string, status: number): Response =>
      place.showSignIn(identifier.slice(0, MAX_TEXT), problem, status)
    if (identifier === '' || password === '' || password.length > MAX_TEXT) {
      return again(texts.problem.wrongPassword, 400)
    }
    try {
      const outcome = await signIns.signIn(identifier, password, visitorOf(place))
      if (outcome.needs === null) return await letIn(browsers, place, outcome.account)
      const isMailed = outcome.kinds.every((kind) => kind === 'email' || kind === 'recovery')
      return showFactor(place, outcome.ticket, outcome.kinds, { mailed: isMailed })
    } catch (error) {
      const [problem, status] = problemOf(texts, error)
      return again(problem, status)
    }
  }

  const kindsOf = (place: SignInPlace): string[] =>
    field(place, 'kinds')
      .split(' ')
      .filter((kind) => KINDS.has(kind))

  /** A form of the second factor: what goes wrong is shown there, or where the sign-in begins again. */
  const factorForm =
    (act: (place: SignInPlace, ticket: string, kinds: readonly string[]) => Promise<Response>): SignInForm =>
    async (place) => {
      const ticket = field(place, 'ticket')
      const kinds = kindsOf(place)
      try {
        return await act(place, ticket, kinds)
      } catch (error) {
        const [problem, status] = problemOf(place.texts, error)
        return isOver(error)
          ? place.showSignIn('', problem, status)
          : showFactor(place, ticket, kinds, { problem, status })
      }
    }

  const factor = factorForm(async (place, ticket) => {
    const account = await signIns.answer(ticket, { code: field(place, 'code') }, visitorOf(place))
    return letIn(browsers, place, account)
  })

  const mailCode = factorForm(async (place, ticket, kinds) => {
    await signIns.mailCode(ticket, visitorOf(place))
    return showFactor(place, ticket, kinds, { mailed: true })
  })

  return new Map([
    ['sign-in', signIn],
    ['factor', factor],
    ['mail-code', mailCode],
  ])
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
