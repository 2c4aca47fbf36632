// An owner in a browser without scripts, at the pages of an account.
import { createBrowser, fieldsOf, type Seen, type TestBrowser } from './browser.ts'
import { ADMIN_PASSWORD, type TestAccount, type TestNetwork } from './network.ts'

export const PASSWORD = 'correct horse'

/** An owner who is signed in. */
export interface TestOwner {
  readonly browser: TestBrowser
  readonly account: TestAccount
  /** Goes to a page of the account: `email` for `/account/email`. */
  visit(page: string): Promise<Seen>
  /** Posts a form of it as it is, with these texts in its fields. */
  submit(page: string, act: string, typed?: Readonly<Record<string, string>>): Promise<Seen>
  /** The same, and goes where it leads. */
  follow(page: string, act: string, typed?: Readonly<Record<string, string>>): Promise<Seen>
  /** Posts any fields to a page, with what shows the form to be ours. */
  forge(page: string, fields: Readonly<Record<string, string>>): Promise<Seen>
  /** Signs in once more. */
  signIn(password?: string): Promise<Seen>
}

/** An owner who signs in at `/account` of a network. */
export async function createOwner(
  net: TestNetwork,
  account: TestAccount,
  password = PASSWORD,
): Promise<TestOwner> {
  const origin = (): string => `http://localhost:${net.pds.port}`
  const browser = createBrowser(origin)
  const url = (page: string): string => {
    const path = page === '' ? '/account' : `/account/${page}`
    return `${origin()}${path}?${new URLSearchParams({ account: account.did }).toString()}`
  }
  const owner: TestOwner = {
    browser,
    account,
    visit: (page) => browser.visit(url(page)),
    submit: async (page, act, typed) => browser.submit(await owner.visit(page), act, typed),
    follow: async (page, act, typed) => {
      const way = await owner.submit(page, act, typed)
      if (way.status !== 303) throw new Error(`${act}: ${way.status} ${way.title}: ${way.text}`)
      return browser.visit(new URL(way.headers['location']!, origin()).href)
    },
    forge: async (page, fields) => {
      const token = fieldsOf(await owner.visit(''), 'sign-out').find(([name]) => name === 'form')!
      return browser.post(`${origin()}/account${page === '' ? '' : `/${page}`}`, [
        token,
        ...Object.entries(fields),
      ])
    },
    signIn: async (given = password) => {
      const page = await browser.visit(`${origin()}/account?step=sign-in`)
      return browser.submit(page, 'sign-in', {
        identifier: account.handle,
        password: given,
        remember: 'yes',
      })
    },
  }
  const way = await owner.signIn()
  if (way.status !== 303) throw new Error(`sign in: ${way.status} ${way.text}`)
  return owner
}

/** The alert of a page. */
export const alertOf = (page: Seen): string | undefined => /role="alert"[^>]*>(.*?)</s.exec(page.text)?.[1]
/** What a page says was done. */
export const noticeOf = (page: Seen): string | undefined => /class="done"[^>]*>(.*?)</s.exec(page.text)?.[1]

/** What the audit log has of an account but its making and its sign-ins, the first thing first: who, what, and the error. */
export async function actsOf(
  net: TestNetwork,
  { did }: TestAccount,
): Promise<[actor: string, action: string, error: string | null][]> {
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const answer = await fetch(`${net.pds.url}/audit?limit=1000&account=${did}`, { headers: { authorization } })
  const { entries } = (await answer.json()) as {
    entries: { actor: string; action: string; error: string | null }[]
  }
  return entries
    .filter(({ action }) => action !== 'sign-in' && action !== 'account created')
    .map(({ actor, action, error }): [string, string, string | null] => [actor, action, error])
    .toReversed()
}
