// A page that signs in: what the test calls in it.
import { createLoopbackMetadata, type OAuthClientEvent } from '@avocet/oauth-client'
import {
  createBrowserOAuthClient,
  createRedirectOAuthClient,
  type SignedIn,
} from '@avocet/oauth-client/browser'
import type { Did } from '@avocet/syntax'

const given = new URL(import.meta.url).searchParams
const pds = given.get('pds')!
const did = given.get('did') as Did
const events: OAuthClientEvent[] = []

const options = {
  metadata: createLoopbackMetadata({
    redirectUri: `${location.origin}/`,
    scope: 'atproto transition:generic',
  }),
  resolve: async () => ({ did, pds }),
  allowLoopback: true,
  onEvent: (event: OAuthClientEvent) => events.push(event),
}
// A tab that says so has the smaller client.
const isSmall = sessionStorage.getItem('small') !== null
const whole = isSmall ? null : createBrowserOAuthClient(options)
const client = whole ?? createRedirectOAuthClient(options)

const shown = (signedIn: SignedIn | null): object | null =>
  signedIn && { id: signedIn.session.id, did: signedIn.session.did, appState: signedIn.appState }

async function sessionOf(): Promise<SignedIn['session']> {
  const restored = await client.restore(did)
  if (!restored.ok) throw restored.error
  return restored.value
}

const ready = client.init()

Object.assign(globalThis, {
  page: {
    begun: async () => {
      const result = await ready
      return { result: result.ok ? shown(result.value) : result.error.code, hash: location.hash }
    },
    redirect: (appState: string) => void client.signInRedirect(did, { appState }),
    popup: async () => {
      const result = await whole!.signInPopup(did)
      return result.ok ? shown(result.value) : result.error.code
    },
    call: async () => {
      const response = await (await sessionOf()).fetch('/xrpc/com.example.get', { method: 'POST', body: 'x' })
      return [response.status, await response.json()]
    },
    refresh: async () => {
      const session = await sessionOf()
      // Both tabs hold the same tokens before either renews.
      await new Promise((resolve) => setTimeout(resolve, 300))
      await session.refresh()
    },
    signOut: async () => {
      await (await sessionOf()).signOut()
    },
    sessions: async () => {
      const listed = await client.list()
      return listed.ok ? listed.value.map(({ id }) => id) : listed.error.code
    },
    events: () => events.map(({ type }) => type),
    extractable: () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('avocet-oauth')
        request.addEventListener('error', reject)
        request.onsuccess = () => {
          const all = request.result.transaction('sessions').objectStore('sessions').getAll()
          all.onsuccess = () => {
            request.result.close()
            resolve(
              (all.result as { key: { privateKey: CryptoKey } }[]).map(
                ({ key }) => key.privateKey.extractable,
              ),
            )
          }
        }
      }),
  },
})
