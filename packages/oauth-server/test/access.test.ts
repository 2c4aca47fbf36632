// The check of access tokens at the resource, with the words and headers that stock clients go by.
import { fuzzRounds } from '@avocet/testing'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import { readAccessToken, signAccessToken } from '../src/access-token.ts'
import {
  carriesDpopToken,
  createAccessVerifier,
  createDpopNonces,
  createMemoryOAuthStore,
  createOAuthKeys,
  type AccessResult,
  type OAuthSession,
} from '../src/index.ts'
import { readRefreshToken } from '../src/refresh-token.ts'
import {
  ALICE,
  AUDIENCE,
  BOB,
  createDevice,
  createTestClock,
  type Device,
  FUZZ_TIMEOUT,
  ISSUER,
  type ProofChanges,
  proved,
  SECRET,
  sessionOf,
} from './fixtures.ts'

const PATH = '/xrpc/com.example.get'
const PARTIES = { issuer: ISSUER, audience: () => AUDIENCE }
const keys = createOAuthKeys([SECRET])

let clock = createTestClock()
let store = createMemoryOAuthStore()
let device: Device
let session: OAuthSession
let token: string
let verify: ReturnType<typeof createAccessVerifier>
const nonce = (): string => createDpopNonces(keys, clock.now).current()

beforeEach(async () => {
  clock = createTestClock()
  store = createMemoryOAuthStore()
  device = await createDevice()
  session = sessionOf({ dpopThumbprint: device.thumbprint, permissions: 'atproto repo:*' })
  await store.apply([{ type: 'addSession', session, maxPerAccount: 5, maxPerClient: 5 }])
  token = await signAccessToken(keys, PARTIES, session, 900)
  verify = createAccessVerifier({ ...PARTIES, keys, sessions: store.sessions, now: clock.now })
})

/** A call with everything as it should be, but for what is given. */
async function call(
  changes: ProofChanges & { by?: Device; path?: string; token?: string; scheme?: string } = {},
): Promise<AccessResult> {
  const { by = device, path = PATH, scheme = 'DPoP' } = changes
  const shown = changes.token ?? token
  const proof = await by.prove('GET', ISSUER + path, {
    iat: clock.seconds(),
    nonce: nonce(),
    token: shown,
    ...changes,
  })
  return verify(proved('GET', PATH, { authorization: `${scheme} ${shown}`, dpop: proof }))
}

const challenge = (code: string, message: string): string =>
  `DPoP algs="ES256", error="${code}", error_description="${message}"`

/** A whole refusal, headers and all. */
function refusal(code: string, message: string, did: string | null = null): object {
  const headers = { 'www-authenticate': challenge(code, message), 'dpop-nonce': nonce() }
  return { ok: false, error: { code, message, status: 401, did, headers }, headers }
}

describe('a call with a token and its proof', () => {
  it('is let in, and told the nonce', async () => {
    expect(await call()).toEqual({
      ok: true,
      value: {
        did: ALICE,
        clientId: session.clientId,
        sessionId: session.id,
        permissions: 'atproto repo:*',
        expiresAt: session.refreshedAt + 900,
      },
      headers: { 'dpop-nonce': nonce() },
    })
    expect((await call({ scheme: 'dpop' })).ok).toBe(true)
  })

  it('is let in twenty times at once with one nonce', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => call()))
    expect(results.filter(({ ok }) => ok)).toHaveLength(20)
  })

  it('is let in until the token is over, and then not', async () => {
    clock.advance(899)
    expect((await call()).ok).toBe(true)
    clock.advance(1)
    expect(await call()).toEqual(refusal('invalid_token', 'Access token expired'))
  })

  it('is not let in once its session ended, though its token is good', async () => {
    expect((await call()).ok).toBe(true)
    await store.apply([{ type: 'endSession', id: session.id }])
    expect(await call()).toEqual(refusal('invalid_token', 'Session ended', ALICE))
    // Whoever does not hold the key learns nothing of whose it was.
    expect(await call({ by: await createDevice() })).toEqual(refusal('invalid_token', 'Session ended'))
  })

  it('is not let in when its session is over', async () => {
    const over = { ...session, expiresAt: clock.seconds() }
    verify = createAccessVerifier({ ...PARTIES, keys, sessions: { get: () => over }, now: clock.now })
    expect(await call()).toEqual(refusal('invalid_token', 'Session ended', ALICE))
  })

  it('has the permissions of its session as they are now', async () => {
    await call()
    const set = { permissions: 'atproto', refreshHash: 'H2', refreshedAt: 1, expiresAt: session.expiresAt }
    await store.apply([{ type: 'rotateSession', id: session.id, generation: 1, set }])
    expect(await call()).toMatchObject({ ok: true, value: { permissions: 'atproto' } })
  })
})

