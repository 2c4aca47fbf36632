// An app with a DPoP key, and an account that lets it in by the pages of the server: no browser is needed for either server.
import { generateKeyPairSync, hash, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'

import type { Agree, Owner } from '@avocet/testing/oauth-pages'

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

const REDIRECT = 'http://127.0.0.1:8080/callback'
const SCOPE = 'atproto transition:generic'

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
  const query = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri })
  const back = await agree(new URL(`/oauth/authorize?${query}`, origin), owner)
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
