// Proofs of possession: what holds, and what does not.
import { KeyObject, sign } from 'node:crypto'

import { fuzzRounds } from '@avocet/testing'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import { createDpopVerifier, type DpopVerifier } from '../src/dpop.ts'
import { createDpopNonces, createOAuthKeys, createReplayGuard } from '../src/index.ts'
import {
  createDevice,
  createTestClock,
  type Device,
  FUZZ_TIMEOUT,
  ISSUER,
  type ProofChanges,
  proved,
  SECRET,
} from './fixtures.ts'

const PATH = '/oauth/token'
const keys = createOAuthKeys([SECRET])
let clock = createTestClock()
let nonces = createDpopNonces(keys, clock.now)
let verifier: DpopVerifier
let device: Device

beforeEach(async () => {
  clock = createTestClock()
  nonces = createDpopNonces(keys, clock.now)
  const replay = createReplayGuard({ now: clock.now })
  verifier = createDpopVerifier({ origin: ISSUER, nonces, replay, now: clock.now })
  device = await createDevice()
})

const prove = (changes: ProofChanges = {}, by: Device = device): Promise<string> =>
  by.prove('POST', ISSUER + PATH, { iat: clock.seconds(), nonce: nonces.current(), ...changes })

/** What becomes of a proof: its message, or `holds`. */
async function verdict(proof: string, accessToken: string | null = null): Promise<string> {
  const result = verifier.verify(proved('POST', PATH, { dpop: proof }), accessToken)
  return result.ok ? 'holds' : `${result.error.code}: ${result.error.message}`
}

const WRONG_URL = 'invalid_dpop_proof: DPoP proof with an htu that is not the URL of the request'

