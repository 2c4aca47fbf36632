// A network on sockets: a PDS that is its own authorization server, a did:plc directory, and handles by DNS. Everything that it
// answers can be changed on the way.
import { createDidResolver, createHandleResolver } from '@avocet/did'
import {
  createMemoryOAuthStore,
  createOAuthKeys,
  createOAuthServer,
  redirectResponse,
  type MemoryOAuthStore,
  type OAuthServer,
  type OAuthServerOptions,
} from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'

import {
  createAccountResolver,
  createLoopbackMetadata,
  type OAuthClient,
  type OAuthClientEvent,
  type OAuthResult,
  type OAuthSession,
} from '../src/index.ts'
import { createNodeOAuthClient, type NodeClientOptions } from '../src/node/index.ts'

export const ALICE: Did = `did:plc:${'alice'.padEnd(24, 'a')}`
export const BOB: Did = `did:plc:${'bob'.padEnd(24, 'a')}`
export const REDIRECT = 'http://127.0.0.1/callback'
export const SCOPE = 'atproto transition:generic'

/** What comes between a request and its answer: `lose` ends the connection after the server did its work, `hang` before. */
export type Intercept = (
  request: Request,
  answer: () => Promise<Response>,
) => Promise<Response | 'lose' | 'hang'> | Response

/** One machine of the network. */
export interface Host {
  readonly origin: string
  readonly oauth: OAuthServer
  readonly store: MemoryOAuthStore
  /** Path of each request that came. */
  readonly requests: string[]
  intercept: Intercept | null
  /** Milliseconds that its clock is ahead. */
  ahead: number
  close: () => Promise<void>
}

export interface World extends Host {
  /** Where accounts live, and by which handle; changed at will. */
  readonly accounts: Map<Did, { pds: string; handle: string }>
  readonly events: OAuthClientEvent[]
  /** Moves every clock, in seconds. */
  advance(seconds: number): void
  readonly now: () => number
  client(options?: Partial<NodeClientOptions>): OAuthClient
  host(options?: Partial<OAuthServerOptions>): Promise<Host>
  signIn(client: OAuthClient, who?: Did | string): Promise<OAuthSession>
}

/** The value of a result that has to be one. */
export function valueOf<T>(result: OAuthResult<T>): T {
  if (!result.ok) throw result.error
  return result.value
}

/** The code of a failure that has to be one, with what it says in parentheses where that is asked for. */
export function codeOf(result: OAuthResult<unknown>): string {
  return result.ok ? 'ok' : result.error.code
}

export async function createWorld(options: Partial<OAuthServerOptions> = {}): Promise<World> {
  let offset = 0
  const now = (): number => Date.now() + offset
  const accounts = new Map<Did, { pds: string; handle: string }>()
  const ends: (() => Promise<void>)[] = []
  const host = async (given: Partial<OAuthServerOptions> = {}): Promise<Host> => {
    const made = await createHost(now, accounts, given)
    ends.push(made.close)
    return made
  }
  const main = await host(options)
  accounts.set(ALICE, { pds: main.origin, handle: 'alice.example.com' })
  accounts.set(BOB, { pds: main.origin, handle: 'bob.example.com' })
  const events: OAuthClientEvent[] = []
  const resolve = createAccountResolver({
    dids: createDidResolver({ plcUrl: main.origin, allowLoopback: true }),
    handles: createHandleResolver({
      fetch: null,
      dns: async (name) => {
        const found = [...accounts].filter(([, { handle }]) => name === `_atproto.${handle}`)
        return { ok: true, value: found.map(([did]) => `did=${did}`) }
      },
    }),
  })
  return Object.assign(main, {
    accounts,
    events,
    now,
    host,
    advance: (seconds: number) => {
      offset += seconds * 1000
    },
    client: (given: Partial<NodeClientOptions> = {}) =>
      createNodeOAuthClient({
        metadata: createLoopbackMetadata({ redirectUri: REDIRECT, scope: SCOPE }),
        allowLoopback: true,
        resolve,
        now,
        timeoutMs: 3000,
        onEvent: (event) => events.push(event),
        ...given,
      }),
    signIn: async (client: OAuthClient, who: string = ALICE) => {
      const { url } = valueOf(await client.authorize(who))
      const back = await visit(url)
      return valueOf(await client.callback(back)).session
    },
    close: async () => {
      await Promise.all(ends.map((end) => end()))
    },
  })
}

