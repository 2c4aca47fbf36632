import { encode } from '@avocet/cbor'
import { createKeypair, parseMultikey, verifySignature, type PublicKey } from '@avocet/crypto'
import { fromJsonObject } from '@avocet/data'
import { describe, expect, test } from 'vitest'
import * as web from '@avocet/crypto/web'
import {
  encodeLabel,
  LabelsError,
  parseLabel,
  signLabel,
  verifyLabel,
  verifyLabelBy,
  type Label,
} from '../src/index.ts'
import { at, CID_A, keypair, label, LABELER, OTHER, POST, signed } from './support.ts'

const codeOf = (result: ReturnType<typeof verifyLabel> | ReturnType<typeof parseLabel>): string =>
  result.ok ? 'ok' : result.error.code

describe('the bytes that are signed', () => {
  test('are the canonical CBOR of the fields of the specification, and nothing else', () => {
    const { $type: _, ...fields } = label({ cid: CID_A, neg: true, exp: at(9) })
    const odd = {
      ...fields,
      $type: 'com.atproto.label.defs#label',
      sig: new Uint8Array(64),
      extra: 1,
    } as Label
    expect(encodeLabel(odd)).toEqual(encode(fields as never))
    // { ver, src, uri, val, cts }, shorter keys first, then by their bytes.
    const hex = hexOf(encodeLabel(label({ src: OTHER, uri: 'did:web:a.example', val: 'x' }))!)
    expect(hex.slice(0, 12)).toBe('a56363747378')
    expect(hex).toContain('6376657201')
    expect(hex).not.toContain('63736967')
  })

  test('have `neg: false` where the label has it: other labelers sign it', () => {
    expect(encodeLabel(label({ neg: false }))).not.toEqual(encodeLabel(label()))
  })

  test('are none for a text that is no Unicode', () => {
    expect(encodeLabel(label({ val: '\ud800' }))).toBe(null)
  })
})

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

describe('parseLabel', () => {
  test('gives the fields of a label alone', () => {
    const given = { ...label({ neg: false, cid: CID_A, exp: at(1) }), $type: 'a#b', other: [1] }
    const { $type: _, other: __, ...fields } = given
    expect(parseLabel(given)).toEqual({ ok: true, value: fields })
  })

  test.for<[string, unknown]>([
    ['ver', '1'],
    ['ver', 1.5],
    ['src', 'alice.example.com'],
    ['src', undefined],
    ['uri', 'no uri'],
    ['uri', undefined],
    ['cid', 'Qm'],
    ['cid', null],
    ['val', undefined],
    ['val', 7],
    ['val', 'v'.repeat(129)],
    ['val', 'é'.repeat(65)],
    ['val', '\udc00'],
    ['neg', 'true'],
    ['neg', null],
    ['cts', '2024-01-01'],
    ['cts', undefined],
    ['exp', 'tomorrow'],
    ['sig', 'c2ln'],
    ['sig', { $bytes: 'c2ln' }],
  ])('refuses a bad %s: %s', ([field, value]) => {
    const result = parseLabel({ ...label(), [field]: value })
    expect(result).toMatchObject({ ok: false, error: { code: 'malformed' } })
    if (!result.ok) expect(result.error.message).toContain(`field=${field}`)
  })

  test('takes values of 128 bytes', () => {
    expect(codeOf(parseLabel(label({ val: 'v'.repeat(128) })))).toBe('ok')
    expect(codeOf(parseLabel(label({ val: 'é'.repeat(64) })))).toBe('ok')
  })

  test.for([null, undefined, 1, 'label', [], new Uint8Array(3)])('refuses what is no object: %s', (value) => {
    expect(codeOf(parseLabel(value))).toBe('malformed')
  })
})

