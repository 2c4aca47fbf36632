// What a signature of a passkey must be, and hostile ones: an authenticator in software signs whatever it is told to.
import type { Factor } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'
import { beforeEach, describe, expect, test } from 'vitest'

import { readAssertion, readRegistration } from '../src/factors/webauthn-json.ts'
import { createRelyingParty, userHandle, type Assertion } from '../src/factors/webauthn.ts'
import { cbor, createPasskey, text, type Odd, type Passkey } from './authenticator.ts'
import { ORIGIN, RP_ID } from './factor-parts.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const OTHER: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const challenge = new Uint8Array(32).fill(7)
const later = new Uint8Array(32).fill(8)
const party = createRelyingParty({ url: () => ORIGIN }, 'the server')

let passkey: Passkey
beforeEach(() => {
  passkey = createPasskey({ counts: true })
})

const options = () => party.creationOptions({ did: DID, name: 'anna.test' }, challenge, [])
const make = async (odd?: Odd, from = passkey) => {
  const read = readRegistration(from.create(options(), odd))
  return read === null ? null : party.verifyNew(read, challenge)
}
/** The passkey as it is kept. */
const kept = async (counter?: number): Promise<Factor> => {
  const made = (await make())!
  return {
    id: made.id,
    did: DID,
    kind: 'passkey',
    name: 'phone',
    secret: made.publicKey,
    counter: counter ?? made.counter,
    transports: made.transports,
    createdAt: '',
    lastUsedAt: null,
  }
}
const show = async (factor: Factor, odd?: Odd): Promise<Assertion> => {
  const read = readAssertion(passkey.get(party.requestOptions(later, [factor]), odd))
  return read === null ? { ok: false, reason: 'invalid' } : party.verify(read, later, factor)
}
const INVALID: Assertion = { ok: false, reason: 'invalid' }

describe('a new passkey', () => {
  test('is asked for with a person who shows who they are, and kept on the device', () => {
    expect(options()).toEqual({
      challenge: text(challenge),
      rp: { id: RP_ID, name: 'the server' },
      user: { id: userHandle(DID), name: 'anna.test', displayName: 'anna.test' },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
      timeout: 300_000,
      attestation: 'none',
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      excludeCredentials: [],
    })
    expect(userHandle(DID)).toMatch(/^[\w-]{43}$/)
    expect(userHandle(OTHER)).not.toBe(userHandle(DID))
  })

  test('is taken with its key, and the ways to reach it that there are', async () => {
    const made = await make()
    expect(made).toMatchObject({ id: passkey.id, counter: 1, transports: ['hybrid', 'internal'] })
    expect(made?.publicKey.length).toBe(77)
  })

  test.each<readonly [string, Odd]>([
    ['for another origin', { origin: 'https://evil.example.com' }],
    ['for the origin by http', { origin: 'http://pds.example.com' }],
    ['for the origin with a port', { origin: `${ORIGIN}:8443` }],
    ['for another relying party', { rpId: 'evil.example.com' }],
    ['for a domain above', { rpId: 'example.com' }],
    ['for another challenge', { challenge: text(later) }],
    ['as an answer to something else', { type: 'webauthn.get' }],
    ['in a frame of another site', { crossOrigin: true }],
    ['by nobody', { flags: 0x04 }],
    ['by somebody who did not show who they are', { flags: 0x01 }],
    ['with a statement about who made it', { fmt: 'packed' }],
    ['with a statement of no known form', { fmt: 'x' }],
    ['with an empty id', { credentialId: new Uint8Array() }],
    ['with a key that is none', { publicKey: cbor(7) }],
    [
      'with a key of an algorithm that nobody asked for',
      {
        publicKey: cbor([
          [1, 2],
          [3, -36],
        ]),
      },
    ],
    [
      'with bytes after its key',
      {
        publicKey: Buffer.concat([
          cbor([
            [1, 2],
            [3, -7],
          ]),
          Buffer.alloc(3),
        ]),
      },
    ],
    ['with a key that nests without end', { publicKey: Buffer.alloc(4000, 0x81) }],
  ])('%s is refused', async (_, odd) => {
    expect(await make(odd)).toBeNull()
  })

  test('has an id and a key of so many bytes at most', async () => {
    expect(await make({ credentialId: new Uint8Array(1023).fill(1) })).toMatchObject({ counter: 1 })
    expect(await make({ credentialId: new Uint8Array(1024).fill(1) })).toBeNull()
    const rsa = (bytes: number) => ({
      publicKey: cbor([
        [1, 3],
        [3, -257],
        [-1, new Uint8Array(bytes).fill(3)],
        [-2, Uint8Array.of(1, 0, 1)],
      ]),
    })
    const size = (await make(rsa(512)))!.publicKey.length
    expect((await make(rsa(512 + 600 - size)))?.publicKey.length).toBe(600)
    expect(await make(rsa(512 + 601 - size))).toBeNull()
  })

  test('is not looked at when it is too large, or no object as browsers write it', () => {
    const good = passkey.create(options())
    const response = good['response'] as object
    expect(readRegistration(good)).not.toBeNull()
    const odd: unknown[] = [
      null,
      'x',
      7,
      [],
      {},
      { ...good, type: 'password' },
      { ...good, id: 7 },
      { ...good, rawId: 'x' },
      { ...good, response: null },
      { ...good, response: [] },
      { ...good, response: { ...response, clientDataJSON: {} } },
      { ...good, response: { ...response, clientDataJSON: '' } },
      { ...good, response: { ...response, attestationObject: 'not base64url!' } },
    ]
    for (const one of odd) expect(readRegistration(one)).toBeNull()
    const sized = (name: string, length: number) => ({
      ...good,
      response: { ...response, [name]: 'A'.repeat(length) },
    })
    expect(readRegistration(sized('clientDataJSON', 4096))).not.toBeNull()
    expect(readRegistration(sized('clientDataJSON', 4097))).toBeNull()
    expect(readRegistration(sized('attestationObject', 8192))).not.toBeNull()
    expect(readRegistration(sized('attestationObject', 8193))).toBeNull()
    expect(readRegistration({ ...good, id: 'A'.repeat(1364), rawId: 'A'.repeat(1364) })).not.toBeNull()
    expect(readRegistration({ ...good, id: 'A'.repeat(1365), rawId: 'A'.repeat(1365) })).toBeNull()
    const many = {
      ...good,
      response: { ...response, transports: Array.from({ length: 100_000 }, () => 'usb') },
    }
    expect(readRegistration(many)?.response.transports).toEqual(['usb'])
    expect(
      readRegistration({ ...good, response: { ...response, transports: 'usb' } })?.response.transports,
    ).toEqual([])
  })
})

