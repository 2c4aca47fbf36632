// An account that lets an app in, by the pages.
import { createBrowser, type TestBrowser } from './browser.ts'
import type { AppAnswer, AppRequest, TestApp } from './oauth-app.ts'

/** Goes through the pages of one request. @returns where the browser is sent back to */
export async function agree(
  origin: () => string,
  { url }: AppRequest,
  handle: string,
  browser: TestBrowser = createBrowser(origin),
): Promise<URL> {
  const page = await browser.visit(url)
  const signedIn = await browser.submit(page, 'sign-in', { identifier: handle, password: 'correct horse' })
  const consent = await browser.visit(new URL(signedIn.headers['location']!, origin()).href)
  // Who agreed before is not asked again where the app proves who it is.
  const done = consent.status === 303 ? consent : await browser.submit(consent, 'consent')
  return new URL(done.headers['location']!)
}

/** A code, and the request it is of. */
export async function codeFor(
  origin: () => string,
  app: TestApp,
  handle: string,
): Promise<{ code: string; request: AppRequest }> {
  const request = await app.begin()
  const back = await agree(origin, request, handle)
  return { code: back.searchParams.get('code')!, request }
}

/** The answer with the tokens of a new session. */
export async function letIn(origin: () => string, app: TestApp, handle: string): Promise<AppAnswer['body']> {
  const { code, request } = await codeFor(origin, app, handle)
  const answer = await request.exchange(code)
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
