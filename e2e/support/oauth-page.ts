// A page that signs in: what the test calls in it.
import { createLoopbackMetadata, type OAuthClientEvent } from '@avocet/oauth-client'
import {
  createBrowserOAuthClient,
  createBrowserResolver,
  createRedirectOAuthClient,
  type SignedIn,
} from '@avocet/oauth-client/browser'

const given = new URL(import.meta.url).searchParams
const HANDLE = 'alice.test'
const events: OAuthClientEvent[] = []

const options = {
  metadata: createLoopbackMetadata({
    redirectUri: `${location.origin}/`,
    scope: 'atproto transition:generic',
  }),
  resolve: createBrowserResolver({
    handleResolver: given.get('pds')!,
    plcUrl: given.get('plc')!,
    allowLoopback: true,
  }),
  allowLoopback: true,
  onEvent: (event: OAuthClientEvent) => events.push(event),
}
// A tab says which of the two it has.
const isSmall = (globalThis as { client?: string }).client === 'createRedirectOAuthClient'
const whole = isSmall ? null : createBrowserOAuthClient(options)
const client = whole ?? createRedirectOAuthClient(options)

const shown = (signedIn: SignedIn | null): object | null =>
  signedIn && { id: signedIn.session.id, did: signedIn.session.did, appState: signedIn.appState }

let held: SignedIn['session'] | null = null

/** The session that is kept; the same object from then on. */
async function sessionOf(): Promise<SignedIn['session']> {
  if (held !== null) return held
  const listed = await client.list()
  if (!listed.ok) throw listed.error
  const restored = await client.restore(listed.value[0]!.id)
  if (!restored.ok) throw restored.error
  return (held = restored.value)
}

/** Whose session the PDS says that it is, with the status; or the code of what went wrong. */
async function call(): Promise<string> {
  try {
    const response = await (await sessionOf()).fetch('/xrpc/com.atproto.server.getSession')
    const { did } = (await response.json()) as { did?: string }
    return `${response.status} ${did}`
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const ready = client.init()

Object.assign(globalThis, {
  page: {
    begun: async () => {
      const result = await ready
      return { result: result.ok ? shown(result.value) : result.error.code, hash: location.hash }
    },
    redirect: (appState: string) => void client.signInRedirect(HANDLE, { appState }),
    popup: async () => {
      const result = await whole!.signInPopup(HANDLE)
      return result.ok ? shown(result.value) : result.error.code
    },
    call,
    /** So many at once: what they say, each answer once. */
    calls: async (count: number) => [...new Set(await Promise.all(Array.from({ length: count }, call)))],
    refresh: async () => (await sessionOf()).refresh(),
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