describe('a proof', () => {
  it('holds, and names its key', async () => {
    const result = verifier.verify(proved('POST', PATH, { dpop: await prove() }), null)
    expect(result).toMatchObject({ ok: true, value: { thumbprint: device.thumbprint } })
  })

  it('may carry claims that mean nothing here', async () => {
    expect(await verdict(await prove({ claims: { iss: 'x', exp: 1, __proto__: { nonce: 1 } } }))).toBe(
      'holds',
    )
  })

  it.each([
    ['another typ', { header: { typ: 'JWT' } }, 'a typ other than dpop+jwt'],
    ['no typ', { header: { typ: undefined } }, 'a typ other than dpop+jwt'],
    ['a private key', { header: { jwk: { kty: 'EC', d: 'x' } } }, 'a private jwk'],
    ['a key of RSA', { header: { jwk: { kty: 'RSA', n: 'x', e: 'AQAB' } } }, 'a jwk that is not of P-256'],
    [
      'a key off the curve',
      { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } } },
      'a jwk that is no key',
    ],
    ['a short key', { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'A', y: 'A' } } }, 'a jwk that is no key'],
  ] satisfies [string, ProofChanges, string][])('does not hold with %s', async (_, changes, message) => {
    expect(await verdict(await prove(changes))).toBe(`invalid_dpop_proof: DPoP proof with ${message}`)
  })

  it.each(['P-384', 'secp256k1', 'Ed25519', undefined])(
    'does not hold with a key of curve %s',
    async (crv) => {
      expect(await verdict(await prove({ header: { jwk: { ...device.jwk, crv } } }))).toBe(
        'invalid_dpop_proof: DPoP proof with a jwk that is not of P-256',
      )
    },
  )

  it('does not hold with a key written in a second way', async () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const name of ['x', 'y'] as const) {
      const text = device.jwk[name]!
      // 43 letters are 258 bits: two more than a coordinate has.
      const other = text.slice(0, 42) + letters[letters.indexOf(text[42]!) + 1]
      expect(Buffer.from(other, 'base64url')).toEqual(Buffer.from(text, 'base64url'))
      expect(await verdict(await prove({ header: { jwk: { ...device.jwk, [name]: other } } }))).toBe(
        'invalid_dpop_proof: DPoP proof with a jwk that is no key',
      )
    }
  })

  it('does not hold without a key', async () => {
    expect(await verdict(await prove({ header: { jwk: undefined } }))).toBe(
      'invalid_dpop_proof: DPoP proof without jwk',
    )
  })

  it.each(['none', 'HS256', 'RS256', 'ES256K'])('does not hold with alg %s', async (alg) => {
    const [, payload, signature] = (await prove()).split('.')
    const header = Buffer.from(JSON.stringify({ typ: 'dpop+jwt', alg, jwk: device.jwk })).toString(
      'base64url',
    )
    const message = 'invalid_dpop_proof: DPoP proof with an alg other than ES256'
    expect(await verdict(`${header}.${payload}.${signature}`)).toBe(message)
    expect(await verdict(`${header}.${payload}.`)).toBe(message)
  })

  it('does not hold when it was changed, or signed by another key', async () => {
    const message = 'invalid_dpop_proof: DPoP proof with a signature that does not match its key'
    const [header, payload, signature] = (await prove()).split('.')
    const [, otherPayload] = (await prove()).split('.')
    expect(await verdict(`${header}.${otherPayload}.${signature}`)).toBe(message)
    const other = await createDevice()
    expect(await verdict(await prove({ header: { jwk: device.jwk } }, other))).toBe(message)
    expect(await verdict(`${header}.${payload}`)).toBe(message)
  })

  it('holds with a signature of either form: s in the lower half, or in the upper one', async () => {
    const proof = await prove()
    const [header, payload, signature] = proof.split('.')
    const bytes = Buffer.from(signature!, 'base64url')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    bytes.write(s.toString(16).padStart(64, '0'), 32, 'hex')
    expect(await verdict(proof)).toBe('holds')
    expect(await verdict(`${header}.${payload}.${bytes.toString('base64url')}`)).toBe('holds')
  })

  it('does not hold with more than a proof, or with a signature in another form', async () => {
    const message = 'invalid_dpop_proof: DPoP proof with a signature that does not match its key'
    const proof = await prove()
    const [header, payload, signature] = proof.split('.')
    const der = sign('sha256', Buffer.from(`${header}.${payload}`), KeyObject.from(device.privateKey))
    for (const wrong of [
      `${proof}.`,
      `${proof}A`,
      `${proof}==`,
      proof.slice(0, -1),
      `${header}.${payload}.${signature}\n`,
      `${header}.${payload}.${der.toString('base64url')}`,
      `${header}.${payload}.${'A'.repeat(86)}`,
      `${header}..${signature}`,
    ]) {
      expect(await verdict(wrong)).toBe(message)
    }
  })

  it('does not hold with a header that says what has to be understood', async () => {
    const [, payload, signature] = (await prove()).split('.')
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: device.jwk, crit: ['b64'], b64: false }
    const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
    expect(await verdict(`${encoded}.${payload}.${signature}`)).toBe(
      'invalid_dpop_proof: DPoP proof with crit',
    )
  })

  it('is one', async () => {
    const both = `${await prove()}, ${await prove()}`
    expect(await verdict(both)).toBe('invalid_dpop_proof: more than one DPoP proof')
    const none = verifier.verify(proved('POST', PATH, {}), null)
    expect(none).toEqual({
      ok: false,
      error: { code: 'invalid_dpop_proof', message: 'DPoP proof required' },
    })
  })

  it('may be 190 seconds old, and 180 ahead', async () => {
    const at = (by: number): Promise<string> => prove({ claims: { iat: clock.seconds() + by } })
    const message = 'invalid_dpop_proof: DPoP proof with an iat that is too far from now'
    expect(await verdict(await at(-190))).toBe('holds')
    expect(await verdict(await at(-191))).toBe(message)
    expect(await verdict(await at(180))).toBe('holds')
    expect(await verdict(await at(181))).toBe(message)
    expect(await verdict(await prove({ claims: { iat: `${clock.seconds()}` } }))).toBe(
      'invalid_dpop_proof: DPoP proof without iat',
    )
  })

  it('has a jti of up to 256 characters', async () => {
    const message = 'invalid_dpop_proof: DPoP proof without jti, or one of more than 256 characters'
    expect(await verdict(await prove({ claims: { jti: 'x'.repeat(256) } }))).toBe('holds')
    expect(await verdict(await prove({ claims: { jti: 'x'.repeat(257) } }))).toBe(message)
    expect(await verdict(await prove({ claims: { jti: '' } }))).toBe(message)
    expect(await verdict(await prove({ claims: { jti: undefined } }))).toBe(message)
  })

  it('names the method, in its case', async () => {
    const message = 'invalid_dpop_proof: DPoP proof with an htm that is not the method of the request'
    expect(await verdict(await prove({ claims: { htm: 'post' } }))).toBe(message)
    expect(await verdict(await prove({ claims: { htm: 'GET' } }))).toBe(message)
  })

  it.each([
    ['https://other.example.com/oauth/token', WRONG_URL],
    ['http://pds.example.com/oauth/token', WRONG_URL],
    ['https://pds.example.com:8443/oauth/token', WRONG_URL],
    ['https://pds.example.com/oauth/par', WRONG_URL],
    ['https://pds.example.com/oauth/token/', WRONG_URL],
    ['https://user@pds.example.com/oauth/token', WRONG_URL],
    ['/oauth/token', WRONG_URL],
    [undefined, WRONG_URL],
    ['https://pds.example.com/oauth/token?a=b#c', 'holds'],
    ['HTTPS://PDS.example.com:443/oauth/./token', 'holds'],
  ])('with htu %s: %s', async (htu, expected) => {
    expect(await verdict(await prove({ claims: { htu } }))).toBe(expected)
  })

  it('names no token where there is none', async () => {
    expect(await verdict(await prove({ claims: { ath: 'x' } }))).toBe(
      'invalid_dpop_proof: DPoP proof with ath where there is no access token',
    )
  })

  it('is used once by a key; another key may use the same jti', async () => {
    const use = async (proof: string): Promise<boolean> => {
      const result = verifier.verify(proved('POST', PATH, { dpop: proof }), null)
      return result.ok && result.value.use()
    }
    const jti = { claims: { jti: 'same' } }
    expect(await use(await prove(jti))).toBe(true)
    expect(await use(await prove(jti))).toBe(false)
    expect(await use(await prove(jti, await createDevice()))).toBe(true)
  })

  it('of more than 8192 characters is not read', async () => {
    const long = await prove({ claims: { more: 'x'.repeat(8192) } })
    expect(await verdict(long)).toBe('invalid_dpop_proof: a DPoP proof of more than 8192 characters')
    const fits = await prove({ claims: { more: 'x'.repeat(5000) } })
    expect(await verdict(fits)).toBe('holds')
  })
})

