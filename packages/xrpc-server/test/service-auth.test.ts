// Methods that other services call: who calls is what a token says, signed by the key of its issuer.
import { createKeypair, formatMultikey } from '@avocet/crypto'
import { DidError, parseDidDocument, type DidResult, type DidDocument } from '@avocet/did'
import { createReplayGuard, createServiceJwt, type ServiceJwtOptions } from '@avocet/service-auth'
import { describe, expect, it } from 'vitest'
import { createRouter, printFailure } from '../src/index.ts'
import { serviceAuth, type ServiceAuthOptions } from '../src/service-auth/index.ts'
import { catalog } from './methods.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const audience = 'did:web:feed.example.com'
const nsid = 'com.example.echo'
const [key, labelKey, oldKey] = [createKeypair('k256'), createKeypair('p256'), createKeypair('k256')]

function documentOf(keys: Record<string, typeof key>): DidResult<DidDocument> {
  return parseDidDocument({
    id: did,
    verificationMethod: Object.entries(keys).map(([fragment, { publicKey }]) => ({
      id: `#${fragment}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: formatMultikey(publicKey),
    })),
  })
}

type Asked = { did: string; forced: boolean }

function server(
  answer: (asked: Asked) => DidResult<DidDocument>,
  options: Partial<ServiceAuthOptions> = {},
): {
  asked: Asked[]
  call: (authorization?: string) => Promise<{ status: number; body: unknown; headers: Headers }>
} {
  const asked: Asked[] = []
  const dids: ServiceAuthOptions['dids'] = {
    resolve: async (of, { forceRefresh = false } = {}) => {
      asked.push({ did: of, forced: forceRefresh })
      return answer(asked.at(-1)!)
    },
  }
  const router = createRouter({ catalog, validateOutput: false, onError: printFailure }).add(nsid, {
    auth: serviceAuth({ dids, audience, ...options }),
    handler: ({ auth }) => ({ text: auth.did, iss: auth.iss }),
  })
  return {
    asked,
    async call(authorization) {
      const headers = authorization === undefined ? {} : { authorization }
      const response = await router.fetch(new Request(`http://x/xrpc/${nsid}?text=a`, { headers }))
      return { status: response.status, body: await response.json(), headers: response.headers }
    },
  }
}

const current = (): DidResult<DidDocument> => documentOf({ atproto: key, atproto_label: labelKey })
const token = (change: Partial<ServiceJwtOptions> = {}): Promise<string> =>
  createServiceJwt({ iss: did, aud: audience, lxm: nsid, signer: key, ...change })
const bearer = async (change: Partial<ServiceJwtOptions> = {}): Promise<string> =>
  `Bearer ${await token(change)}`

describe('serviceAuth', () => {
  it('gives the handler who calls', async () => {
    const { call, asked } = server(current)
    expect(await call(await bearer())).toMatchObject({ status: 200, body: { text: did, iss: did } })
    expect(asked).toEqual([{ did, forced: false }])
  })

  it.each([
    ['no token', undefined, 'AuthMissing'],
    ['another scheme', 'Basic YTpi', 'AuthMissing'],
    ['no JWT', 'Bearer nonsense', 'BadJwt'],
    ['another audience', { aud: 'did:web:other.example.com' }, 'BadJwtAudience'],
    ['a service of the audience that was not named', { aud: `${audience}#bsky_fg` }, 'BadJwtAudience'],
    ['another method', { lxm: 'com.example.put' }, 'BadJwtLexiconMethod'],
    ['no method', { lxm: null }, 'BadJwtLexiconMethod'],
    ['a token of yesterday', { now: () => Date.now() - 86_400_000 }, 'JwtExpired'],
    ['an issuer that is no DID', { iss: 'alice.example.com' }, 'BadJwtIss'],
    ['another key', { signer: oldKey }, 'BadJwtSignature'],
  ] as const)('refuses %s with its name and a challenge', async (_, given, error) => {
    const { call, asked } = server(current)
    const authorization = typeof given === 'object' ? await bearer(given) : given
    const answer = await call(authorization)
    expect(answer).toMatchObject({ status: 401, body: { error } })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    // Nobody is looked up for a token that would be refused whatever its signature is.
    expect(asked.length).toBe(error === 'BadJwtSignature' ? 2 : 0)
  })

  it('asks for the key anew where the signature does not match', async () => {
    const { call, asked } = server(({ forced }) => documentOf({ atproto: forced ? key : oldKey }))
    expect((await call(await bearer())).status).toBe(200)
    expect(asked.map(({ forced }) => forced)).toEqual([false, true])
  })

  it('answers 502 where the key cannot be looked up, 401 where there is none', async () => {
    const failing = (code: 'network' | 'not-found' | 'tombstoned') => (): DidResult<DidDocument> => ({
      ok: false,
      error: new DidError(code, 'no'),
    })
    expect(await server(failing('network')).call(await bearer())).toMatchObject({
      status: 502,
      body: { error: 'UpstreamFailure' },
    })
    for (const code of ['not-found', 'tombstoned'] as const) {
      const answer = await server(failing(code)).call(await bearer())
      expect(answer).toMatchObject({ status: 401, body: { error: 'BadJwtSignature' } })
    }
    const keyless = server(() => documentOf({}))
    expect(await keyless.call(await bearer())).toMatchObject({ body: { error: 'BadJwtSignature' } })
  })

  it('takes a token where it stands, and nowhere else in the header', async () => {
    const { call } = server(current)
    const authorization = await bearer()
    for (const odd of [
      `Basic ${authorization}`,
      `${authorization} more`,
      authorization.slice('Bearer '.length),
    ]) {
      expect(await call(odd)).toMatchObject({ status: 401, body: { error: 'AuthMissing' } })
    }
    expect((await call(authorization.replace('Bearer ', 'bearer   '))).status).toBe(200)
  })

  it('takes services of an account that are named, by their own keys', async () => {
    const labeler = { iss: `${did}#atproto_labeler`, signer: labelKey }
    const closed = server(current)
    expect(await closed.call(await bearer(labeler))).toMatchObject({
      status: 401,
      body: { error: 'BadJwtIss' },
    })
    expect(closed.asked).toEqual([])
    const open = server(current, { services: { atproto_labeler: 'atproto_label' } })
    expect(await open.call(await bearer(labeler))).toMatchObject({ status: 200, body: { iss: labeler.iss } })
    expect((await open.call(await bearer({ ...labeler, signer: key }))).status).toBe(401)
    const before = open.asked.length
    expect(await open.call(await bearer({ iss: `${did}#toString` }))).toMatchObject({
      status: 401,
      body: { error: 'BadJwtIss' },
    })
    expect(open.asked).toHaveLength(before)
  })

  it('takes each token once, with a replay guard', async () => {
    const { call } = server(current, { replay: createReplayGuard() })
    const authorization = await bearer()
    expect((await call(authorization)).status).toBe(200)
    expect(await call(authorization)).toMatchObject({ status: 401, body: { error: 'BadJwt' } })
  })
})