describe('a signature', () => {
  test('is asked for from the passkeys of an account, or from any', async () => {
    const factor = await kept()
    expect(party.requestOptions(later, [factor])).toEqual({
      challenge: text(later),
      rpId: RP_ID,
      timeout: 300_000,
      userVerification: 'required',
      allowCredentials: [{ type: 'public-key', id: passkey.id, transports: ['hybrid', 'internal'] }],
    })
    expect(party.requestOptions(later, []).allowCredentials).toEqual([])
  })

  test('is good, with the name of its owner or without', async () => {
    const factor = await kept()
    expect(await show(factor)).toEqual({ ok: true, counter: 2 })
    expect(await show(factor, { userHandle: null })).toEqual({ ok: true, counter: 3 })
    expect(await show(factor, { userHandle: '' })).toEqual({ ok: true, counter: 4 })
  })

  test.each<readonly [string, Odd]>([
    ['for another origin', { origin: 'https://evil.example.com' }],
    ['for another relying party', { rpId: 'evil.example.com' }],
    ['for a challenge of before', { challenge: text(challenge) }],
    ['for an empty challenge', { challenge: '' }],
    ['as an answer to something else', { type: 'webauthn.create' }],
    ['in a frame of another site', { crossOrigin: true }],
    ['by nobody', { flags: 0x04 }],
    ['by somebody who did not show who they are', { flags: 0x01 }],
    ['in the name of another owner', { userHandle: userHandle(OTHER) }],
    ['with a name too long', { userHandle: 'A'.repeat(89) }],
    ['with too much beside it', { padding: 'x'.repeat(4096) }],
  ])('%s is refused', async (_, odd) => {
    expect(await show(await kept(), odd)).toEqual(INVALID)
  })

  test('by another key, or over other words, is refused', async () => {
    const factor = await kept()
    const stranger = createPasskey()
    await make(undefined, stranger)
    const asked = party.requestOptions(later, [factor])
    const forged = { ...stranger.get(asked), id: passkey.id, rawId: passkey.id }
    expect(await party.verify(readAssertion(forged)!, later, factor)).toEqual(INVALID)
    expect(await party.verify(readAssertion(stranger.get(asked))!, later, factor)).toEqual(INVALID)
    const good = passkey.get(asked) as { response: { clientDataJSON: string } }
    const words = Buffer.from(good.response.clientDataJSON, 'base64url').toString()
    const clientDataJSON = text(Buffer.from(words.replace('false', 'false ')))
    const changed = readAssertion({ ...good, response: { ...good.response, clientDataJSON } })!
    expect(await party.verify(changed, later, factor)).toEqual(INVALID)
    const odd = readAssertion({
      ...good,
      response: { ...good.response, clientDataJSON: text(Buffer.from('null')) },
    })!
    expect(await party.verify(odd, later, factor)).toEqual(INVALID)
  })

  test('counts up, unless it never does', async () => {
    const at = (counter: number, before: number) => kept(before).then((factor) => show(factor, { counter }))
    expect(await at(6, 5)).toEqual({ ok: true, counter: 6 })
    expect(await at(5, 5)).toEqual({ ok: false, reason: 'copied' })
    expect(await at(4, 5)).toEqual({ ok: false, reason: 'copied' })
    expect(await at(0, 5)).toEqual({ ok: false, reason: 'copied' })
    expect(await at(0, 0)).toEqual({ ok: true, counter: 0 })
    expect(await at(4_294_967_295, 0)).toEqual({ ok: true, counter: 4_294_967_295 })
    // Only of a good signature it is said that there is a copy.
    const factor = await kept(9)
    expect(await show(factor, { counter: 1, origin: 'https://evil.example.com' })).toEqual(INVALID)
  })

  test('is not looked at when it is too large, or no object as browsers write it', async () => {
    const good = passkey.get(party.requestOptions(later, [await kept()]))
    const response = good['response'] as object
    const sized = (name: string, length: number) =>
      readAssertion({ ...good, response: { ...response, [name]: 'A'.repeat(length) } })
    for (const [name, most] of Object.entries({
      clientDataJSON: 4096,
      authenticatorData: 2048,
      signature: 1024,
      userHandle: 88,
    })) {
      expect([name, sized(name, most) === null, sized(name, most + 1) === null]).toEqual([name, false, true])
    }
    for (const [name, value] of [
      ['signature', ''],
      ['authenticatorData', null],
      ['userHandle', 7],
      ['signature', 'é'],
    ] as const) {
      expect(readAssertion({ ...good, response: { ...response, [name]: value } })).toBeNull()
    }
  })
})
