// A server in memory, the documents of clients that it can reach, and apps that talk to it as stock clients do.
import { generateKeyPair, exportJWK, SignJWT, type JWK } from 'jose'
import { randomBytes } from 'node:crypto'

import { sha256 } from '../src/keys.ts'
import {
  createMemoryOAuthStore,
  createOAuthKeys,
  createOAuthServer,
  type AccountStatus,
  type AuthorizationRedirect,
  type MemoryOAuthStore,
  type OAuthEvent,
  type OAuthServer,
  type OAuthServerOptions,
  type OAuthStore,
} from '../src/index.ts'
import {
  ALICE,
  AUDIENCE,
  createDevice,
  createTestClock,
  ISSUER,
  SECRET,
  type Device,
  type ProofChanges,
  type TestClock,
} from './fixtures.ts'

export const PUBLIC_ID = 'https://app.example.com/oauth-client-metadata.json'
export const CONFIDENTIAL_ID = 'https://web.example.com/client.json'
export const REDIRECT = 'https://app.example.com/callback'
export const WEB_REDIRECT = 'https://web.example.com/callback'
export const LOOPBACK_ID =
  'http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb&scope=atproto+transition%3Ageneric'
/** The browser in which somebody signs in. */
export const BROWSER = 'browser of alice'

/** The document of a public client on the web. */
export function publicDocument(changes: object = {}): Record<string, unknown> {
  return {
    client_id: PUBLIC_ID,
    client_name: 'App',
    redirect_uris: [REDIRECT],
    scope:
      'atproto transition:generic repo:com.example.post account:email include:com.example.authAll space:x',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
    dpop_bound_access_tokens: true,
    ...changes,
  }
}

/** The same of one that signs with a key. */
export function confidentialDocument(jwks: object | string, changes: object = {}): Record<string, unknown> {
  return publicDocument({
    client_id: CONFIDENTIAL_ID,
    redirect_uris: [WEB_REDIRECT],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    ...(typeof jwks === 'string' ? { jwks_uri: jwks } : { jwks }),
    ...changes,
  })
}

/** What a host answers: a document, an answer, or a failure. */
export type Hosted = Record<string, unknown> | Response | Error | (() => Promise<Response>)

/** A server with what is around it. */
export interface World {
  readonly server: OAuthServer
  readonly store: MemoryOAuthStore
  readonly clock: TestClock
  /** By URL: what is served, changed at will. */
  readonly hosted: Map<string, Hosted>
  /** Every URL that was fetched. */
  readonly fetched: string[]
  readonly accounts: Map<string, AccountStatus>
  readonly events: OAuthEvent[]
  readonly errors: unknown[]
}

export function createWorld(
  options: Partial<OAuthServerOptions> & { readonly store?: OAuthStore } = {},
): World {
  const clock = createTestClock()
  const store = createMemoryOAuthStore()
  const hosted = new Map<string, Hosted>([[PUBLIC_ID, publicDocument()]])
  const fetched: string[] = []
  const accounts = new Map<string, AccountStatus>([[ALICE, 'active']])
  const events: OAuthEvent[] = []
  const errors: unknown[] = []
  const server = createOAuthServer({
    issuer: ISSUER,
    audience: () => AUDIENCE,
    keys: createOAuthKeys([SECRET]),
    store,
    accounts: { status: (did) => accounts.get(did) ?? null },
    fetch: async (url) => {
      fetched.push(url)
      const found = hosted.get(url)
      if (typeof found === 'function') return found()
      if (found instanceof Response) return found
      if (found instanceof Error) throw found
      return found === undefined ? new Response('', { status: 404 }) : Response.json(found)
    },
    now: clock.now,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...options,
  })
  return { server, store, clock, hosted, fetched, accounts, events, errors }
}

/** An answer of an endpoint. */
export interface Answered {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

export type Fields = Readonly<Record<string, string | undefined>>

/** How a call differs from one of a stock client. */
export interface CallChanges extends ProofChanges {
  /** No proof, or another one in its place. */
  readonly proof?: string | null
  readonly nonce?: string
  readonly by?: Device
  readonly json?: boolean
  readonly from?: string
}

/** The nonce that a server hands out now. */
export async function nonceOf({ server }: Pick<World, 'server'>): Promise<string> {
  const answer = await server.fetch(new Request(`${ISSUER}/oauth/token`, { method: 'POST' }))
  return answer.headers.get('dpop-nonce')!
}

/** Calls an endpoint by a form, with a proof that fits. */
export async function post(
  world: World,
  path: string,
  fields: Fields,
  device: Device,
  changes: CallChanges = {},
): Promise<Answered> {
  const headers: Record<string, string> = {}
  if (changes.proof !== null) {
    headers['dpop'] =
      changes.proof ??
      (await (changes.by ?? device).prove('POST', ISSUER + path, {
        iat: world.clock.seconds(),
        nonce: changes.nonce ?? (await nonceOf(world)),
        ...changes,
      }))
  }
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const body = changes.json === true ? JSON.stringify(Object.fromEntries(given)) : new URLSearchParams(given)
  if (changes.json === true) headers['content-type'] = 'application/json'
  const request = new Request(ISSUER + path, { method: 'POST', headers, body })
  return answered(await world.server.fetch(request, { from: changes.from ?? 'network of alice' }))
}

export async function answered(response: Response): Promise<Answered> {
  const text = await response.text()
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  return { status: response.status, body, headers: response.headers }
}

/** What is wrong with an answer, in short: its status and word. */
export const refusal = ({ status, body }: Answered): string => `${status} ${String(body['error'])}`

/** A client's signing key. */
export interface Signer {
  readonly jwk: JWK
  readonly privateKey: CryptoKey
  assert(clock: TestClock, changes?: ProofChanges): Promise<string>
}

export async function createSigner(kid = 'key-1', clientId = CONFIDENTIAL_ID): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' }
  return {
    jwk,
    privateKey,
    assert: (clock, { claims = {}, header = {} } = {}) => {
      const iat = clock.seconds()
      const all = { iss: clientId, sub: clientId, aud: ISSUER, jti: crypto.randomUUID(), iat, exp: iat + 60 }
      const given = Object.entries({ ...all, ...claims }).filter(([, value]) => value !== undefined)
      return new SignJWT(Object.fromEntries(given))
        .setProtectedHeader({ alg: 'ES256', kid, ...header })
        .sign(privateKey)
    },
  }
}

