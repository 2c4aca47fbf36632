import {
  redirectResponse,
  type AuthorizationRedirect,
  type DenialCode,
  type OAuthServer,
  type PageFailure,
  type PageVisit,
} from '@avocet/oauth-server'
import type { Did, Result } from '@avocet/syntax'

import type { Browsers, SignedIn } from './browsers.ts'
import type { OpenRequest } from './open-request.ts'
import { requestOf, resetUrl } from './reset-url.ts'
import type { SignUpPage } from './sign-up.ts'
import type { Texts } from './texts/texts.ts'
import { accountsPage } from './views/accounts.ts'
import { consentPage } from './views/consent.ts'
import { signInPage } from './views/sign-in.ts'
import type { PageHandler, Visit } from './visit.ts'

/** What the pages of a request compose. */
export interface AuthorizeParts {
  readonly oauth: () => Pick<OAuthServer, 'open' | 'consent' | 'deny'>
  readonly browsers: Browsers
  readonly signUp: Pick<SignUpPage, 'show'>
}

/** What a request of an app can be answered with. */
export interface Authorize {
  readonly show: PageHandler
  /** Opens the request of a visit, or says on a page why that cannot be. */
  open(visit: Visit): Promise<Result<OpenRequest, Response>>
  /** Lets the request of a visit live on, if it names one, while its user is at another page. */
  keepOpen(visit: Visit): Promise<void>
  /** The account agreed to scopes (by default: to those of before). */
  consent(request: OpenRequest, signedIn: SignedIn, scope?: string): Promise<Response>
  deny(visit: Visit, code?: DenialCode): Promise<Response>
}

/** Codes of failures whose request may be tried again later. */
const STATUS: Readonly<Partial<Record<PageFailure['code'], number>>> = { temporarily_unavailable: 503 }

