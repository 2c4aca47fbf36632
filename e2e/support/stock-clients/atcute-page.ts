// @atcute/oauth-browser-client in a page: what the test calls in it.
import {
  configureOAuth,
  createAuthorizationUrl,
  finalizeAuthorization,
  getSession,
  OAuthUserAgent,
  type Session,
} from '@atcute/oauth-browser-client'

import { CREATE, noteOf, SCOPE, type StockAccount } from './client.ts'
import type { StockPage } from './in-page.ts'

const given = new URL(import.meta.url).searchParams
const pds = given.get('pds')!
const account: StockAccount = JSON.parse(given.get('account')!)

configureOAuth({
  metadata: {
    client_id: `${location.origin}/atcute-page.json`,
    redirect_uri: `${location.origin}/atcute-page`,
  },
  identityResolver: { resolve: async () => ({ ...account, pds }) },
})

async function begin(): Promise<Session> {
  const back = new URLSearchParams(location.hash.slice(1))
  if (!back.has('state')) return getSession(account.did, { allowStale: true })
  history.replaceState(null, '', location.pathname)
  return (await finalizeAuthorization(back)).session
}
const ready = begin()
// What it failed with is told to who asks.
ready.catch(() => {})
let agent: OAuthUserAgent | undefined
const agentOf = async (): Promise<OAuthUserAgent> => (agent ??= new OAuthUserAgent(await ready))

const SESSIONS = 'atcute-oauth:sessions'
let kept: string | null = null

const page: StockPage = {
  begin: async (prompt) => {
    const target = { type: 'account', identifier: account.handle } as const
    const url = await createAuthorizationUrl({
      target,
      scope: SCOPE,
      ...(prompt === null ? {} : { prompt: prompt as 'none' }),
    })
    return url.href
  },
  finish: async () => (await agentOf()).sub,
  call: async () => (await (await agentOf()).handle(CREATE, noteOf(account))).status,
  scope: async () => (await agentOf()).session.token.scope,
  signOut: async () => {
    kept = localStorage.getItem(SESSIONS)
    await (await agentOf()).signOut()
  },
  useAgain: async () => {
    localStorage.setItem(SESSIONS, kept!)
    // As another tab would have put it there.
    dispatchEvent(new StorageEvent('storage', { key: SESSIONS }))
    await getSession(account.did, { noCache: true })
  },
}
Object.assign(globalThis, { stock: page })
