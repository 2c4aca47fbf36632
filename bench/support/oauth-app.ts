// An app with a DPoP key, and an account that lets it in by the pages of the server: no browser is needed for either server.
import { generateKeyPairSync, hash, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import { request } from 'node:http'

/** What an app asks for, and proves. */
export interface OAuthApp {
  readonly clientId: string
  /** Of its session; renewing replaces both. */
  tokens: Tokens
  /** A proof for one request, with the last nonce of the server. @param token the access token that is sent with it */
  prove(method: 'GET' | 'POST', path: string, token?: string): string
  /** Asks for a nonce of now. */
  freshen(): Promise<void>
}

/** What the token endpoint answers, as far as it is used. */
export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** How the owner of an account agrees at the pages of a server; gives the URL that the browser is sent back to. */
export type Agree = (browser: Browser, page: Page, owner: Owner) => Promise<URL>

/** Who agrees. */
export interface Owner {
  readonly did: string
  readonly handle: string
  readonly password: string
}

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

const REDIRECT = 'http://127.0.0.1:8080/callback'
const SCOPE = 'atproto transition:generic'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const sha256 = (text: string): string => hash('sha256', text, 'base64url')
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Lets a new app in. @throws when a page or an endpoint answers otherwise than both servers do */
export async function signIn(origin: string, owner: Owner, agree: Agree): Promise<OAuthApp> {
  const clientId = `http://localhost?${new URLSearchParams({ redirect_uri: REDIRECT, scope: SCOPE })}`
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const head = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  let nonce: string | undefined

  const prove: OAuthApp['prove'] = (method, path, token) => {
    const ath = token === undefined ? {} : { ath: sha256(token) }
    const iat = Math.floor(Date.now() / 1000)
    const claims = { jti: randomUUID(), htm: method, htu: origin + path, iat, nonce, ...ath }
    return signed(`${head}.${encode(claims)}`, privateKey)
  }
  const post = async (path: string, fields: Readonly<Record<string, string>>): Promise<any> => {
    for (let attempt = 0; ; attempt++) {
      const body = new URLSearchParams({ client_id: clientId, ...fields })
      const answer = await fetch(origin + path, {
        method: 'POST',
        headers: { dpop: prove('POST', path) },
        body,
      })
      nonce = answer.headers.get('dpop-nonce') ?? nonce
      const said = (await answer.json()) as { error?: string }
      if (answer.ok) return said
      if (said.error !== 'use_dpop_nonce' || attempt > 0) throw new Error(`${path}: ${JSON.stringify(said)}`)
    }
  }

  const verifier = randomBytes(32).toString('base64url')
  const pushed = await post('/oauth/par', {
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: SCOPE,
    state: 'state',
    code_challenge: sha256(verifier),
    code_challenge_method: 'S256',
  })
  const browser = createBrowser()
  const query = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri })
  const page = await browser.go(`${origin}/oauth/authorize?${query}`)
  const back = await agree(browser, page, owner)
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${back.href}`)
  const app: OAuthApp = {
    clientId,
    tokens: await post('/oauth/token', {
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
    }),
    prove,
    freshen: async () => {
      const path = '/xrpc/com.atproto.server.getSession'
      const token = app.tokens.access_token
      const headers = { authorization: `DPoP ${token}`, dpop: prove('GET', path, token) }
      const answer = await fetch(origin + path, { headers })
      nonce = answer.headers.get('dpop-nonce') ?? nonce
      await answer.arrayBuffer()
    },
  }
  return app
}

function signed(text: string, key: KeyObject): string {
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** By the forms of our pages. */
export const agreeByForms: Agree = async (browser, page, { handle, password }) => {
  const signedIn = await submit(browser, page, 'sign-in', { identifier: handle, password })
  const consent = await browser.go(new URL(String(signedIn.headers['location']), page.url).href)
  const agreed = await submit(browser, consent, 'consent', {})
  return new URL(String(agreed.headers['location']))
}

function submit(browser: Browser, page: Page, act: string, typed: Record<string, string>): Promise<Page> {
  const forms = [...page.text.matchAll(/<form[^>]*>(.*?)<\/form>/gs)].map(([, inner]) => inner!)
  const form = forms.find((inner) => inner.includes(`name="do" value="${act}"`))
  if (form === undefined) throw new Error(`no form ${act} (${page.status}): ${page.text.slice(0, 500)}`)
  const fields: [string, string][] = []
  for (const [, attributes] of form.matchAll(/<input\s([^>]*)>/g)) {
    const valueOf = (name: string): string | undefined =>
      new RegExp(`${name}="([^"]*)"`).exec(attributes!)?.[1]
    const name = valueOf('name')
    if (name === undefined || name in typed) continue
    if (valueOf('type') === 'checkbox' && !/\schecked/.test(attributes!)) continue
    fields.push([name, (valueOf('value') ?? '').replaceAll('&amp;', '&')])
  }
  const body = new URLSearchParams([...fields, ...Object.entries(typed)]).toString()
  const { origin } = new URL(page.url)
  return browser.post(`${origin}/oauth/authorize`, { ...FORM, ...NAVIGATION, origin }, body)
}

/** By the calls that the reference's page makes. */
export const agreeByCalls: Agree = async (browser, page, { did, handle, password }) => {
  const { origin } = new URL(page.url)
  const call = async (name: string, input: object): Promise<any> => {
    const headers = {
      'content-type': 'application/json',
      'sec-fetch-mode': 'same-origin',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-dest': 'empty',
      origin,
      referer: page.url,
      'x-csrf-token': browser.cookies.get('csrf-token') ?? '',
    }
    const answer = await browser.post(
      `${origin}/@atproto/oauth-provider/~api/${name}`,
      headers,
      JSON.stringify(input),
    )
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text.slice(0, 300)}`)
    return JSON.parse(answer.text)
  }
  await call('sign-in', { locale: 'en', username: handle, password, remember: true })
  const { url } = await call('consent', { did, scope: SCOPE })
  return new URL(url)
}

const NAVIGATION = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'same-origin',
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
          host: '127.0.0.1',
          port,
          path: pathname + search,
          method: body === undefined ? 'GET' : 'POST',
          headers: {
            host,
            'user-agent': 'avocet-bench',
            ...(cookie === '' ? {} : { cookie }),
            ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
            ...headers,
          },
        },
        (answer) => {
          for (const set of answer.headers['set-cookie'] ?? []) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
            cookies.set(name!, value!)
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
    post: (url, headers, body) => send(url, headers, body),
  }
}
