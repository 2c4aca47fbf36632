import { createHmac } from 'node:crypto'
import { createKeypair, parseDidKey, type Keypair, type PublicKey } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  createReplayGuard,
  createServiceJwt,
  verifyServiceJwt,
  type ServiceJwtOptions,
  type VerifyServiceJwtOptions,
} from '../src/index.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const now = (): number => NOW
const iss = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const aud = 'did:web:api.example.com'
const lxm = 'com.example.getThing'
const k256 = createKeypair('k256')
const p256 = createKeypair('p256')

const make = (change: Partial<ServiceJwtOptions> = {}): Promise<string> =>
  createServiceJwt({ iss, aud, lxm, signer: k256, now, ...change })

const check = (jwt: string, change: Partial<VerifyServiceJwtOptions> = {}) =>
  verifyServiceJwt(jwt, { audience: aud, lxm, resolveKey: () => k256.publicKey, now, ...change })

const codeOf = async (jwt: string, change?: Partial<VerifyServiceJwtOptions>): Promise<string> => {
  const result = await check(jwt, change)
  return result.ok ? 'ok' : result.error.code
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const payloadOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>

/** A token with any header and payload, signed as it should be. */
async function forge(header: unknown, payload: unknown, signer: Keypair = k256): Promise<string> {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${Buffer.from(await signer.sign(Buffer.from(signed))).toString('base64url')}`
}

const header = { typ: 'JWT', alg: 'ES256K' }
const seconds = NOW / 1000
const claims = { iss, aud, lxm, exp: seconds + 60, iat: seconds, jti: 'n' }

describe('createServiceJwt and verifyServiceJwt', () => {
  it.each([
    ['ES256K', k256],
    ['ES256', p256],
  ])('make and take %s', async (alg, signer) => {
    const jwt = await make({ signer })
    expect(JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString())).toEqual({ typ: 'JWT', alg })
    expect(payloadOf(jwt)).toEqual({
      iss,
      aud,
      lxm,
      iat: seconds,
      exp: seconds + 60,
      jti: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    })
    expect(await check(jwt, { resolveKey: () => signer.publicKey })).toMatchObject({
      ok: true,
      value: { iss, did: iss, service: undefined, aud, lxm, exp: seconds + 60, iat: seconds },
    })
  })

  it('makes another nonce each time', async () => {
    expect(payloadOf(await make())['jti']).not.toBe(payloadOf(await make())['jti'])
  })

  it('hands the fragment of the issuer to the resolver', async () => {
    const asked: unknown[] = []
    const jwt = await make({ iss: `${iss}#atproto_labeler` })
    const result = await check(jwt, {
      resolveKey: (did, options) => {
        asked.push([did, options])
        return k256.publicKey
      },
    })
    expect(asked).toEqual([[iss, { forceRefresh: false, service: 'atproto_labeler' }]])
    expect(result).toMatchObject({
      value: { iss: `${iss}#atproto_labeler`, did: iss, service: 'atproto_labeler' },
    })
  })

  it('takes one of several audiences, exactly', async () => {
    const audience = [aud, `${aud}#bsky_appview`]
    expect(await codeOf(await make({ aud: `${aud}#bsky_appview` }), { audience })).toBe('ok')
    expect(await codeOf(await make({ aud: `${aud}#other` }), { audience })).toBe('wrong-audience')
    expect(await codeOf(await make({ aud: `${aud}.evil.com` }), { audience })).toBe('wrong-audience')
  })
})

