import { getCookie } from 'hono/cookie'
import type { Context } from 'hono'

import { addressOf, type PageEnv } from '../operator/guard.ts'
import type { Browser, Browsers, Sighting } from './browsers.ts'
import { readForm, type FormTokens } from './form.ts'
import { pageHeaders } from './headers.ts'
import type { Layout, PageContent } from './layout.ts'
import { isOwnPost, isVisit } from './navigation.ts'
import { VISIT_LIMIT, type PageCaller, type PageLimits } from './page-limits.ts'
import { PASSKEY_SCRIPT_SOURCE } from './passkey-script.ts'
import { acceptedLanguages, chooseTexts } from './texts/choose.ts'
import type { Texts } from './texts/texts.ts'
import { errorPage } from './views/parts.ts'

/** Somebody at a page. */
export interface Visit {
  readonly browser: Browser
  readonly caller: PageCaller
  readonly sighting: Sighting
  /** Whether a form was posted. */
  readonly isPost: boolean
  /** Of the URL, or of the form that was posted. */
  readonly parameters: URLSearchParams
  /** What shows a form of the next page to be ours. */
  readonly formToken: string
  /** In the language of the browser, or of one named before. */
  texts(languages?: readonly string[]): Texts
  page(texts: Texts, content: PageContent, options?: PageOptions): Response
  /** A page that says what went wrong. @param detail in the words of the protocol */
  failure(texts: Texts, status: number, message: string, more?: FailureOptions): Response
  /** To another page of this server. @param cookie the one to give, if it was renewed */
  goTo(path: string, cookie?: string): Response
  /** An answer that was made elsewhere, with the cookie that the browser lacks. */
  with(response: Response): Response
}

/** How a page is sent. */
export interface PageOptions {
  /** Default 200. */
  readonly status?: number
  /** As in `pageHeaders`; default false. */
  readonly leavesSite?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** What an error page says beside its message. */
export interface FailureOptions {
  readonly detail?: string
  readonly next?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What visits compose. */
export interface VisitParts {
  /** The public origin. */
  readonly origin: () => string
  readonly isSecure: boolean
  readonly layout: Layout
  readonly browsers: Browsers
  readonly formTokens: FormTokens
  readonly limits: PageLimits
  readonly onError: (error: unknown) => void
}

/** Answers a request for a page. */
export type PageHandler = (visit: Visit) => Promise<Response>

/** Makes handlers: what is said here holds for every page. */
export interface Visits {
  /** Shows a page. */
  show(handler: PageHandler): (context: Context<PageEnv>) => Promise<Response>
  /** Takes a form that one of our pages posted. */
  take(handler: PageHandler): (context: Context<PageEnv>) => Promise<Response>
}

/** Pages on the main host alone, for whoever navigates there, within limits; forms from our own pages, in the browser that got them. */
export function createVisits(parts: VisitParts): Visits {
  const { origin, isSecure, layout, browsers, formTokens, limits, onError } = parts

  const send = (texts: Texts, content: PageContent, options: PageOptions = {}): Response => {
    const { status = 200, leavesSite = false, headers = {} } = options
    const scriptSource = content.usesPasskeys === true ? PASSKEY_SCRIPT_SOURCE : null
    const policy = { styleSource: layout.styleSource, scriptSource, isSecure, leavesSite }
    return new Response(layout.render(texts, content), {
      status,
      headers: { ...pageHeaders(policy), ...headers },
    })
  }

  const fail: (texts: Texts, status: number, message: string, more?: FailureOptions) => Response = (
    texts,
    status,
    message,
    { detail = null, next = null, headers = {} } = {},
  ) => {
    const body = errorPage(texts, message, detail, next)
    return send(texts, { title: texts.error.title, body }, { status, headers })
  }

  const run = async (context: Context<PageEnv>, handler: PageHandler, isPost: boolean): Promise<Response> => {
    const accepted = acceptedLanguages(context.req.header('accept-language'))
    const texts = chooseTexts(accepted)
    // Whoever asks under the name of a user's handle, or another one, finds no pages to trust there.
    const url = new URL(context.req.url)
    if (url.hostname !== new URL(origin()).hostname) return fail(texts, 404, texts.error.notFound)
    const header = (name: string): string | undefined => context.req.header(name)
    if (!(isPost ? isOwnPost(header, origin()) : isVisit(header))) {
      return fail(texts, 403, texts.error.crossSite)
    }
    const address = addressOf(context)
    const caller: PageCaller = { address, header: (name) => header(name) ?? null }
    const wait = await limits.count(VISIT_LIMIT, caller)
    if (wait !== null) {
      return fail(texts, 429, texts.error.tooMany, { headers: { 'retry-after': String(wait) } })
    }
    const sighting: Sighting = { address, userAgent: header('user-agent') ?? null }
    const browser = await browsers.read(getCookie(context, browsers.cookieName) ?? null, sighting)
    const parameters = isPost ? await readForm(context.req.raw) : url.searchParams
    // A browser without its cookie gets no new one here: the form was for the one that it had.
    const isOurs =
      !isPost || (browser.cookie === null && formTokens.isOf(browser, parameters?.get('form') ?? null))
    if (parameters === null || !isOurs) {
      return fail(texts, 403, texts.error.expiredForm, { next: texts.error.back })
    }
    const withCookie = (response: Response, cookie = browser.cookie): Response => {
      if (cookie !== null) response.headers.append('set-cookie', cookie)
      return response
    }
    return handler({
      browser,
      caller,
      sighting,
      isPost,
      parameters,
      formToken: formTokens.of(browser),
      texts: (languages = []) => chooseTexts([...languages, ...accepted]),
      page: (...args) => withCookie(send(...args)),
      failure: (...args) => withCookie(fail(...args)),
      goTo: (path, cookie) => {
        const headers = { location: path, 'cache-control': 'no-store', 'referrer-policy': 'same-origin' }
        return withCookie(new Response(null, { status: 303, headers }), cookie)
      },
      with: (response) => withCookie(response),
    })
  }

  const guarded =
    (isPost: boolean) =>
    (handler: PageHandler) =>
    async (context: Context<PageEnv>): Promise<Response> => {
      try {
        return await run(context, handler, isPost)
      } catch (error) {
        onError(error)
        const texts = chooseTexts(acceptedLanguages(context.req.header('accept-language')))
        return fail(texts, 500, texts.error.failed)
      }
    }
  return { show: guarded(false), take: guarded(true) }
}