describe('a nonce', () => {
  it('is good for two to three minutes, for any number of proofs', async () => {
    const first = nonces.current()
    expect(nonces.isGood(first)).toBe(true)
    clock.advance(179)
    expect(nonces.isGood(first)).toBe(true)
    expect(nonces.current()).not.toBe(first)
    clock.advance(1)
    expect(nonces.isGood(first)).toBe(false)
    expect(await verdict(await prove({ claims: { nonce: first } }))).toBe(
      'use_dpop_nonce: DPoP proof with a nonce that is too old',
    )
  })

  it('of a clock a minute ahead is good, of one further ahead not', () => {
    const ahead = (seconds: number): string =>
      createDpopNonces(keys, () => clock.now() + seconds * 1000).current()
    expect(nonces.isGood(ahead(60))).toBe(true)
    expect(nonces.isGood(ahead(120))).toBe(false)
  })

  it('of the same secret is the same in another process, of another secret not', () => {
    expect(createDpopNonces(createOAuthKeys([SECRET]), clock.now).current()).toBe(nonces.current())
    const others = createOAuthKeys([new Uint8Array(32).fill(8)])
    expect(createDpopNonces(others, clock.now).isGood(nonces.current())).toBe(false)
  })
})

describe('whatever a stranger sends as a proof', () => {
  it(
    'is refused, and nothing throws',
    async () => {
      const part = fc.oneof(
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
        fc.string(),
        fc.constantFrom(
          'e30',
          Buffer.from(
            JSON.stringify({
              typ: 'dpop+jwt',
              alg: 'ES256',
              jwk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: '_'.repeat(43) },
            }),
          ).toString('base64url'),
        ),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
          expect(await verdict(parts.join('.'))).toMatch(/^invalid_dpop_proof: /)
        }),
        { numRuns: fuzzRounds(300, 200_000) },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'with claims of any kind is refused or holds, and nothing throws',
    async () => {
      const claims = fc.record(
        {
          jti: fc.jsonValue(),
          htm: fc.jsonValue(),
          htu: fc.oneof(fc.webUrl(), fc.jsonValue()),
          iat: fc.jsonValue(),
          nonce: fc.jsonValue(),
          ath: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      await fc.assert(
        fc.asyncProperty(claims, async (changed) => {
          expect(await verdict(await prove({ claims: changed }))).toMatch(
            /^(holds$|invalid_dpop_proof: |use_dpop_nonce: )/,
          )
        }),
        { numRuns: fuzzRounds(200, 50_000) },
      )
    },
    FUZZ_TIMEOUT,
  )
})