describe('claims', () => {
  it.each<[string, object, string]>([
    ['an exp in the past', { exp: seconds - 15 }, 'expired'],
    ['an exp within the skew', { exp: seconds - 14 }, 'ok'],
    ['an iat in the future', { iat: seconds + 16 }, 'not-yet-valid'],
    ['an iat within the skew', { iat: seconds + 15 }, 'ok'],
    ['an nbf in the future', { nbf: seconds + 16 }, 'not-yet-valid'],
    ['an exp far away', { exp: seconds + 3_616 }, 'lifetime-too-long'],
    ['an exp of an hour', { exp: seconds + 3_600 }, 'ok'],
    ['no exp', { exp: undefined }, 'malformed'],
    ['an exp that is text', { exp: '99999999999' }, 'malformed'],
    ['a negative exp', { exp: -1 }, 'malformed'],
    ['no iat', { iat: undefined }, 'ok'],
    ['no issuer', { iss: undefined }, 'malformed'],
    ['an issuer that is no DID', { iss: 'alice.test' }, 'invalid-issuer'],
    ['an issuer with two fragments', { iss: `${iss}#a#b` }, 'invalid-issuer'],
    ['an issuer with an empty fragment', { iss: `${iss}#` }, 'invalid-issuer'],
    ['another audience', { aud: 'did:web:other.example.com' }, 'wrong-audience'],
    ['a list as audience', { aud: [aud] }, 'malformed'],
    ['no audience', { aud: undefined }, 'malformed'],
    ['another method', { lxm: 'com.example.deleteThing' }, 'wrong-method'],
    ['no method', { lxm: undefined }, 'wrong-method'],
    ['a number as method', { lxm: 1 }, 'malformed'],
  ])('%s', async (_, change, expected) => {
    expect(await codeOf(await forge(header, { ...claims, ...change }))).toBe(expected)
  })

  it('takes tokens for any method only where that is said', async () => {
    const unbound = await forge(header, { ...claims, lxm: undefined })
    expect(await codeOf(unbound, { lxm: 'any' })).toBe('ok')
    expect(await codeOf(await make({ lxm: 'com.example.other' }), { lxm: 'any' })).toBe('ok')
  })

  it('asks for no key when the claims do not hold', async () => {
    const resolveKey = (): never => expect.fail('was asked for a key')
    expect(await codeOf(await make({ aud: 'did:web:x.test' }), { resolveKey })).toBe('wrong-audience')
  })
})

