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

/** A token of any two parts, signed as it should be. */
async function signParts(head: string, body: string): Promise<string> {
  const text = `${head}.${body}`
  return `${text}.${Buffer.from(await k256.sign(Buffer.from(text))).toString('base64url')}`
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

describe('refusals', () => {
  it('tell a stranger nothing but the code', async () => {
    const result = await check(await make({ aud: 'did:web:x.test' }))
    expect(result.ok ? null : [result.error.name, result.error.message]).toEqual([
      'ServiceAuthError',
      'service token is meant for another service',
    ])
  })
})

describe('claims', () => {
  it.each<[string, object, string]>([
    ['an exp in the past', { exp: seconds - 15 }, 'expired'],
    ['an exp within the skew', { exp: seconds - 14 }, 'ok'],
    ['an iat in the future', { iat: seconds + 16 }, 'not-yet-valid'],
    ['an iat within the skew', { iat: seconds + 15 }, 'ok'],
    ['an nbf in the future', { nbf: seconds + 16 }, 'not-yet-valid'],
    ['an nbf within the skew', { nbf: seconds + 15 }, 'ok'],
    ['an nbf in the future and no iat', { nbf: seconds + 15.5, iat: undefined }, 'not-yet-valid'],
    ['an nbf that is text', { nbf: '0' }, 'malformed'],
    ['a negative nbf', { nbf: -1 }, 'malformed'],
    ['an iat that is text', { iat: '0' }, 'malformed'],
    ['a negative iat', { iat: -1 }, 'malformed'],
    ['an exp far away', { exp: seconds + 3_616 }, 'lifetime-too-long'],
    ['an exp of an hour and the skew', { exp: seconds + 3_615 }, 'ok'],
    ['an exp with a fraction too much', { exp: seconds + 3_615.5 }, 'lifetime-too-long'],
    ['an exp of zero', { exp: 0 }, 'expired'],
    ['a null exp', { exp: null }, 'malformed'],
    ['an iat of zero', { iat: 0 }, 'ok'],
    ['an empty nonce', { jti: '' }, 'malformed'],
    ['a nonce of 512 characters', { jti: 'n'.repeat(512) }, 'ok'],
    ['a nonce of 513 characters', { jti: 'n'.repeat(513) }, 'malformed'],
    ['a number as nonce', { jti: 1 }, 'malformed'],
    ['an old nonce of a wrong type', { jti: undefined, nonce: {} }, 'malformed'],
    ['no nonce', { jti: undefined }, 'ok'],
    ['an empty method', { lxm: '' }, 'malformed'],
    ['a method of 513 characters', { lxm: 'a'.repeat(513) }, 'malformed'],
    ['an issuer that is a number', { iss: 1 }, 'malformed'],
    ['an audience that is a number', { aud: 1 }, 'malformed'],
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

  it('takes no time that is infinite', async () => {
    const text = JSON.stringify({ ...claims, exp: 1 }).replace('"exp":1', '"exp":1e999')
    expect(await codeOf(await signParts(encode(header), Buffer.from(text).toString('base64url')))).toBe(
      'malformed',
    )
  })

  it('measures the skew and the lifetime it is told to', async () => {
    const exact = { clockSkew: 0, maxLifetime: 100 }
    const at = async (change: object, options = exact): Promise<string> =>
      codeOf(await forge(header, { ...claims, ...change }), options)
    expect(await at({ exp: seconds })).toBe('expired')
    expect(await at({ exp: seconds + 1 })).toBe('ok')
    expect(await at({ exp: seconds + 100 })).toBe('ok')
    expect(await at({ exp: seconds + 101 })).toBe('lifetime-too-long')
    expect(await at({ iat: seconds + 1 })).toBe('not-yet-valid')
    expect(await at({ exp: seconds - 59 }, { clockSkew: 60, maxLifetime: 100 })).toBe('ok')
    expect(await at({ exp: seconds - 60 }, { clockSkew: 60, maxLifetime: 100 })).toBe('expired')
  })

  it('carries further claims, which put none of its own aside', async () => {
    const further = {
      nbf: 5,
      room: { id: 'x' },
      iss: 'did:web:other.example',
      lxm: 'com.example.other',
      exp: 1,
    }
    const jwt = await createServiceJwt({ iss, aud, lxm: null, signer: k256, now, jti: 'n', claims: further })
    const iat = Math.floor(now() / 1000)
    expect(payloadOf(jwt)).toEqual({ nbf: 5, room: { id: 'x' }, iss, aud, iat, exp: iat + 60, jti: 'n' })
  })

  it('asks the clock of the machine where none is given', async () => {
    const jwt = await createServiceJwt({ iss, aud, lxm, signer: k256, expiresIn: 90 })
    const { iat, exp } = payloadOf(jwt) as { iat: number; exp: number }
    expect(exp - iat).toBe(90)
    const verified = await verifyServiceJwt(jwt, { audience: aud, lxm, resolveKey: () => k256.publicKey })
    expect(verified.ok).toBe(true)
    const later = await verifyServiceJwt(await make({ now: () => 0 }), {
      audience: aud,
      lxm,
      resolveKey: () => k256.publicKey,
    })
    expect(later).toMatchObject({ ok: false, error: { code: 'expired' } })
  })

  it('makes a token for no method, with the nonce it is given', async () => {
    const payload = payloadOf(await make({ lxm: null, jti: 'mine' }))
    expect(payload).toEqual({ iss, aud, iat: seconds, exp: seconds + 60, jti: 'mine' })
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
    ['a typ in lower case', { typ: 'jwt' }, 'ok'],
    ['a typ that is a number', { typ: 1 }, 'wrong-type'],
    ['an empty typ', { typ: '' }, 'wrong-type'],
    ['a number as alg', { alg: 1 }, 'unsupported-algorithm'],
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

  it('takes 8192 characters, and no more', async () => {
    const sized = async (length: number): Promise<string> => {
      for (let pad = 0; ; pad++) {
        const head = encode({ ...header, pad: 'x'.repeat(pad) })
        const left = length - head.length - 88
        const x = 'x'.repeat(Math.floor((left * 3) / 4) - JSON.stringify({ ...claims, x: '' }).length)
        const jwt = await signParts(head, encode({ ...claims, x }))
        if (jwt.length === length) return jwt
      }
    }
    expect(await codeOf(await sized(8_192))).toBe('ok')
    expect(await codeOf(await sized(8_193))).toBe('malformed')
  })

  it('takes three parts, each of them an object in UTF-8, and a signature of 64 bytes', async () => {
    const jwt = await make()
    const [head, body, signature] = jwt.split('.') as [string, string, string]
    expect(await codeOf(`${jwt}.`)).toBe('malformed')
    expect(await codeOf(`${head}.${body}`)).toBe('malformed')
    for (const other of [[], 'text', 1, null]) {
      expect(await codeOf(await signParts(head, encode(other))), JSON.stringify(other)).toBe('malformed')
      expect(await codeOf(await signParts(encode(other), body)), JSON.stringify(other)).toBe('malformed')
    }
    const latin1 = Buffer.from(JSON.stringify({ ...claims, x: 'é' }), 'latin1').toString('base64url')
    expect(await codeOf(await signParts(head, latin1))).toBe('malformed')
    for (const cut of ['A', `${body}A`, `${body}AA`, `${body}=`, `${body} `].filter(
      (text) => text.length % 4 === 1 || /[= ]/.test(text),
    )) {
      expect(await codeOf(await signParts(head, cut)), cut).toBe('malformed')
    }
    const bytes = Buffer.from(signature, 'base64url')
    for (const wrong of [bytes.subarray(0, 63), Buffer.concat([bytes, Buffer.alloc(1)])]) {
      expect(await codeOf(`${head}.${body}.${wrong.toString('base64url')}`)).toBe('malformed')
    }
  })

  it('reads texts of every length modulo four', async () => {
    for (const x of ['', 'a', 'ab', 'abc']) {
      expect(await codeOf(await forge(header, { ...claims, x }))).toBe('ok')
    }
    // All 64 characters of the alphabet, the two that differ from plain base64 among them.
    const every = { ...claims, x: 'ü>?~¿ÿ'.repeat(20) }
    expect(await codeOf(await forge(header, every))).toBe('ok')
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

  it('asks for the key of the same fragment again', async () => {
    const asked: unknown[] = []
    const jwt = await make({ iss: `${iss}#atproto_labeler` })
    const code = await codeOf(jwt, {
      resolveKey: (did, options) => {
        asked.push([did, options])
        return null
      },
    })
    expect(code).toBe('key-not-found')
    expect(asked).toEqual([
      [iss, { forceRefresh: false, service: 'atproto_labeler' }],
      [iss, { forceRefresh: true, service: 'atproto_labeler' }],
    ])
  })

  it('checks a signature once by each key, and never by a key of another curve', async () => {
    const checks = async (before: PublicKey | null, after: PublicKey | null): Promise<[string, number]> => {
      let count = 0
      const code = await codeOf(await make(), {
        resolveKey: resolver(before, after).resolveKey,
        verify: () => {
          count++
          return false
        },
      })
      return [code, count]
    }
    const copy = { curve: rotated.curve, bytes: Uint8Array.from(rotated.publicKey.bytes) }
    expect(await checks(rotated.publicKey, copy)).toEqual(['bad-signature', 1])
    expect(await checks(rotated.publicKey, k256.publicKey)).toEqual(['bad-signature', 2])
    expect(await checks(null, k256.publicKey)).toEqual(['bad-signature', 1])
    expect(await checks(p256.publicKey, p256.publicKey)).toEqual(['bad-signature', 0])
    const always = { resolveKey: () => p256.publicKey, verify: () => true }
    expect(await codeOf(await make(), always)).toBe('bad-signature')
  })

  it('takes a resolver that throws at once, or on the second try, for one that failed', async () => {
    const cause = new Error('no')
    const throwing =
      (when: boolean) =>
      (_: string, { forceRefresh }: { forceRefresh: boolean }) => {
        if (forceRefresh === when) throw cause
        return rotated.publicKey
      }
    for (const when of [false, true]) {
      const result = await check(await make(), { resolveKey: throwing(when) })
      expect(result).toMatchObject({ ok: false, error: { code: 'key-unavailable', cause } })
    }
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

  it('goes by the nonce of the issuer, until the token can be taken no more', async () => {
    const uses: unknown[] = []
    const replay = {
      use: (...use: unknown[]) => {
        uses.push(use)
        return Promise.resolve(true)
      },
    }
    const token = await forge(header, { ...claims, iss: `${iss}#a`, jti: 'j', nonce: 'other' })
    expect(await codeOf(token, { replay })).toBe('ok')
    expect(await codeOf(token, { replay, clockSkew: 40 })).toBe('ok')
    expect(uses).toEqual([
      [`${iss}#a j`, (seconds + 75) * 1000],
      [`${iss}#a j`, (seconds + 100) * 1000],
    ])
    expect(await codeOf(token, { replay: { use: () => Promise.resolve(false) } })).toBe('replayed')
    expect(await check(token)).toEqual({
      ok: true,
      value: {
        iss: `${iss}#a`,
        did: iss,
        service: 'a',
        aud,
        lxm,
        exp: seconds + 60,
        iat: seconds,
        jti: 'j',
      },
    })
  })

  it('remembers 100 000 uses unless it is told otherwise', () => {
    const guard = createReplayGuard({ now: () => 0 })
    for (let i = 0; i < 100_000; i++) if (guard.use(`a ${i}`, 1) !== true) expect.fail(`at ${i}`)
    expect(guard.use('a more', 1)).toBe(false)
    expect(createReplayGuard().use('a', Date.now() + 1000)).toBe(true)
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
    time = 19
    expect(guard.use('b 1', 20)).toBe(false)
    time = 20
    expect(guard.use('b 1', 40)).toBe(true)
    expect(guard.use('b 1', 50)).toBe(false)
  })
})