/** Opens the page as a browser does; the account agrees. @returns where the browser is sent */
export async function visit(url: URL, who?: Did): Promise<URL> {
  const page = new URL(url)
  if (who !== undefined) page.searchParams.set('who', who)
  const response = await fetch(page, { redirect: 'manual' })
  const location = response.headers.get('location')
  expect(location, await response.text()).not.toBeNull()
  return new URL(location!)
}

async function createHost(
  now: () => number,
  accounts: ReadonlyMap<Did, { pds: string; handle: string }>,
  options: Partial<OAuthServerOptions>,
): Promise<Host> {
  let host: Host
  const server = createServer((incoming, outgoing) => {
    void serve(host, incoming, outgoing, accounts, () => now() + host.ahead)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = createMemoryOAuthStore()
  const oauth = createOAuthServer({
    issuer: origin,
    audience: () => 'did:web:pds.example.com',
    keys: createOAuthKeys([new Uint8Array(32).fill(7)]),
    store,
    accounts: { status: (did) => (accounts.has(did) ? 'active' : null) },
    fetch: async () => new Response('', { status: 404 }),
    now: () => now() + host.ahead,
    ...options,
  })
  host = {
    origin,
    oauth,
    store,
    requests: [],
    intercept: null,
    ahead: 0,
    close: () => closeServer(server),
  }
  return host
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

async function serve(
  host: Host,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  accounts: ReadonlyMap<Did, { pds: string; handle: string }>,
  clock: () => number,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = 'GET', url = '/' } = incoming
  const init: RequestInit = { method, headers: incoming.headers as Record<string, string> }
  if (method === 'POST') init.body = Buffer.concat(chunks)
  const request = new Request(host.origin + url, init)
  host.requests.push(new URL(request.url).pathname)
  const answer = (): Promise<Response> => respond(host, request, accounts)
  const response = host.intercept === null ? await answer() : await host.intercept(request, answer)
  if (response === 'lose') {
    outgoing.destroy()
    return
  }
  if (response === 'hang') return
  outgoing.writeHead(response.status, {
    date: new Date(clock()).toUTCString(),
    ...Object.fromEntries(response.headers),
  })
  outgoing.end(Buffer.from(await response.arrayBuffer()))
}

async function respond(
  { origin, oauth }: Host,
  request: Request,
  accounts: ReadonlyMap<Did, { pds: string; handle: string }>,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname.startsWith('/did:')) {
    const did = pathname.slice(1) as Did
    const account = accounts.get(did)
    if (account === undefined) return Response.json({}, { status: 404 })
    const service = [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: account.pds }]
    return Response.json({ id: did, alsoKnownAs: [`at://${account.handle}`], service })
  }
  if (pathname === '/oauth/authorize') {
    const who = (searchParams.get('who') ?? ALICE) as Did
    searchParams.delete('who')
    const page = { parameters: searchParams, device: 'browser' }
    const opened = await oauth.open(page)
    if (!opened.ok) return new Response(opened.error.message, { status: 400 })
    const scope = opened.value.scopes.length === 0 ? 'atproto' : SCOPE
    const back = await oauth.consent(page, { did: who, scope })
    if (!back.ok) return new Response(back.error.message, { status: 400 })
    return redirectResponse(back.value)
  }
  if (!pathname.startsWith('/xrpc/')) return oauth.fetch(request, { from: 'here' })
  const header = (name: string): string | null => request.headers.get(name)
  const access = await oauth.verifyAccess({ method: request.method, path: pathname, header })
  const { headers } = access
  if (!access.ok) return Response.json({ error: access.error.code, message: '' }, { status: 401, headers })
  const body = await request.text()
  return Response.json({ did: access.value.did, at: origin, body }, { headers })
}
