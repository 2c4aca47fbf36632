// oauth4webapi as a judge: it reads every answer of an authorization server by the letter of the RFCs, and throws at what is not so.
import { randomBytes } from 'node:crypto'

import * as oauth from 'oauth4webapi'
import { expect } from 'vitest'

const INSECURE = { [oauth.allowInsecureRequests]: true }
export const REDIRECT = 'http://127.0.0.1:49152/callback'
export const JUDGED_SCOPE = 'atproto transition:generic'

/** The server that is judged. */
export interface Judged {
  readonly origin: string
  /** A path of a resource that takes its tokens, by GET. */
  readonly resource: string
  /** What becomes of a page: an account agrees, or declines; gives the URL that the browser is sent back to. */
  readonly answer: (url: URL, agrees: boolean) => Promise<URL>
}

/** With the nonce that the first answer asks for. */
async function again<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return run()
  }
}

/** What an answer refuses: the error and status that the judge read in it. */
async function refused(run: () => Promise<unknown>): Promise<unknown[]> {
  const error: unknown = await again(run).catch((cause: unknown) => cause)
  if (error instanceof oauth.ResponseBodyError) return [error.status, error.error]
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return [error.status, ...error.cause.map(({ scheme, parameters }) => `${scheme} ${parameters.error}`)]
  }
  throw error
}

/** The whole way of an app, and each refusal on it. @returns what the judge read of the tokens */
export async function judge({ origin, resource, answer }: Judged): Promise<oauth.TokenEndpointResponse> {
  const issuer = new URL(origin)
  const discovery = { ...INSECURE, algorithm: 'oauth2' } as const
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, discovery))
  const described = await oauth.processResourceDiscoveryResponse(
    issuer,
    await oauth.resourceDiscoveryRequest(issuer, INSECURE),
  )
  expect(described.authorization_servers).toEqual([origin])

  const query = new URLSearchParams({ redirect_uri: REDIRECT, scope: JUDGED_SCOPE })
  const client: oauth.Client = { client_id: `http://localhost?${query.toString()}` }
  const auth = oauth.None()
  const keys = await oauth.generateKeyPair('ES256')
  const options = { ...INSECURE, DPoP: oauth.DPoP(client, keys) }
  const push = async (changes: Record<string, string> = {}, by = client, how = options) => {
    const verifier = oauth.generateRandomCodeVerifier()
    const parameters = new URLSearchParams({
      response_type: 'code',
      redirect_uri: REDIRECT,
      scope: JUDGED_SCOPE,
      state: oauth.generateRandomState(),
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...changes,
    })
    const pushed = await again(async () =>
      oauth.processPushedAuthorizationResponse(
        as,
        by,
        await oauth.pushedAuthorizationRequest(as, by, auth, parameters, how),
      ),
    )
    const url = new URL(as.authorization_endpoint!)
    url.searchParams.set('client_id', by.client_id)
    url.searchParams.set('request_uri', pushed.request_uri)
    return { url, verifier, state: parameters.get('state')! }
  }
  /** An app whose clock is an hour behind: its proofs are too old. */
  const late = { ...client, [oauth.clockSkew]: -3600 }
  const lateOptions = { ...INSECURE, DPoP: oauth.DPoP(late, keys) }

  expect(await refused(() => push({ redirect_uri: 'http://localhost:49152/callback' }))).toEqual([
    400,
    'invalid_redirect_uri',
  ])
  expect(await refused(() => push({ scope: 'atproto repo:%' }))).toEqual([400, 'invalid_scope'])
  expect(await refused(() => push({ code_challenge_method: 'plain' }))).toEqual([400, 'invalid_request'])
  expect(await refused(() => push({ response_type: 'token' }))).toEqual([400, 'unsupported_response_type'])
  const nobody = { client_id: 'https://127.0.0.1/client.json' }
  expect(await refused(() => push({}, nobody))).toEqual([400, 'invalid_client_id'])
  expect(await refused(() => push({}, late, lateOptions))).toEqual([400, 'invalid_dpop_proof'])

  const declined = await push({ prompt: 'login' })
  const no = await answer(declined.url, false)
  expect(() => oauth.validateAuthResponse(as, client, no, declined.state)).toThrow(
    expect.objectContaining({ error: 'access_denied' }) as Error,
  )

  const { url, verifier, state } = await push()
  const back = oauth.validateAuthResponse(as, client, await answer(url, true), state)
  const exchange = async (shown = verifier) =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, auth, back, REDIRECT, shown, options),
    )
  const tokens = await again(() => exchange())

  const call = async (token: string, how: object = options): Promise<number> =>
    (
      await again(() =>
        oauth.protectedResourceRequest(token, 'GET', new URL(resource, origin), undefined, undefined, how),
      )
    ).status
  const renew = async (token: string) =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, token, options),
    )
  const revoke = async (token: string) =>
    oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, INSECURE))
  const grant = async (type: string) =>
    oauth.processGenericTokenEndpointResponse(
      as,
      client,
      await oauth.genericTokenEndpointRequest(as, client, auth, type, new URLSearchParams(), options),
    )

  expect(await call(tokens.access_token)).toBe(200)
  expect(await refused(() => call(tokens.access_token, lateOptions))).toEqual([
    401,
    'dpop invalid_dpop_proof',
  ])
  expect(await refused(() => call('garbage'))).toEqual([401, 'dpop invalid_token'])
  expect(await refused(() => grant('password'))).toEqual([400, 'unsupported_grant_type'])
  expect(await refused(() => renew(`ref-${randomBytes(16).toString('hex')}`))).toEqual([400, 'invalid_grant'])

  const renewed = await again(() => renew(tokens.refresh_token!))
  expect(await call(renewed.access_token)).toBe(200)
  await revoke('garbage')
  expect(await call(renewed.access_token)).toBe(200)
  await revoke(renewed.refresh_token!)
  expect(await refused(() => call(renewed.access_token))).toEqual([401, 'dpop invalid_token'])
  expect(await refused(() => renew(renewed.refresh_token!))).toEqual([400, 'invalid_grant'])

  // A code that is used twice ends what it gave.
  expect(await refused(() => exchange())).toEqual([400, 'invalid_grant'])
  return tokens
}