describe('header', () => {
  it.each<[string, object, string]>([
    ['alg none', { alg: 'none' }, 'unsupported-algorithm'],
    ['alg HS256', { alg: 'HS256' }, 'unsupported-algorithm'],
    ['alg constructor', { alg: 'constructor' }, 'unsupported-algorithm'],
    ['no alg', { alg: undefined }, 'unsupported-algorithm'],
    ['the alg of another curve', { alg: 'ES256' }, 'bad-signature'],
    ['no typ', { typ: undefined }, 'ok'],
    ['an access token', { typ: 'at+jwt' }, 'wrong-type'],
    ['a refresh token', { typ: 'refresh+jwt' }, 'wrong-type'],
    ['a DPoP proof', { typ: 'dpop+jwt' }, 'wrong-type'],
    ['critical extensions', { crit: ['exp'] }, 'malformed'],
  ])('%s', async (_, change, expected) => {
    expect(await codeOf(await forge({ ...header, ...change }, claims))).toBe(expected)
  })

  it('takes no HMAC keyed with the public key', async () => {
    const signed = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`
    const mac = createHmac('sha256', k256.publicKey.bytes).update(signed).digest('base64url')
    expect(await codeOf(`${signed}.${mac}`)).toBe('unsupported-algorithm')
  })
})

describe('form', () => {
  it.each([
    '',
    '.',
    '..',
    'a.b.c',
    'a.b',
    'é.é.é',
    `${encode(header)}.${encode(claims)}.`,
    'x'.repeat(10_000),
  ])('refuses %j', async (jwt) => {
    expect(await codeOf(jwt)).toBe('malformed')
  })

  it('refuses every change of one character', async () => {
    const jwt = await make()
    for (let i = 0; i < jwt.length - 1; i++) {
      const changed = jwt.slice(0, i) + (jwt[i] === 'A' ? 'B' : 'A') + jwt.slice(i + 1)
      expect(await codeOf(changed), changed).not.toBe('ok')
    }
  })

  it('takes a high-S signature, as JWT libraries make them', async () => {
    const order = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n
    const jwt = await make()
    const bytes = Buffer.from(jwt.split('.')[2]!, 'base64url')
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const high = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
    expect(await codeOf(jwt.replace(/[^.]*$/, high.toString('base64url')))).toBe('ok')
  })
})

describe('keys', () => {
  const rotated = createKeypair()

  const resolver = (before: PublicKey | null, after: PublicKey | null) => {
    const asked: boolean[] = []
    return {
      asked,
      resolveKey: (_: string, { forceRefresh }: { forceRefresh: boolean }) => {
        asked.push(forceRefresh)
        return Promise.resolve(forceRefresh ? after : before)
      },
    }
  }

  it.each<[string, PublicKey | null, PublicKey | null, string, boolean[]]>([
    ['the cached key matches', k256.publicKey, null, 'ok', [false]],
    ['the key was rotated', rotated.publicKey, k256.publicKey, 'ok', [false, true]],
    ['the key was rotated to another curve', p256.publicKey, k256.publicKey, 'ok', [false, true]],
    ['the key is new', null, k256.publicKey, 'ok', [false, true]],
    ['no key matches', rotated.publicKey, p256.publicKey, 'bad-signature', [false, true]],
    ['the key is the same after all', rotated.publicKey, rotated.publicKey, 'bad-signature', [false, true]],
    ['there is no key', null, null, 'key-not-found', [false, true]],
  ])('when %s', async (_, before, after, expected, asked) => {
    const keys = resolver(before, after)
    expect(await codeOf(await make(), { resolveKey: keys.resolveKey })).toBe(expected)
    expect(keys.asked).toEqual(asked)
  })

  it('tells a resolver that failed from a wrong signature', async () => {
    const cause = new Error('directory is down')
    const result = await check(await make(), { resolveKey: () => Promise.reject(cause) })
    expect(result).toMatchObject({ ok: false, error: { code: 'key-unavailable', cause } })
    expect(result.ok ? '' : result.error.message).not.toContain('directory')
  })

  it('checks a parsed did:key too', async () => {
    const key = parseDidKey(k256.didKey)
    expect(await codeOf(await make(), { resolveKey: () => (key.ok ? key.value : null) })).toBe('ok')
  })
})

describe('replay', () => {
  it('takes a token once', async () => {
    const replay = createReplayGuard({ now })
    const jwt = await make()
    expect(await codeOf(jwt, { replay })).toBe('ok')
    expect(await codeOf(jwt, { replay })).toBe('replayed')
    expect(await codeOf(await make(), { replay })).toBe('ok')
  })

  it('reads the nonce under its old name, and needs one', async () => {
    const replay = createReplayGuard({ now })
    const old = await forge(header, { ...claims, jti: undefined, nonce: 'x' })
    expect(await codeOf(old, { replay })).toBe('ok')
    expect(await codeOf(old, { replay })).toBe('replayed')
    expect(await codeOf(await forge(header, { ...claims, jti: undefined }), { replay })).toBe('missing-nonce')
  })

  it('is not used up by a token with a wrong signature', async () => {
    const replay = createReplayGuard({ now })
    const jwt = await make()
    const forged = await forge(header, payloadOf(jwt), createKeypair())
    expect(await codeOf(forged, { replay })).toBe('bad-signature')
    expect(await codeOf(jwt, { replay })).toBe('ok')
  })

  it('keeps nonces of two issuers apart, forgets the expired, and refuses when full', () => {
    let time = 0
    const guard = createReplayGuard({ maxEntries: 2, now: () => time })
    expect(guard.use('a 1', 10)).toBe(true)
    expect(guard.use('b 1', 20)).toBe(true)
    expect(guard.use('c 1', 30)).toBe(false)
    time = 10
    expect(guard.use('c 1', 30)).toBe(true)
    expect(guard.use('b 1', 20)).toBe(false)
  })
})
