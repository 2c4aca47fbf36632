import { randomBytes } from 'node:crypto'

import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'

import { addressOf, type PageEnv } from '../operator/guard.ts'
import type { OperatorSessions, OperatorSighting } from '../operator/operator-sessions.ts'
import { readForm, type FormTokens } from '../pages/form.ts'
import { pageHeaders } from '../pages/headers.ts'
import { html } from '../pages/html.ts'
import type { Layout, PageContent } from '../pages/layout.ts'
import { isOwnPost, isVisit } from '../pages/navigation.ts'
import { VISIT_LIMIT, type PageLimits } from '../pages/page-limits.ts'
import { chooseTexts } from '../pages/texts/choose.ts'
import type { OperatorSession } from '../stores/operator-rows.ts'

/** Somebody at the operator's page. */
export interface AdminVisit {
  /** Path and query. */
  readonly url: URL
  readonly sighting: OperatorSighting
  readonly header: (name: string) => string | null
  /** Of the URL, or of the form that was posted. */
  readonly parameters: URLSearchParams
  /** What shows a form of the next page to be ours. */
  readonly formToken: string
  /** Null where nobody is signed in. */
  readonly session: OperatorSession | null
  /** @param status default 200 */
  page(content: PageContent, status?: number, headers?: Readonly<Record<string, string>>): Response
  /** To another page. @param cookie that of a new sign-in, or null to forget the one there is */
  goTo(path: string, cookie?: string | null): Response
}

/** Answers a request for a page. */
export type AdminHandler = (visit: AdminVisit) => Promise<Response>

/** What visits compose. */
export interface AdminVisitParts {
  /** The public origin. */
  readonly origin: () => string
  readonly isSecure: boolean
  readonly layout: Layout
  readonly sessions: OperatorSessions
  readonly formTokens: FormTokens
  readonly limits: PageLimits
  readonly onError: (error: unknown) => void
}

/** A page that says what went wrong. */
const failed = (message: string): PageContent => ({
  title: 'This did not work',
  body: html`<p role="alert">${message}</p>
    <p><a href="/admin">To the operator's page</a></p>`,
})

/**
 * Makes handlers of the operator's page: on the main host alone, for whoever navigates there; forms from our own pages, in the browser
 * that got them.
 */
export function createAdminVisits(
  parts: AdminVisitParts,
): (isPost: boolean, handler: AdminHandler) => (context: Context<PageEnv>) => Promise<Response> {
  const { origin, isSecure, layout, sessions, formTokens, limits, onError } = parts
  const prefix = isSecure ? '__Host-' : ''
  // Two, so that a visit from elsewhere, which brings none of them along, does not put a new one in the place of a sign-in.
  const names = { session: `${prefix}avocet-admin`, form: `${prefix}avocet-admin-form` }
  const attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
  const english = chooseTexts(['en'])

  const send: AdminVisit['page'] = (content, status = 200, headers = {}) => {
    const policy = { styleSource: layout.styleSource, isSecure, leavesSite: false }
    return new Response(layout.render(english, { isWide: true, ...content }), {
      status,
      headers: { ...pageHeaders(policy), vary: 'Cookie', ...headers },
    })
  }

  const run = async (
    context: Context<PageEnv>,
    isPost: boolean,
    handler: AdminHandler,
  ): Promise<Response> => {
    const url = new URL(context.req.url)
    if (url.hostname !== new URL(origin()).hostname) return send(failed('There is no such page.'), 404)
    const headerOf = (name: string): string | undefined => context.req.header(name)
    if (!(isPost ? isOwnPost(headerOf, origin()) : isVisit(headerOf))) {
      return send(failed('This page is opened by going to it, and its forms are sent from it alone.'), 403)
    }
    const sighting = { address: addressOf(context), userAgent: headerOf('user-agent') ?? null }
    const header = (name: string): string | null => headerOf(name) ?? null
    const wait = await limits.count(VISIT_LIMIT, { address: sighting.address, header })
    if (wait !== null) {
      return send(failed('Too many requests. Try again later.'), 429, { 'retry-after': String(wait) })
    }
    const session = await sessions.read(getCookie(context, names.session) ?? null)
    const given = getCookie(context, names.form) ?? ''
    const isGiven = /^[\w-]{22}$/.test(given)
    const key = isGiven ? given : randomBytes(16).toString('base64url')
    // A form belongs to the sign-in in which it was shown.
    const owner = { key: `${key} ${session?.id ?? ''}` }
    const parameters = isPost ? await readForm(context.req.raw) : url.searchParams
    if (parameters === null || (isPost && !(isGiven && formTokens.isOf(owner, parameters.get('form'))))) {
      return send(failed('This form is not good any more: open the page again.'), 403)
    }
    const withForm = (response: Response): Response => {
      if (!isGiven) response.headers.append('set-cookie', `${names.form}=${key}; ${attributes}`)
      return response
    }
    return handler({
      url,
      sighting,
      header,
      parameters,
      formToken: formTokens.of(owner),
      session,
      page: (...args) => withForm(send(...args)),
      goTo: (path, cookie) => {
        const headers = { location: path, 'cache-control': 'no-store', 'referrer-policy': 'same-origin' }
        const response = new Response(null, { status: 303, headers })
        if (cookie !== undefined) {
          const text = `${names.session}=${cookie ?? ''}; ${attributes}${cookie === null ? '; Max-Age=0' : ''}`
          response.headers.append('set-cookie', text)
        }
        return withForm(response)
      },
    })
  }

  return (isPost, handler) => async (context) => {
    try {
      return await run(context, isPost, handler)
    } catch (error) {
      onError(error)
      return send(failed('The server could not do this. Its log says why.'), 500)
    }
  }
}
