// A host with an authorization server, one resource, and the identity of one account, over node:http on a loopback port.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import {
  carriesDpopToken,
  createMemoryOAuthStore,
  createOAuthKeys,
  createOAuthServer,
  PATHS,
  redirectResponse,
  type MemoryOAuthStore,
  type OAuthEvent,
  type OAuthServer,
} from '@avocet/oauth-server'

export const ACCOUNT = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const HANDLE = 'alice.test'
const BROWSER = 'the browser of the account'

/** A running host. */
export interface OAuthHost {
  readonly origin: string
  readonly store: MemoryOAuthStore
  readonly events: OAuthEvent[]
  /** Documents of clients by their URL: what the host would find on the web. */
  readonly hosted: Map<string, unknown>
  /** The clock of the host goes on. @param seconds by how much */
  advance(seconds: number): void
  /** Opens a page as a browser would, agrees, and gives the URL that it is sent to. */
  agree(authorizationUrl: string | URL): Promise<URL>
  close(): Promise<void>
}

export async function startOAuthHost(): Promise<OAuthHost> {
  const http = createServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const origin = `http://localhost:${(http.address() as AddressInfo).port}`
  const hosted = new Map<string, unknown>()
  const store = createMemoryOAuthStore()
  const events: OAuthEvent[] = []
  let ahead = 0
  const server = createOAuthServer({
    issuer: origin,
    audience: () => 'did:web:pds.test',
    keys: createOAuthKeys([new Uint8Array(32).fill(1)]),
    store,
    accounts: { status: (did) => (did === ACCOUNT ? 'active' : null) },
    fetch: async (url) =>
      hosted.has(url) ? Response.json(hosted.get(url)) : new Response('', { status: 404 }),
    lifetimes: { access: 80 },
    now: () => Date.now() + ahead * 1000,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error
    },
  })
  http.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    void answer(server, origin, toRequest(incoming, origin)).then((response) => send(response, outgoing))
  })
  return {
    origin,
    store,
    events,
    hosted,
    advance: (seconds) => {
      ahead += seconds
    },
    agree: async (url) => {
      const page = await fetch(url, { redirect: 'manual', headers: { cookie: BROWSER } })
      if (page.status !== 303) throw new Error(`${page.status}: ${await page.text()}`)
      return new URL(page.headers.get('location')!)
    },
    close: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}

async function answer(server: OAuthServer, origin: string, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === PATHS.authorize)
    return authorize(server, searchParams, request.headers.get('cookie') ?? '')
  if (pathname.startsWith('/xrpc/')) return resource(server, pathname, request)
  if (decodeURIComponent(pathname) === `/${ACCOUNT}`) {
    return Response.json({
      id: ACCOUNT,
      alsoKnownAs: [`at://${HANDLE}`],
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: origin }],
    })
  }
  return server.fetch(request, { from: 'loopback' })
}

/** A page that agrees to all at once; one that is asked for a sign-in declines. */
async function authorize(
  server: OAuthServer,
  parameters: URLSearchParams,
  device: string,
): Promise<Response> {
  const visit = { parameters, device }
  const page = await server.open(visit)
  if (!page.ok) return new Response(page.error.message, { status: 400 })
  const scope = page.value.scopes.map(({ text }) => text)
  const back = await (page.value.prompt === 'login'
    ? server.deny(visit)
    : server.consent(visit, { did: ACCOUNT, scope: scope.join(' ') }))
  return back.ok ? redirectResponse(back.value) : new Response(back.error.message, { status: 400 })
}

async function resource(server: OAuthServer, path: string, request: Request): Promise<Response> {
  const header = (name: string): string | null => request.headers.get(name)
  if (!carriesDpopToken({ header })) return Response.json({ error: 'AuthMissing' }, { status: 401 })
  const access = await server.verifyAccess({ method: request.method, path, header })
  const body = access.ok ? access.value : { error: access.error.code, message: access.error.message }
  return Response.json(body, { status: access.ok ? 200 : access.error.status, headers: access.headers })
}

function toRequest(incoming: IncomingMessage, origin: string): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const body = new ReadableStream<Uint8Array>({
    start: async (controller) => {
      for await (const chunk of incoming) controller.enqueue(chunk as Uint8Array)
      controller.close()
    },
  })
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(origin + url, { method, headers: given, ...(hasBody ? { body, duplex: 'half' } : {}) })
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(Buffer.from(await response.arrayBuffer()))
}