/** An app as a stock client is one: one DPoP key, PKCE, a redirect. */
export interface App {
  readonly clientId: string
  readonly device: Device
  /** Fields of a push that is right. */
  pushFields(changes?: Fields): Promise<Fields>
  push(changes?: Fields, call?: CallChanges): Promise<Answered>
  /** The request as its page gets it. */
  visit(requestUri: unknown, device?: string): { parameters: URLSearchParams; device: string }
  /** Pushes, opens, agrees: gives the code. */
  code(changes?: Fields, scope?: string): Promise<string>
  exchange(code: string, changes?: Fields, call?: CallChanges): Promise<Answered>
  /** All of it: gives the tokens. */
  signIn(changes?: Fields): Promise<Tokens>
  refresh(token: unknown, changes?: Fields, call?: CallChanges): Promise<Answered>
  revoke(token: unknown, changes?: Fields): Promise<Answered>
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
  readonly body: Record<string, unknown>
}

/** @param signer of a client that proves who it is */
export async function createApp(
  world: World,
  options: { clientId?: string; redirect?: string; signer?: Signer; scope?: string } = {},
): Promise<App> {
  const { clientId = PUBLIC_ID, redirect = REDIRECT, signer, scope = 'atproto transition:generic' } = options
  const device = await createDevice()
  let verifier = ''
  const assertion = async (): Promise<Fields> =>
    signer === undefined
      ? {}
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await signer.assert(world.clock),
        }
  const app: App = {
    clientId,
    device,
    pushFields: async (changes = {}) => {
      verifier = randomBytes(32).toString('base64url')
      return {
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirect,
        scope,
        state: 'state',
        code_challenge: sha256(verifier),
        code_challenge_method: 'S256',
        ...(await assertion()),
        ...changes,
      }
    },
    push: async (changes, call) => post(world, '/oauth/par', await app.pushFields(changes), device, call),
    visit: (requestUri, browser = BROWSER) => ({
      parameters: new URLSearchParams({ client_id: clientId, request_uri: String(requestUri) }),
      device: browser,
    }),
    code: async (changes, granted = scope) => {
      const pushed = await app.push(changes)
      if (pushed.status !== 201) throw new Error(JSON.stringify(pushed.body))
      const visit = app.visit(pushed.body['request_uri'])
      const page = await world.server.open(visit)
      if (!page.ok) throw new Error(page.error.message)
      const back = await world.server.consent(visit, { did: ALICE, scope: granted })
      if (!back.ok) throw new Error(back.error.message)
      return valueOf(back.value, 'code')!
    },
    exchange: async (code, changes = {}, call) => {
      const fields = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        redirect_uri: redirect,
        code_verifier: verifier,
        ...(await assertion()),
        ...changes,
      }
      return post(world, '/oauth/token', fields, device, call)
    },
    signIn: async (changes) => {
      const { status, body } = await app.exchange(await app.code(changes, changes?.['scope'] ?? scope))
      if (status !== 200) throw new Error(JSON.stringify(body))
      return { access: String(body['access_token']), refresh: String(body['refresh_token']), body }
    },
    refresh: async (token, changes = {}, call) => {
      const fields = {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: String(token),
        ...(await assertion()),
        ...changes,
      }
      return post(world, '/oauth/token', fields, device, call)
    },
    revoke: async (token, changes = {}) => {
      const fields = { client_id: clientId, token: String(token), ...(await assertion()), ...changes }
      return post(world, '/oauth/revoke', fields, device, { proof: null })
    },
  }
  return app
}

/** A parameter of the way back. */
export function valueOf({ parameters }: AuthorizationRedirect, name: string): string | undefined {
  return parameters.find(([key]) => key === name)?.[1]
}

/** Calls a resource with a token: the word of the refusal, or `ok`. */
export async function callResource(world: World, device: Device, token: string): Promise<string> {
  const path = '/xrpc/com.example.get'
  const proof = await device.prove('GET', ISSUER + path, {
    iat: world.clock.seconds(),
    nonce: await nonceOf(world),
    token,
  })
  const headers = new Map([
    ['authorization', `DPoP ${token}`],
    ['dpop', proof],
  ])
  const result = await world.server.verifyAccess({
    method: 'GET',
    path,
    header: (name) => headers.get(name) ?? null,
  })
  return result.ok ? 'ok' : result.error.code
}
