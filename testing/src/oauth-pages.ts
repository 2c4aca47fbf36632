// How the owner of an account lets an app in by the pages of a server, without a browser.
import { request } from 'node:http'

/** Who agrees. */
export interface Owner {
  readonly did: string
  readonly handle: string
  readonly password: string
}

/** Opens the authorization page of a sign-in, types the password, and agrees. @returns where the browser is sent: the app */
export type Agree = (page: URL, owner: Owner) => Promise<URL>

interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

interface Browser {
  readonly cookies: ReadonlyMap<string, string>
  go(url: string): Promise<Page>
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Page>
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const NAVIGATION = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'same-origin',
}

/** By the forms of our pages. */
export const agreeByForms: Agree = async (to, { handle, password }) => {
  const browser = createBrowser()
  const page = await browser.go(to.href)
  const signedIn = await submit(browser, page, 'sign-in', { identifier: handle, password })
  const consent = await browser.go(new URL(String(signedIn.headers['location']), page.url).href)
  const agreed = await submit(browser, consent, 'consent', {})
  return new URL(String(agreed.headers['location']))
}

function submit(browser: Browser, page: Page, act: string, typed: Record<string, string>): Promise<Page> {
  const forms = [...page.text.matchAll(/<form[^>]*>(.*?)<\/form>/gs)].map(([, inner = '']) => inner)
  const form = forms.find((inner) => inner.includes(`name="do" value="${act}"`))
  if (form === undefined) throw new Error(`no form ${act} (${page.status}): ${page.text.slice(0, 500)}`)
  const fields: [string, string][] = []
  for (const [, attributes = ''] of form.matchAll(/<input\s([^>]*)>/g)) {
    const valueOf = (name: string): string | undefined =>
      new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1]
    const name = valueOf('name')
    if (name === undefined || name in typed) continue
    if (valueOf('type') === 'checkbox' && !/\schecked/.test(attributes)) continue
    fields.push([name, (valueOf('value') ?? '').replaceAll('&amp;', '&')])
  }
  const body = new URLSearchParams([...fields, ...Object.entries(typed)]).toString()
  const { origin } = new URL(page.url)
  return browser.post(`${origin}/oauth/authorize`, { ...FORM, ...NAVIGATION, origin }, body)
}

/** By the calls that the reference's page makes. */
export const agreeByCalls: Agree = async (to, { did, handle, password }) => {
  const browser = createBrowser()
  const page = await browser.go(to.href)
  const { origin } = to
  const call = async (name: string, input: object): Promise<{ readonly url?: string }> => {
    const headers = {
      'content-type': 'application/json',
      'sec-fetch-mode': 'same-origin',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-dest': 'empty',
      origin,
      referer: page.url,
      'x-csrf-token': browser.cookies.get('csrf-token') ?? '',
    }
    const url = `${origin}/@atproto/oauth-provider/~api/${name}`
    const answer = await browser.post(url, headers, JSON.stringify(input))
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text.slice(0, 300)}`)
    return JSON.parse(answer.text) as { url?: string }
  }
  await call('sign-in', { locale: 'en', username: handle, password, remember: true })
  const { url } = await call('consent', { did })
  // The page that it goes to sends the browser on to the app, with the same parameters.
  const given = new URL(url!).searchParams
  const back = new URL(given.get('redirect_uri')!)
  const answer = new URLSearchParams([...back.searchParams])
  for (const name of ['state', 'iss', 'code', 'error', 'error_description']) {
    const value = given.get(name)
    if (value !== null) answer.set(name, value)
  }
  back[given.get('redirect_mode') === 'fragment' ? 'hash' : 'search'] = answer.toString()
  return back
}

/** `fetch` may not say where a request comes from. */
function createBrowser(): Browser {
  const cookies = new Map<string, string>()
  const send = (url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Page> =>
    new Promise((resolve, reject) => {
      const { host, port, pathname, search } = new URL(url)
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const asked = request(
        {
          host: 'localhost',
          port,
          path: pathname + search,
          method: body === undefined ? 'GET' : 'POST',
          headers: {
            host,
            'user-agent': 'avocet-testing',
            ...(cookie === '' ? {} : { cookie }),
            ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
            ...headers,
          },
        },
        (answer) => {
          for (const set of answer.headers['set-cookie'] ?? []) {
            const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
            cookies.set(name, value)
          }
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (piece: string) => (text += piece))
          answer.on('end', () => resolve({ url, status: answer.statusCode!, text, headers: answer.headers }))
          answer.on('error', reject)
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
  return {
    cookies,
    go: (url) => send(url, { ...NAVIGATION, 'sec-fetch-site': 'cross-site' }),
    post: send,
  }
}