/** The flow of `/oauth/authorize`. https://atproto.com/specs/oauth#authorization-interface */
export function createAuthorize({ oauth, browsers, signUp }: AuthorizeParts): Authorize {
  const pageVisitOf = ({ parameters, browser }: Visit): PageVisit => ({ parameters, device: browser.id })

  const failed = (visit: Visit, { code, message }: PageFailure): Response => {
    const texts = visit.texts()
    const detail = `${code}: ${message}`
    return visit.failure(texts, STATUS[code] ?? 400, messageOf(texts, code), {
      detail,
      next: texts.error.back,
    })
  }

  const back = (visit: Visit, way: Result<AuthorizationRedirect, PageFailure>): Response =>
    way.ok ? visit.with(redirectResponse(way.value)) : failed(visit, way.error)

  const deny: Authorize['deny'] = async (visit, code) =>
    back(visit, await oauth().deny(pageVisitOf(visit), code))

  const consent: Authorize['consent'] = async ({ visit, pageVisit }, { account }, scope) => {
    const answer = { did: account.did, ...(scope === undefined ? {} : { scope }) }
    return back(visit, await oauth().consent(pageVisit, answer))
  }

  const open: Authorize['open'] = async (visit) => {
    const pageVisit = pageVisitOf(visit)
    const opened = await oauth().open(pageVisit)
    if (!opened.ok) return { ok: false, error: failed(visit, opened.error) }
    const page = opened.value
    const names = {
      client_id: visit.parameters.get('client_id')!,
      request_uri: visit.parameters.get('request_uri')!,
    }
    const request: OpenRequest = {
      visit,
      pageVisit,
      page,
      texts: visit.texts(page.languages),
      accounts: await browsers.accounts(visit.browser, page.requestId),
      action: '/oauth/authorize',
      fields: { ...names, form: visit.formToken },
      requestId: page.requestId,
      leavesSite: true,
      url: (more) => `/oauth/authorize?${new URLSearchParams({ ...names, ...more }).toString()}`,
      showSignIn: (...typed) => signIn(request, ...typed),
    }
    return { ok: true, value: request }
  }

  const signIn = (
    { visit, texts, page, action, fields, accounts, url }: OpenRequest,
    identifier: string,
    problem: string | null,
    status?: number,
  ): Response => {
    const accountsUrl = accounts.length === 0 ? null : url({ step: 'accounts' })
    const body = signInPage(texts, {
      client: page.client,
      action,
      fields,
      identifier,
      problem,
      accountsUrl,
      signUpUrl: url({ step: 'sign-up' }),
      resetUrl: resetUrl(visit.parameters),
    })
    const options = { leavesSite: true, ...(status === undefined ? {} : { status }) }
    return visit.page(texts, { title: texts.signIn.title, body, usesPasskeys: true }, options)
  }

  const showAccounts = (request: OpenRequest): Response => {
    const { visit, texts, page, action, fields, accounts, url } = request
    const body = accountsPage(texts, {
      client: page.client,
      action,
      fields,
      accounts,
      urlOf: (did) => url({ account: did }),
      signInUrl: url({ step: 'sign-in' }),
    })
    return visit.page(texts, { title: texts.accounts.title, body }, { leavesSite: true })
  }

  const ask = async (request: OpenRequest, signedIn: SignedIn): Promise<Response> => {
    const { visit, texts, page, fields, url } = request
    const { account } = signedIn
    if (!isFreshEnough(request, signedIn)) return signIn(request, account.handle ?? account.did, null)
    const { needed, declined } = await page.consentOf(account.did)
    if (!needed && page.prompt !== 'consent') return consent(request, signedIn)
    const accountsUrl = url({ step: 'accounts' })
    const body = consentPage(texts, { page, account, fields, declined, accountsUrl })
    return visit.page(texts, { title: texts.consent.title, body }, { leavesSite: true })
  }

  /** Without a page: the app wants an answer at once. */
  const silent = async (request: OpenRequest): Promise<Response> => {
    const { visit, accounts, page } = request
    const named = page.loginHint === null ? null : hinted(accounts, page.loginHint)
    const signedIn = named ?? (accounts.length === 1 && page.loginHint === null ? accounts[0]! : null)
    if (signedIn === null) {
      const several = accounts.length > 1 && page.loginHint === null
      return deny(visit, several ? 'account_selection_required' : 'login_required')
    }
    const { needed } = await page.consentOf(signedIn.account.did)
    return needed ? deny(visit, 'consent_required') : consent(request, signedIn)
  }

  const show: PageHandler = async (visit) => {
    const opened = await open(visit)
    if (!opened.ok) return opened.error
    const request = opened.value
    const { page, accounts } = request
    const { prompt, loginHint } = page
    if (prompt === 'none') return silent(request)
    const step = visit.parameters.get('step')
    const named = chosen(request)
    if (named !== undefined) return ask(request, named)
    if (step === 'accounts' && accounts.length > 0) return showAccounts(request)
    if (step === 'sign-up' || (step === null && prompt === 'create')) return signUp.show(request)
    const fill = step === 'sign-in' ? '' : (loginHint ?? '')
    if (step !== null || accounts.length === 0 || prompt === 'login') {
      return signIn(request, fill, null)
    }
    if (loginHint !== null && prompt !== 'select_account') {
      const meant = hinted(accounts, loginHint)
      return meant === null ? signIn(request, loginHint, null) : ask(request, meant)
    }
    if (accounts.length > 1 || prompt === 'select_account') return showAccounts(request)
    return ask(request, accounts[0]!)
  }

  const keepOpen: Authorize['keepOpen'] = async (visit) => {
    if (requestOf(visit.parameters) !== null) await oauth().open(pageVisitOf(visit))
  }

  return { show, open, keepOpen, consent, deny }
}

/** The account that a URL or a form names, of those that count for the request. */
export function chosen({ visit, accounts }: OpenRequest): SignedIn | undefined {
  const did = visit.parameters.get('account')
  return accounts.find(({ account }) => account.did === did)
}

/** Whether somebody signed in a moment ago, where the app wants that. */
export function isFreshEnough({ page }: Pick<OpenRequest, 'page'>, { signIn }: SignedIn): boolean {
  return page.prompt !== 'login' || signIn.request === page.requestId
}

/** The account that a DID or a handle means. */
function hinted(accounts: readonly SignedIn[], hint: string): SignedIn | null {
  return accounts.find(({ account }) => account.did === (hint as Did) || account.handle === hint) ?? null
}

function messageOf({ error }: Texts, code: PageFailure['code']): string {
  switch (code) {
    case 'request-gone':
      return error.requestGone
    case 'request-elsewhere':
      return error.requestElsewhere
    case 'invalid_client':
      return error.invalidClient
    case 'invalid_scope':
      return error.invalidScope
    case 'temporarily_unavailable':
      return error.unavailable
    default:
      return error.invalidRequest
  }
}
