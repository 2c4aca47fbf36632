// A PDS with OAuth whose account agrees to everything, and the origin of an app, on sockets.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

import {
  createMemoryOAuthStore,
  createOAuthKeys,
  createOAuthServer,
  redirectResponse,
  type MemoryOAuthStore,
  type OAuthServer,
} from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'
import { servePages } from '@avocet/testing/chromium'

export const ACCOUNT: Did = `did:plc:${'a'.repeat(24)}`

/** What the test needs of the network. */
export interface OAuthNetwork extends AsyncDisposable {
  readonly pds: string
  readonly store: MemoryOAuthStore
  /** Of the app; `/` is its page. */
  readonly app: string
}

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, dpop, content-type',
  'access-control-expose-headers': 'dpop-nonce, www-authenticate',
}

/** @param script of the app's page, a module */
export async function startOAuthNetwork(script: string): Promise<OAuthNetwork> {
  let oauth: OAuthServer
  const [pds, closePds] = await listen((request, response) => {
    void answer(oauth, pds, request).then(async (given) => {
      response.writeHead(given.status, Object.fromEntries(given.headers))
      response.end(Buffer.from(await given.arrayBuffer()))
    })
  })
  const store = createMemoryOAuthStore()
  oauth = createOAuthServer({
    issuer: pds,
    audience: () => 'did:web:pds.example.com',
    keys: createOAuthKeys([new Uint8Array(32).fill(7)]),
    store,
    accounts: { status: () => 'active' },
    fetch: async () => new Response('', { status: 404 }),
  })
  const query = new URLSearchParams({ pds, did: ACCOUNT }).toString()
  const html = `<!doctype html><script type="module" src="/page.js?${query}"></script>`
  const app = await servePages(
    new Map([
      ['/', html],
      ['/page.js', script],
    ]),
  )
  return {
    pds,
    store,
    app: app.origin,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([closePds(), app[Symbol.asyncDispose]()])
    },
  }
}

async function listen(handle: RequestListener): Promise<[string, () => Promise<void>]> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return [`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close]
}

async function answer(oauth: OAuthServer, origin: string, incoming: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = 'GET', url = '/' } = incoming
  const init: RequestInit = { method, headers: incoming.headers as Record<string, string> }
  if (method === 'POST') init.body = Buffer.concat(chunks)
  const request = new Request(origin + url, init)
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/oauth/authorize') {
    const visit = { parameters: searchParams, device: 'browser' }
    const opened = await oauth.open(visit)
    const back = opened.ok
      ? await oauth.consent(visit, { did: ACCOUNT, scope: 'atproto transition:generic' })
      : opened
    return back.ok ? redirectResponse(back.value) : new Response(back.error.message, { status: 400 })
  }
  if (!pathname.startsWith('/xrpc/')) return oauth.fetch(request, { from: 'here' })
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: CORS })
  const header = (name: string): string | null => request.headers.get(name)
  const access = await oauth.verifyAccess({ method, path: pathname, header })
  const headers = { ...CORS, ...access.headers }
  if (!access.ok) return Response.json({ error: access.error.code }, { status: 401, headers })
  return Response.json({ did: access.value.did }, { headers })
}
