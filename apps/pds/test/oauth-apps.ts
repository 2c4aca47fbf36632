import { createHash, randomBytes, randomUUID } from 'node:crypto'

import {
  createAccessVerifier,
  createDpopNonces,
  createMemoryOAuthStore,
  createOAuthKeys,
  type OAuthSession,
  type VerifyAccess,
} from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'

import type { AppTokens } from '../src/app.ts'
import { failure, type Answer, type CallOptions, type TestNetwork } from './network.ts'

/** What a proof says that is not as it should be: claims and header fields, `undefined` to leave one out. */
export interface ProofChanges {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  /** Shown in the place of the app's own. */
  readonly token?: string
}

/** A key of an app, and what it signs. */
export interface AppKey {
  readonly jwk: JWK
  readonly thumbprint: string
  /** A proof for one call. */
  prove(method: string, nsid: string, token: string, changes?: ProofChanges): Promise<string>
}

/** An app that an account let in. */
export interface TestApp {
  readonly token: string
  readonly sessionId: string
  readonly clientId: string
  readonly key: AppKey
  /** What it sends with a call. */
  headers(method: string, nsid: string, changes?: ProofChanges): Promise<Record<string, string>>
}

/** Apps with sessions of `@avocet/oauth-server`, in memory, at one server. */
export interface TestApps {
  readonly appTokens: AppTokens
  /** Where the server is, once that is known. */
  serve(net: TestNetwork): void
  newKey(): Promise<AppKey>
  /** @param permissions what was granted, expanded */
  signIn(did: string, permissions: string, changes?: Partial<OAuthSession>): Promise<TestApp>
  /** Ends a session, as a sign-out does. */
  end(sessionId: string): Promise<void>
  nonce(): string
}

const seconds = (): number => Math.floor(Date.now() / 1000)
const without = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

export function createTestApps(): TestApps {
  const keys = createOAuthKeys([randomBytes(32)])
  const nonces = createDpopNonces(keys)
  const store = createMemoryOAuthStore()
  let issuer = ''
  let verify: VerifyAccess | undefined
  const audience = (): string => `did:web:${encodeURIComponent(new URL(issuer).host)}`

  const newKey = async (): Promise<AppKey> => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    return {
      jwk,
      thumbprint: await calculateJwkThumbprint(jwk),
      prove: (method, nsid, token, { claims = {}, header = {} } = {}) =>
        new SignJWT(
          without({
            jti: randomUUID(),
            htm: method,
            htu: `${issuer}/xrpc/${nsid}`,
            iat: seconds(),
            nonce: nonces.current(),
            ath: createHash('sha256').update(token).digest('base64url'),
            ...claims,
          }),
        )
          .setProtectedHeader(without({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }) as never)
          .sign(privateKey),
    }
  }

  return {
    appTokens: { nonces, verifyAccess: (request) => verify!(request) },
    serve: ({ pds }) => {
      issuer = `http://localhost:${pds.port}`
      verify = createAccessVerifier({ issuer, audience, keys, sessions: store.sessions })
    },
    newKey,
    signIn: async (did, permissions, changes = {}) => {
      const key = await newKey()
      const id = randomBytes(16).toString('hex')
      const clientId = 'https://app.example.com/client.json'
      const session: OAuthSession = {
        id,
        did: did as Did,
        clientId,
        clientKey: null,
        dpopThumbprint: key.thumbprint,
        scope: permissions,
        permissions,
        codeHash: id,
        device: 'device',
        createdAt: seconds(),
        generation: 1,
        refreshHash: id,
        refreshedAt: seconds(),
        expiresAt: seconds() + 86_400,
        ...changes,
      }
      await store.apply([{ type: 'addSession', session, maxPerAccount: 1000, maxPerClient: 1000 }])
      const token = await keys.sign(
        JSON.stringify({
          iss: issuer,
          aud: audience(),
          sub: did,
          client_id: clientId,
          exp: seconds() + 900,
          sid: id,
          cnf: { jkt: key.thumbprint },
        }),
      )
      return {
        token,
        sessionId: id,
        clientId,
        key,
        headers: async (method, nsid, change = {}) => {
          const shown = change.token ?? token
          return { authorization: `DPoP ${shown}`, dpop: await key.prove(method, nsid, shown, change) }
        },
      }
    },
    end: async (id) => {
      await store.apply([{ type: 'endSession', id }])
    },
    nonce: () => nonces.current(),
  }
}

/** Calls of apps at one server, and what they are answered. */
export interface AppCalls {
  /** GET of a query. What its proof says otherwise goes with its options. */
  readonly get: (by: TestApp, nsid: string, options?: CallOptions & ProofChanges) => Promise<Answer>
  /** POST of a procedure. */
  readonly send: (by: TestApp, nsid: string, options?: CallOptions) => Promise<Answer>
  /** Status and name of a refusal, the word in its challenge (or the challenge as it is), and the nonce. */
  readonly refused: (answer: Answer) => unknown[]
  /** What `refused` says of a 401 with this word. */
  readonly refusal: (word: string) => unknown[]
}

export function appCalls(net: () => TestNetwork, apps: TestApps): AppCalls {
  return {
    get: async (by, nsid, options = {}) => {
      const { claims, header, token, headers, ...rest } = options
      const changes = { ...(claims && { claims }), ...(header && { header }), ...(token && { token }) }
      return net().get(nsid, {
        ...rest,
        headers: { ...headers, ...(await by.headers('GET', nsid, changes)) },
      })
    },
    send: async (by, nsid, options = {}) =>
      net().post(nsid, { ...options, headers: { ...options.headers, ...(await by.headers('POST', nsid)) } }),
    refused: (answer) => {
      const challenge = answer.headers.get('www-authenticate')
      const word = /^DPoP algs="ES256", error="(\w+)", error_description="[^"]+"$/.exec(challenge ?? '')?.[1]
      return [failure(answer), word ?? challenge, answer.headers.get('dpop-nonce')]
    },
    refusal: (word) => [`401 ${word}`, word, apps.nonce()],
  }
}
