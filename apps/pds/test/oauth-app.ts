// An app on somebody's device, which signs in as the specification says: pushed request, PKCE, DPoP.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { createHash, randomBytes } from 'node:crypto'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What a request of the app answered. */
export interface AppAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
}

/** Where the browser has to go, and how the code becomes tokens. */
export interface AppRequest {
  readonly url: string
  readonly parameters: Readonly<Record<string, string>>
  /** Of the way back. */
  exchange(code: string): Promise<AppAnswer>
}

/** What a proof says that is not as it should be: claims and header fields, `undefined` to leave one out. */
export interface OddProof {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  /** The access token that it names. */
  readonly token?: string
}

/** An app with a key of its own. */
export interface TestApp {
  readonly clientId: string
  readonly redirectUri: string
  readonly jwk: JWK
  readonly thumbprint: string
  /** A proof with the newest nonce. */
  prove(method: string, path: string, odd?: OddProof): Promise<string>
  /** POST to an endpoint with these headers and no others, once. */
  once(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
  ): Promise<AppAnswer>
  push(more?: Readonly<Record<string, string>>): Promise<AppAnswer>
  begin(more?: Readonly<Record<string, string>>): Promise<AppRequest>
  /** POST to an endpoint of OAuth, with a proof. */
  post(path: string, fields: Readonly<Record<string, string>>): Promise<AppAnswer>
  /** A call of a method. */
  call(nsid: string, token: string, input?: object): Promise<AppAnswer>
}

/** An app that asks for these scopes, on the device of its user unless it has a document elsewhere. */
export async function createApp(
  origin: () => string,
  scope: string,
  document?: {
    readonly clientId: string
    readonly redirectUri: string
    /** What it proves itself with, where it has keys of its own. */
    readonly assertion?: () => Promise<string>
  },
): Promise<TestApp> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk: JWK = await exportJWK(publicKey)
  const redirectUri = document?.redirectUri ?? 'http://127.0.0.1:8080/callback'
  const clientId =
    document?.clientId ??
    `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope }).toString()}`
  let nonce: string | undefined

  const prove: TestApp['prove'] = (htm, path, { claims = {}, header = {}, token } = {}) => {
    const ath = token === undefined ? undefined : sha256(token)
    const jti = randomBytes(8).toString('hex')
    const iat = Math.floor(Date.now() / 1000)
    const said = { jti, htm, htu: origin() + path, iat, nonce, ath, ...claims }
    const kept = Object.entries(said).filter(([, value]) => value !== undefined)
    return new SignJWT(Object.fromEntries(kept))
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
      .sign(privateKey)
  }
  const send = async (path: string, init: RequestInit): Promise<AppAnswer> => {
    const response = await fetch(origin() + path, init)
    nonce = response.headers.get('dpop-nonce') ?? nonce
    const answer = await response.text()
    const body = answer === '' ? undefined : JSON.parse(answer)
    return { status: response.status, headers: response.headers, body }
  }
  const ask = async (
    method: string,
    path: string,
    init: { headers: Record<string, string>; body?: string },
  ) => {
    for (let attempt = 0; ; attempt++) {
      const { headers } = init
      const token = /^DPoP (.*)$/.exec(headers['authorization'] ?? '')?.[1]
      const dpop = await prove(method, path, token === undefined ? {} : { token })
      const answer = await send(path, { method, ...init, headers: { ...headers, dpop } })
      const isNonce =
        answer.body?.error === 'use_dpop_nonce' ||
        (answer.headers.get('www-authenticate') ?? '').includes('use_dpop_nonce')
      if (!isNonce || attempt > 0) return answer
    }
  }
  const formOf = (fields: Readonly<Record<string, string>>) =>
    new URLSearchParams({ client_id: clientId, ...fields }).toString()
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
  const post: TestApp['post'] = async (path, fields) => {
    const proof =
      document?.assertion === undefined
        ? {}
        : { client_assertion_type: JWT_BEARER, client_assertion: await document.assertion() }
    return ask('POST', path, { headers: FORM, body: formOf({ ...proof, ...fields }) })
  }
  const verifiers = new Map<string, string>()
  const push: TestApp['push'] = async (more = {}) => {
    const verifier = randomBytes(32).toString('base64url')
    const answer = await post('/oauth/par', {
      response_type: 'code',
      redirect_uri: redirectUri,
      scope,
      state: 'state',
      code_challenge: sha256(verifier),
      code_challenge_method: 'S256',
      ...more,
    })
    if (answer.status === 201) verifiers.set(answer.body.request_uri, verifier)
    return answer
  }
  return {
    clientId,
    redirectUri,
    jwk,
    thumbprint: await calculateJwkThumbprint(jwk),
    prove,
    once: (path, fields, headers) =>
      send(path, { method: 'POST', headers: { ...FORM, ...headers }, body: formOf(fields) }),
    push,
    post,
    begin: async (more) => {
      const answer = await push(more)
      if (answer.status !== 201) throw new Error(`par: ${answer.status} ${JSON.stringify(answer.body)}`)
      const parameters = { client_id: clientId, request_uri: answer.body.request_uri as string }
      return {
        parameters,
        url: `${origin()}/oauth/authorize?${new URLSearchParams(parameters).toString()}`,
        exchange: (code) =>
          post('/oauth/token', {
            grant_type: 'authorization_code',
            code,
            redirect_uri: redirectUri,
            code_verifier: verifiers.get(parameters.request_uri)!,
          }),
      }
    },
    call: (nsid, token, input) =>
      ask(input === undefined ? 'GET' : 'POST', `/xrpc/${nsid}`, {
        headers: {
          authorization: `DPoP ${token}`,
          ...(input === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(input === undefined ? {} : { body: JSON.stringify(input) }),
      }),
  }
}
