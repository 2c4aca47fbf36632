import { Hono } from 'hono'

import { shownHandle } from '../../account.ts'
import type { OwnerAudit } from '../../audit/owner-audit.ts'
import type { PageEnv } from '../../operator/guard.ts'
import type { Browsers, SignedIn } from '../browsers.ts'
import type { PageLimit, PageLimits } from '../page-limits.ts'
import { resetUrl } from '../reset-url.ts'
import type { SignInForm } from '../sign-in-flow.ts'
import { MAX_TEXT, visitorOf, type SignInPlace } from '../sign-in-place.ts'
import { accountsPage } from '../views/accounts.ts'
import { navigation, notice, provePage } from '../views/account/frame.ts'
import { alert } from '../views/parts.ts'
import { signInPage } from '../views/sign-in.ts'
import type { PageHandler, Visit, Visits } from '../visit.ts'
import type { Notices } from './notices.ts'
import { FormProblem, type Owner, type OwnerPage } from './owner-page.ts'
import { toProblem } from './problems.ts'

/** What the frame of the pages of accounts composes. */
export interface AccountFrameParts {
  readonly visits: Visits
  readonly browsers: Browsers
  /** The forms of a sign-in, by their names. */
  readonly signInForms: ReadonlyMap<string, SignInForm>
  readonly limits: PageLimits
  readonly notices: Notices
  readonly audit: OwnerAudit
  readonly now?: () => number
}

/** How long somebody who signed in counts as having proved themselves. */
const PROVED_MS = 10 * 60 * 1000
/** Forms of one account, from wherever they come. */
const FORM_LIMIT: PageLimit = { name: 'account-form', limit: 60, windowMs: 5 * 60 * 1000 }

/**
 * The frame of the pages of accounts: owners sign in at any of them, choose among the accounts of their browser, and prove themselves again
 * where a page is grave. Which account a page is about stands in its URL, so that two tabs may show two accounts.
 * @param pages in the order of the navigation, the first is where a sign-in leads
 */
