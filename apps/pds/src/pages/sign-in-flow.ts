import type { SignIns } from '../accounts/sign-in.ts'
import { wrongPassword } from '../accounts/password-check.ts'
import { PdsError } from '../errors.ts'
import type { Browsers } from './browsers.ts'
import { field, letIn, MAX_TEXT, visitorOf, type SignInPlace } from './sign-in-place.ts'
import type { Texts } from './texts/texts.ts'
import { passkeyPage } from './views/passkey.ts'
import { factorPage } from './views/sign-in.ts'

/** What signing in at pages composes. */
export interface SignInFlowParts {
  readonly browsers: Browsers
  readonly signIns: SignIns
}

/** Takes a form of a sign-in. */
export type SignInForm = (place: SignInPlace) => Promise<Response>

/** Factors that a page may name back to us: what is shown is made of them. */
const KINDS: ReadonlySet<string> = new Set(['passkey', 'totp', 'email', 'recovery'])

/** The forms of a sign-in by their names: password, second factor, a code by mail. */
export function createSignInFlow({ browsers, signIns }: SignInFlowParts): ReadonlyMap<string, SignInForm> {
  const showFactor = async (
    place: SignInPlace,
    ticket: string,
    kinds: readonly string[],
    more: { readonly problem?: string; readonly mailed?: boolean; readonly status?: number } = {},
  ): Promise<Response> => {
    const { visit, texts, action, fields, leavesSite, url } = place
    const { problem = null, mailed = false, status = 200 } = more
    const remember = field(place, 'remember') === 'yes'
    const restartUrl = url({ step: 'sign-in' })
    const usesPasskeys = kinds.includes('passkey')
    const passkey = usesPasskeys ? await signIns.passkeyOptions(ticket, visitorOf(place)) : null
    const model = { action, fields, kinds, passkey, ticket, remember, problem, mailed, restartUrl }
    const content = { title: texts.factor.title, body: factorPage(texts, model), usesPasskeys }
    return visit.page(texts, content, { status, leavesSite })
  }

  /** Whichever passkey its owner chooses, in the place of a name and a password. */
  const askPasskey: SignInForm = async (place) => {
    const { visit, texts, action, fields, leavesSite, url } = place
    const { ticket, options } = await signIns.beginPasskey(visitorOf(place))
    const remember = field(place, 'remember') === 'yes'
    const restartUrl = url({ step: 'sign-in' })
    const body = passkeyPage(texts, { action, fields, options, ticket, remember, restartUrl })
    return visit.page(texts, { title: texts.passkey.title, body, usesPasskeys: true }, { leavesSite })
  }

  /** A form of the page on which a sign-in begins: what goes wrong is shown there. */
  const firstForm =
    (identifierOf: (place: SignInPlace) => string, act: SignInForm): SignInForm =>
    async (place) => {
      try {
        return await act(place)
      } catch (error) {
        const [problem, status] = problemOf(place.texts, error)
        return place.showSignIn(identifierOf(place), problem, status)
      }
    }

  const typedName = (place: SignInPlace): string => field(place, 'identifier').trim().slice(0, MAX_TEXT)

  const signIn = firstForm(typedName, async (place) => {
    if (field(place, 'with') === 'passkey') return askPasskey(place)
    const [identifier, password] = [field(place, 'identifier').trim(), field(place, 'password')]
    if (identifier === '' || password === '' || password.length > MAX_TEXT) throw wrongPassword()
    const outcome = await signIns.signIn(identifier, password, visitorOf(place))
    if (outcome.needs === null) return letIn(browsers, place, outcome.account)
    const isMailed = outcome.kinds.every((kind) => kind === 'email' || kind === 'recovery')
    return showFactor(place, outcome.ticket, outcome.kinds, { mailed: isMailed })
  })

  const passkey = firstForm(
    () => '',
    async (place) => {
      const { parameters } = place.visit
      const response = readPasskey(parameters.get('passkey'))
      const visitor = visitorOf(place)
      try {
        const account = await signIns.signInWithPasskey(field(place, 'ticket'), response, visitor)
        return await letIn(browsers, place, account)
      } catch (error) {
        if (!isWrongFactor(error)) throw error
        return place.showSignIn('', place.texts.passkey.wrong, 400)
      }
    },
  )

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
        if (isOver(error)) return place.showSignIn('', problem, status)
        try {
          return await showFactor(place, ticket, kinds, { problem, status })
        } catch (over) {
          if (!isOver(over)) throw over
          return place.showSignIn('', ...problemOf(place.texts, over))
        }
      }
    }

  const factor = factorForm(async (place, ticket) => {
    const account = await signIns.answer(ticket, { code: field(place, 'code') }, visitorOf(place))
    return letIn(browsers, place, account)
  })

  const factorPasskey = factorForm(async (place, ticket, kinds) => {
    const response = readPasskey(place.visit.parameters.get('passkey'))
    try {
      return await letIn(
        browsers,
        place,
        await signIns.answer(ticket, { passkey: response }, visitorOf(place)),
      )
    } catch (error) {
      if (!isWrongFactor(error)) throw error
      return showFactor(place, ticket, kinds, { problem: place.texts.passkey.wrong, status: 400 })
    }
  })

  const mailCode = factorForm(async (place, ticket, kinds) => {
    await signIns.mailCode(ticket, visitorOf(place))
    return showFactor(place, ticket, kinds, { mailed: true })
  })

  return new Map([
    ['sign-in', signIn],
    ['passkey', passkey],
    ['factor', factor],
    ['factor-passkey', factorPasskey],
    ['mail-code', mailCode],
  ])
}

/** What a browser said of a passkey, which the parts that check it read; null for what is none. A form is small: so is this. */
export function readPasskey(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

const isWrongFactor = (error: unknown): boolean =>
  error instanceof PdsError && error.code === 'factor-invalid'

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
