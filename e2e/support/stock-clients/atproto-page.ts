// @atproto/oauth-client-browser in a page: what the test calls in it.
import { BrowserOAuthClient, type OAuthSession } from '@atproto/oauth-client-browser'

import { CREATE, noteOf, SCOPE, type StockAccount } from './client.ts'
import type { StockPage } from './in-page.ts'

const given = new URL(import.meta.url).searchParams
const pds = given.get('pds')! as `https://${string}`
const account: StockAccount = JSON.parse(given.get('account')!)
const { origin } = location

const client = new BrowserOAuthClient({
  clientMetadata: {
    client_id: `${origin as 'https://other.example.com'}/atproto-page.json`,
    redirect_uris: [`${origin as 'https://other.example.com'}/atproto-page`],
    scope: SCOPE,
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    dpop_bound_access_tokens: true,
  },
  handleResolver: pds,
  plcDirectoryUrl: given.get('plc')!,
  allowHttp: true,
})
const ready = client.init()
// What it failed with is told to who asks.
ready.catch(() => {})

async function sessionOf(): Promise<OAuthSession> {
  const found = await ready
  if (found === undefined) throw new Error('nobody is signed in')
  return found.session
}

/** The client's own record of the session, in its database; with a value, puts that there. */
function stored(value?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('@atproto-oauth-client')
    opening.addEventListener('error', reject)
    opening.addEventListener('success', () => {
      const store = opening.result.transaction('session', 'readwrite').objectStore('session')
      const asked = value === undefined ? store.get(account.did) : store.put(value, account.did)
      asked.addEventListener('error', reject)
      asked.addEventListener('success', () => {
        opening.result.close()
        resolve(asked.result)
      })
    })
  })
}
let kept: unknown

const page: StockPage = {
  begin: async (prompt) =>
    (await client.authorize(account.handle, prompt === null ? {} : { prompt: prompt as 'none' })).href,
  finish: async () => (await sessionOf()).did,
  call: async () => (await (await sessionOf()).fetchHandler(CREATE, noteOf(account))).status,
  scope: async () => (await (await sessionOf()).getTokenInfo(false)).scope,
  signOut: async () => {
    kept = await stored()
    await (await sessionOf()).signOut()
  },
  useAgain: async () => {
    await stored(kept)
    await client.restore(account.did, true)
  },
}
const popup = async (): Promise<string> => (await client.signInPopup(account.handle)).did
Object.assign(globalThis, { stock: { ...page, popup } })