describe('signLabel and verifyLabel', () => {
  test.for(['k256', 'p256'] as const)('agree, with keys of %s', async (curve) => {
    const own = createKeypair(curve)
    const made = await signed({ cid: CID_A, exp: at(60), neg: true }, own)
    expect(made).toMatchObject({ ver: 1, src: LABELER, neg: true, exp: at(60) })
    expect(made.sig.length).toBe(64)
    expect(verifyLabel(made, own.publicKey)).toEqual({ ok: true, value: made })
    expect(codeOf(verifyLabel(made, createKeypair(curve).publicKey))).toBe('bad-signature')
  })

  test.for(['k256', 'p256'] as const)('by a check of one’s own, with keys of %s', async (curve) => {
    const own = createKeypair(curve)
    const made = await signed({ cid: CID_A, exp: at(60) }, own)
    const by = async (value: unknown, key: PublicKey | null): ReturnType<typeof verifyLabelBy> =>
      await verifyLabelBy(value, key && ((message, sig) => web.verifySignature(key, message, sig)))
    const { sig: _, ...unsigned } = made
    const other = createKeypair(curve).publicKey
    for (const [value, key] of [
      [made, own.publicKey],
      [made, other],
      [made, null],
      [{ ...made, val: 'wrong' }, own.publicKey],
      [{ ...made, ver: 2 }, own.publicKey],
      [unsigned, null],
      [{ ...made, cts: 'now' }, own.publicKey],
    ] as const) {
      expect(await by(value, key)).toEqual(verifyLabel(value, key))
    }
    expect(await by(made, own.publicKey)).toEqual({ ok: true, value: made })
    expect(codeOf(await by(made, other))).toBe('bad-signature')
  })

  test('agree with a labeler of the network', () => {
    const key = parseMultikey('zQ3shcnfWLQN1bY4d2patsEAYFzy4xp1zdckEvHsV7S4ocTnC')
    const sig = 'uCRNA5mTzh078T5xZtkvLEt/O+z0gsKM3aqRI/lVAB8ZtbMnznwS/JwHopZE40JhNNDj80z8gsDLAp/hWqG5Pg'
    const published = fromJsonObject({
      ver: 1,
      src: 'did:plc:n3timvoib5nau7gvwd6cshap',
      uri: 'did:plc:44ybard66vv44zksje25o7dz',
      val: 'bladerunner',
      cts: '2024-10-23T17:51:19.128Z',
      sig: { $bytes: sig },
    })
    expect(codeOf(verifyLabel(published, key.ok ? key.value : null))).toBe('ok')
    expect(codeOf(verifyLabel({ ...published, val: 'wrong' }, key.ok ? key.value : null))).toBe(
      'bad-signature',
    )
  })

  test('signs neither `neg: false`, nor $type, nor a field that no label has', async () => {
    const odd = { ...label({ neg: false }), $type: 'com.atproto.label.defs#label', aud: 'did:web:x.example' }
    const made = await signLabel(odd as Label, keypair)
    expect(Object.keys(made).toSorted()).toEqual(['cts', 'sig', 'src', 'uri', 'val', 'ver'])
    expect(verifySignature(keypair.publicKey, encodeLabel(label())!, made.sig)).toBe(true)
  })

  test('what is on top of a signed label is no part of what is verified', async () => {
    const made = await signed()
    const result = verifyLabel({ ...made, $type: 'a#b', extra: true }, keypair.publicKey)
    expect(result).toEqual({ ok: true, value: made })
  })

  test.for<[keyof Label, unknown]>([
    ['src', OTHER],
    ['uri', `${POST}x`],
    ['cid', undefined],
    ['val', 'porn'],
    ['neg', true],
    ['neg', false],
    ['cts', at(1)],
    ['exp', undefined],
    ['exp', at(61)],
  ])('a changed %s breaks the signature', async ([field, value]) => {
    const made = await signed({ cid: CID_A, exp: at(60) })
    expect(codeOf(verifyLabel({ ...made, [field]: value }, keypair.publicKey))).toBe('bad-signature')
  })

  test('says what is missing', async () => {
    const made = await signed()
    const { sig: _, ...unsigned } = made
    const { ver: __, ...unversioned } = made
    expect(codeOf(verifyLabel(unsigned, keypair.publicKey))).toBe('unsigned')
    expect(codeOf(verifyLabel(unversioned, keypair.publicKey))).toBe('unsupported-version')
    expect(codeOf(verifyLabel({ ...made, ver: 2 }, keypair.publicKey))).toBe('unsupported-version')
    expect(codeOf(verifyLabel(made, null))).toBe('no-key')
    expect(codeOf(verifyLabel({ ...made, sig: new Uint8Array(0) }, keypair.publicKey))).toBe('bad-signature')
    expect(codeOf(verifyLabel({ ...made, sig: made.sig.slice(1) }, keypair.publicKey))).toBe('bad-signature')
  })

  test('the verifier of choice decides', async () => {
    const made = await signed()
    const seen: [PublicKey, Uint8Array, Uint8Array][] = []
    const verify = (...given: [PublicKey, Uint8Array, Uint8Array]): boolean => seen.push(given) === 0
    expect(codeOf(verifyLabel(made, keypair.publicKey, verify))).toBe('bad-signature')
    expect(seen).toEqual([[keypair.publicKey, encodeLabel(label()), made.sig]])
  })

  test('does not sign what is no label', async () => {
    for (const fields of [{ val: 'v'.repeat(129) }, { cts: 'now' as never }, { src: 'me' as never }]) {
      await expect(signed(fields)).rejects.toSatisfy(
        (error) => error instanceof LabelsError && error.code === 'invalid-label',
      )
    }
  })
})
