import type { SignIns } from '../accounts/sign-in.ts'
import { chosen, isFreshEnough, type Authorize } from './authorize.ts'
import type { Browsers } from './browsers.ts'
import type { Form } from './open-request.ts'
import { createSignInFlow } from './sign-in-flow.ts'
import type { SignUpPage } from './sign-up.ts'
import type { PageHandler } from './visit.ts'

/** What the forms of a request compose. */
export interface SignInFormsParts {
  readonly authorize: Authorize
  readonly browsers: Browsers
  readonly signIns: SignIns
  readonly signUp: Pick<SignUpPage, 'take'>
}

/** Takes the forms of `/oauth/authorize`. */
export function createSignInForms(parts: SignInFormsParts): PageHandler {
  const { authorize, browsers, signIns, signUp } = parts

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
    ...createSignInFlow({ browsers, signIns }),
    ['sign-up', signUp.take],
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