describe('a call that is refused', () => {
  it('for a token that is bound to another key', async () => {
    const thief = await createDevice()
    expect(await call({ by: thief })).toEqual(
      refusal('invalid_token', 'Access token is bound to another key'),
    )
  })

  it('for a proof that was used before, also with another header', async () => {
    const proof = await device.prove('GET', ISSUER + PATH, { iat: clock.seconds(), nonce: nonce(), token })
    const request = proved('GET', PATH, { authorization: `DPoP ${token}`, dpop: proof })
    expect((await verify(request)).ok).toBe(true)
    expect(await verify(request)).toEqual(refusal('invalid_dpop_proof', 'DPoP proof was used before'))
  })

  it('for no nonce, and for one that is too old', async () => {
    expect(await call({ claims: { nonce: undefined } })).toEqual(
      refusal('use_dpop_nonce', 'Authorization server requires nonce in DPoP proof'),
    )
    expect(await call({ claims: { nonce: 'made up' } })).toEqual(
      refusal('use_dpop_nonce', 'DPoP proof with a nonce that is too old'),
    )
  })

  it('for a proof without ath, or with that of another token', async () => {
    const message = 'DPoP proof with an ath that is not of this access token'
    expect(await call({ claims: { ath: undefined } })).toEqual(refusal('invalid_dpop_proof', message))
    expect(await call({ claims: { ath: 'x' } })).toEqual(refusal('invalid_dpop_proof', message))
  })

  it('for no proof', async () => {
    const result = await verify(proved('GET', PATH, { authorization: `DPoP ${token}` }))
    expect(result).toEqual(refusal('invalid_dpop_proof', 'DPoP proof required'))
  })

  it('for a token that is none of this server', async () => {
    const others = createOAuthKeys([new Uint8Array(32).fill(8)])
    const message = 'Invalid access token'
    for (const other of [
      await signAccessToken(others, PARTIES, session, 900),
      await signAccessToken(keys, { ...PARTIES, issuer: 'https://other.example.com' }, session, 900),
      await signAccessToken(keys, { ...PARTIES, audience: () => 'did:web:other.example' }, session, 900),
      await signAccessToken(keys, PARTIES, { ...session, did: BOB }, 900),
      'made.up.token',
      'x'.repeat(5000),
    ]) {
      expect(await call({ token: other })).toEqual(refusal('invalid_token', message))
    }
  })

  it('for an authorization that is no token at all', async () => {
    const dpop = await device.prove('GET', ISSUER + PATH, { iat: clock.seconds(), nonce: nonce(), token })
    for (const authorization of ['DPoP', 'DPoP ', 'DPoP a b', `Bearer ${token}`, 'DPoP "quote"']) {
      const result = await verify(proved('GET', PATH, { authorization, dpop }))
      expect(result).toEqual(refusal('invalid_token', 'Malformed access token'))
    }
    expect(await verify(proved('GET', PATH, { dpop }))).toEqual(
      refusal('invalid_token', 'Malformed access token'),
    )
  })
})

it('tells requests with such a token from others', () => {
  const carries = (authorization?: string): boolean =>
    carriesDpopToken(proved('GET', PATH, authorization === undefined ? {} : { authorization }))
  expect(['DPoP x', 'dpop x', 'DPoP'].map(carries)).toEqual([true, true, true])
  expect([undefined, 'Bearer x', 'DPoPx', 'x DPoP y'].map(carries)).toEqual([false, false, false, false])
})

it('takes tokens of a former secret', async () => {
  const next = createOAuthKeys([new Uint8Array(32).fill(9), SECRET])
  verify = createAccessVerifier({ ...PARTIES, keys: next, sessions: store.sessions, now: clock.now })
  const proof = await device.prove('GET', ISSUER + PATH, {
    iat: clock.seconds(),
    nonce: createDpopNonces(next, clock.now).current(),
    token,
  })
  expect((await verify(proved('GET', PATH, { authorization: `DPoP ${token}`, dpop: proof }))).ok).toBe(true)
})

describe('whatever a stranger sends as a token', () => {
  it(
    'is none, whatever its claims, and nothing throws',
    async () => {
      const signed = fc.jsonValue().map((claims) => keys.sign(JSON.stringify(claims)))
      const part = fc.oneof(
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
        fc.string(),
        fc.constant(Buffer.from('{"alg":"HS256","typ":"at+jwt"}').toString('base64url')),
      )
      const made = fc.array(part, { maxLength: 4 }).map((parts) => Promise.resolve(parts.join('.')))
      await fc.assert(
        fc.asyncProperty(fc.oneof(signed, made), async (text) => {
          expect(await readAccessToken(keys, PARTIES, await text)).toBeNull()
          expect(readRefreshToken(keys, await text)).toBeNull()
          const result = await verify(proved('GET', PATH, { authorization: `DPoP ${await text}` }))
          expect(result.ok ? '' : result.error.code).toMatch(/^invalid_(token|dpop_proof)$/)
        }),
        { numRuns: fuzzRounds(200, 120_000) },
      )
    },
    FUZZ_TIMEOUT,
  )
})