export function createAccountFrame(parts: AccountFrameParts, pages: readonly OwnerPage[]): Hono<PageEnv> {
  const { visits, browsers, signInForms, limits, notices, audit, now = () => Date.now() } = parts
  const home = pages[0]!.path

  const url = (path: string, more: Readonly<Record<string, string>>): string => {
    const query = new URLSearchParams(more).toString()
    return query === '' ? path : `${path}?${query}`
  }
  const chosen = (visit: Visit, accounts: readonly SignedIn[]): SignedIn | undefined => {
    const named = visit.parameters.get('account')
    if (named === null) return accounts.length === 1 ? accounts[0] : undefined
    return accounts.find(({ account }) => account.did === named)
  }
  const isProved = ({ signIn }: SignedIn): boolean => now() - signIn.signedInAt < PROVED_MS

  /** Where somebody signs in to see a page. @param named who proves themselves again; undefined where it may be anybody */
  const placeOf = (
    visit: Visit,
    page: OwnerPage,
    accounts: readonly SignedIn[],
    named: SignedIn | undefined,
  ): SignInPlace => {
    const texts = visit.texts()
    const base = {
      visit,
      texts,
      action: page.path,
      fields: { form: visit.formToken, ...(named === undefined ? {} : { account: named.account.did }) },
      requestId: null,
      leavesSite: false,
      url: (more: Readonly<Record<string, string>>) => url(page.path, more),
    }
    const showSignIn: SignInPlace['showSignIn'] = (identifier, problem, status = 200) => {
      const { action, fields } = base
      const accountsUrl = accounts.length === 0 ? null : url(home, { step: 'accounts' })
      const body = signInPage(texts, {
        client: null,
        action,
        fields,
        identifier,
        problem,
        accountsUrl,
        signUpUrl: null,
        resetUrl: resetUrl(new URLSearchParams()),
      })
      return visit.page(texts, { title: texts.signIn.title, body, usesPasskeys: true }, { status })
    }
    const showProof: SignInPlace['showSignIn'] = (_identifier, problem, status = 200) => {
      const { action, fields } = base
      const restartUrl = url(page.path, { step: 'sign-in' })
      const model = { action, fields, signedIn: named!, problem, restartUrl }
      const content = { title: texts.account.prove.title, body: provePage(texts, model), usesPasskeys: true }
      return visit.page(texts, content, { status })
    }
    return { ...base, showSignIn: named === undefined ? showSignIn : showProof }
  }

  const showAccounts = (visit: Visit, accounts: readonly SignedIn[], page: OwnerPage): Response => {
    const texts = visit.texts()
    const body = accountsPage(texts, {
      client: null,
      action: page.path,
      fields: { form: visit.formToken },
      accounts,
      urlOf: (did) => url(page.path, { account: did }),
      signInUrl: url(page.path, { step: 'sign-in' }),
    })
    return visit.page(texts, { title: texts.accounts.title, body })
  }

  const ownerOf = (
    visit: Visit,
    page: OwnerPage,
    signedIn: SignedIn,
    accounts: readonly SignedIn[],
    wrong: FormProblem | null,
  ): Owner => {
    const texts = visit.texts()
    const { account } = signedIn
    const { did } = account
    const fields = { form: visit.formToken, account: did }
    const pageUrl = (path: string): string => url(path, { account: did })
    const typed = (name: string): string =>
      visit.isPost ? (visit.parameters.get(name) ?? '').slice(0, MAX_TEXT + 1) : ''
    const said = notices.read(visit.browser, `${did} ${page.path}`, visit.parameters.get('notice'))
    const noticeText = said === null ? null : (page.notices?.(texts)[said] ?? null)

    return {
      visit,
      texts,
      account,
      signedIn,
      visitor: visitorOf({ visit }),
      fields,
      problem: wrong?.message ?? null,
      typed,
      url: pageUrl,
      page: (body, { title = page.title(texts), usesPasskeys = false, ...options } = {}) => {
        const links = pages.map(({ path, title: name }) => ({
          url: pageUrl(path),
          text: name(texts),
          isHere: path === page.path,
        }))
        const accountsUrl = accounts.length > 1 ? url(home, { step: 'accounts' }) : null
        const top = navigation(texts, {
          handle: shownHandle(account),
          links,
          action: page.path,
          fields,
          accountsUrl,
        })
        const content = {
          title,
          usesPasskeys,
          isWide: true,
          navigation: top,
          body: [notice(noticeText), alert(wrong?.message ?? null), body],
        }
        return visit.page(texts, content, {
          ...options,
          ...(wrong === null ? {} : { status: wrong.status }),
          headers: { ...wrong?.headers, ...options.headers },
        })
      },
      done: (name, path = page.path) => {
        const code = notices.write(visit.browser, `${did} ${path}`, name)
        return visit.goTo(url(path, { account: did, notice: code }))
      },
      limit: async (bounds) => {
        for (const bound of bounds) {
          const wait = await limits.count(bound, visit.caller, did)
          if (wait !== null) {
            throw new FormProblem(texts.problem.tooMany, 429, { 'retry-after': String(wait) })
          }
        }
      },
      stay: (passwordHash) => browsers.stay(visit.browser, signedIn, passwordHash),
      act: (what, input, task) => {
        const { header } = visit.caller
        return audit.acted({ did, address: visit.sighting.address, header }, what, input, task)
      },
    }
  }

  const show =
    (page: OwnerPage): PageHandler =>
    async (visit) => {
      const accounts = await browsers.accounts(visit.browser, null)
      const step = visit.parameters.get('step')
      const signedIn = chosen(visit, accounts)
      if (step === 'sign-in') return placeOf(visit, page, accounts, undefined).showSignIn('', null)
      if (accounts.length > 0 && (step === 'accounts' || signedIn === undefined)) {
        return showAccounts(visit, accounts, page)
      }
      const place = placeOf(visit, page, accounts, signedIn)
      if (signedIn === undefined || (page.isGrave && !isProved(signedIn))) return place.showSignIn('', null)
      return page.show(ownerOf(visit, page, signedIn, accounts, null))
    }

  const takeForm = async (
    visit: Visit,
    page: OwnerPage,
    signedIn: SignedIn,
    accounts: readonly SignedIn[],
  ): Promise<Response> => {
    const owner = ownerOf(visit, page, signedIn, accounts, null)
    const form = page.forms?.get(visit.parameters.get('do') ?? '')
    if (form === undefined) {
      return visit.failure(owner.texts, 400, owner.texts.account.problems.unknownForm)
    }
    try {
      await owner.limit([FORM_LIMIT])
      return await form(owner)
    } catch (error) {
      const problem = toProblem(owner.texts, error)
      if (problem === null) throw error
      return page.show(ownerOf(visit, page, signedIn, accounts, problem))
    }
  }

  const take =
    (page: OwnerPage): PageHandler =>
    async (visit) => {
      const act = visit.parameters.get('do') ?? ''
      const accounts = await browsers.accounts(visit.browser, null)
      // A form names its account, if it is about one: the only one that is signed in by now may be another.
      const signedIn = visit.parameters.get('account') === null ? undefined : chosen(visit, accounts)
      const place = placeOf(visit, page, accounts, signedIn)
      const signInForm = signInForms.get(act)
      if (signInForm !== undefined) return signInForm(place)
      if (act === 'sign-out') {
        if (signedIn !== undefined) {
          const owner = ownerOf(visit, page, signedIn, accounts, null)
          await owner.act('com.atproto.server.deleteSession', {}, () =>
            browsers.signOut(visit.browser, owner.account.did),
          )
        }
        return visit.goTo(accounts.length > 1 ? url(home, { step: 'accounts' }) : home)
      }
      const { texts } = place
      if (signedIn === undefined) return visit.failure(texts, 403, texts.error.notSignedIn)
      if (page.isGrave && !isProved(signedIn)) {
        return place.showSignIn('', texts.account.prove.again, 403)
      }
      return takeForm(visit, page, signedIn, accounts)
    }

  const routes = new Hono<PageEnv>()
  for (const page of pages) {
    routes.get(page.path, visits.show(show(page)))
    routes.post(page.path, visits.take(take(page)))
    routes.all(page.path, () => new Response(null, { status: 405, headers: { allow: 'GET, POST' } }))
  }
  const missing: PageHandler = (visit) => {
    const texts = visit.texts()
    return Promise.resolve(visit.failure(texts, 404, texts.error.notFound))
  }
  routes.get('/account/*', visits.show(missing))
  return routes
}
