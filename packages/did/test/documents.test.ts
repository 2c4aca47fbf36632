import { zstdDecompressSync } from 'node:zlib'
import { createKeypair, formatMultikey } from '@avocet/crypto'
import { isHandle } from '@avocet/syntax'
import { readFixture, readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  handleOf,
  parseDidDocument,
  pdsEndpoint,
  serviceEndpoint,
  signingKey,
  verificationKey,
  verificationMethods,
  type DidDocument,
} from '../src/index.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const key = createKeypair('k256')
const other = createKeypair('p256')

const parse = (fields: object): DidDocument => {
  const parsed = parseDidDocument({ id: did, ...fields })
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

const method = (fields: object = {}): object => ({
  id: '#atproto',
  type: 'Multikey',
  controller: did,
  publicKeyMultibase: formatMultikey(key.publicKey),
  ...fields,
})
const service = (fields: object = {}): object => ({
  id: '#atproto_pds',
  type: 'AtprotoPersonalDataServer',
  serviceEndpoint: 'https://pds.example.com',
  ...fields,
})

describe('parseDidDocument', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['text', 'x'],
    ['no id', {}],
    ['an id that is no DID', { id: 'https://example.com' }],
  ])('refuses %s', (_, json) => {
    expect(parseDidDocument(json)).toMatchObject({ ok: false, error: { code: 'invalid-document' } })
  })

  it('refuses another DID’s document', () => {
    expect(parseDidDocument({ id: 'did:web:evil.test' }, did)).toMatchObject({
      error: { code: 'id-mismatch' },
    })
  })

  it('refuses a document that is nested too deep, in any field', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
    expect(parseDidDocument({ id: did, more: nested(31) })).toMatchObject({ ok: true })
    expect(parseDidDocument({ id: did, more: nested(32) })).toMatchObject({
      ok: false,
      error: { code: 'invalid-document' },
    })
    // As many as fit into what is read of a document.
    expect(parseDidDocument({ id: did, service: nested(100_000) })).toMatchObject({
      error: { code: 'invalid-document' },
    })
  })

  it('takes a document without lists', () => {
    expect(parse({})).toEqual({ id: did, alsoKnownAs: [], verificationMethod: [], service: [] })
  })

  it('leaves broken entries out and keeps unknown fields', () => {
    const document = parse({
      '@context': 'https://www.w3.org/ns/did/v1',
      assertionMethod: ['#atproto'],
      alsoKnownAs: [1, 'at://alice.test', null, {}],
      verificationMethod: [null, 'x', {}, method({ type: 7 }), method(), method({ publicKeyMultibase: {} })],
      service: [
        null,
        service({ serviceEndpoint: { uri: 'x' } }),
        service({ type: ['A', 'B'] }),
        service({ id: 1 }),
      ],
    })
    expect(document).toMatchObject({
      assertionMethod: ['#atproto'],
      alsoKnownAs: ['at://alice.test'],
      verificationMethod: [method()],
      service: [service({ type: 'A' })],
    })
  })

  it('bounds its lists', () => {
    const alsoKnownAs = Array.from({ length: 5_000 }, (_, i) => `at://a${i}.test`)
    expect(parse({ alsoKnownAs }).alsoKnownAs).toHaveLength(256)
  })
})

describe('signingKey', () => {
  it.each<[string, object[], string | null]>([
    ['relative id', [method()], key.didKey],
    ['absolute id', [method({ id: `${did}#atproto` })], key.didKey],
    ['no controller', [method({ controller: undefined })], key.didKey],
    ['another DID’s id', [method({ id: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#atproto' })], null],
    ['another controller', [method({ controller: 'did:web:evil.test' })], null],
    ['another fragment', [method({ id: '#atproto_label' })], null],
    ['a fragment that only ends alike', [method({ id: '#not-atproto' })], null],
    [
      'two: the first',
      [method(), method({ publicKeyMultibase: formatMultikey(other.publicKey) })],
      key.didKey,
    ],
    ['an unreadable one before', [method({ publicKeyMultibase: 'zzz' }), method()], key.didKey],
    [
      'a curve that cannot sign',
      [method({ publicKeyMultibase: 'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK' })],
      null,
    ],
    ['nothing', [], null],
  ])('%s', (_, verificationMethod, expected) => {
    const found = signingKey(parse({ verificationMethod }))
    expect(found && `did:key:${formatMultikey(found)}`).toBe(expected)
  })

  it('reads the old key types with uncompressed points', () => {
    // https://atproto.com/specs/did (legacy representation)
    const document = parse({
      verificationMethod: [
        {
          id: '#atproto',
          type: 'EcdsaSecp256k1VerificationKey2019',
          controller: did,
          publicKeyMultibase:
            'zQYEBzXeuTM9UR3rfvNag6L3RNAs5pQZyYPsomTsgQhsxLdEgCrPTLgFna8yqCnxPpNT7DBk6Ym3dgPKNu86vt9GR',
        },
      ],
    })
    expect(formatMultikey(signingKey(document)!)).toBe('zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF')
  })

  it('gives the same object each time, and other fragments too', () => {
    const document = parse({ verificationMethod: [method(), method({ id: '#atproto_label' })] })
    expect(signingKey(document)).toBe(signingKey(document))
    expect(verificationKey(document, 'atproto_label')).toEqual(key.publicKey)
    expect(verificationKey(document, 'none')).toBeNull()
  })

  it('are told unread as well: those of the account, with this fragment, in their order', () => {
    const [first, odd] = [method(), method({ type: 'Other', publicKeyMultibase: 'z1' })]
    const document = parse({
      verificationMethod: [
        odd,
        method({ controller: 'did:web:other.example' }),
        method({ id: '#atproto_label', publicKeyMultibase: 'z2' }),
        first,
      ],
    })
    const text = (first as { publicKeyMultibase: string }).publicKeyMultibase
    expect(verificationMethods(document, 'atproto')).toEqual([
      { type: 'Other', publicKeyMultibase: 'z1' },
      { type: 'Multikey', publicKeyMultibase: text },
    ])
    expect(verificationMethods(document, 'none')).toEqual([])
    expect(signingKey(document)).toEqual(key.publicKey)
  })
})

describe('pdsEndpoint and serviceEndpoint', () => {
  it.each<[string, object, string | null]>([
    ['an origin', {}, 'https://pds.example.com'],
    ['a slash at the end', { serviceEndpoint: 'https://pds.example.com/' }, 'https://pds.example.com'],
    ['an absolute id', { id: `${did}#atproto_pds` }, 'https://pds.example.com'],
    ['a port', { serviceEndpoint: 'http://localhost:2583' }, 'http://localhost:2583'],
    ['a path', { serviceEndpoint: 'https://pds.example.com/xrpc' }, null],
    ['credentials', { serviceEndpoint: 'https://user:pass@pds.example.com' }, null],
    ['another protocol', { serviceEndpoint: 'ftp://pds.example.com' }, null],
    ['no URL', { serviceEndpoint: 'pds.example.com' }, null],
    ['another type', { type: 'Other' }, null],
    ['another id', { id: '#other' }, null],
  ])('PDS with %s', (_, fields, expected) => {
    expect(pdsEndpoint(parse({ service: [service(fields)] }))).toBe(expected)
  })

  it('finds services by fragment and type', () => {
    const document = parse({
      service: [
        { id: '#bsky_appview', type: 'Other', serviceEndpoint: 'https://other.example.com' },
        { id: '#bsky_appview', type: 'BskyAppView', serviceEndpoint: 'https://api.example.com/base/' },
      ],
    })
    expect(serviceEndpoint(document, 'bsky_appview', 'BskyAppView')).toBe('https://api.example.com/base')
    expect(serviceEndpoint(document, 'bsky_appview')).toBe('https://other.example.com')
    expect(serviceEndpoint(document, 'bsky_fg')).toBeNull()
  })
})

describe('handleOf', () => {
  it.each<[string[], string | null]>([
    [['at://Alice.Example.com'], 'alice.example.com'],
    [['https://alice.test', 'at://alice.test', 'at://second.test'], 'alice.test'],
    [['at://not_valid', 'at://alice.test'], 'alice.test'],
    [['at://did:plc:x'], null],
    [['at://alice.test/path'], null],
    [[], null],
  ])('%j → %s', (alsoKnownAs, expected) => {
    expect(handleOf(parse({ alsoKnownAs }))).toBe(expected)
  })
})

const captured = await readFixture('relay-capture/did_docs.json.zst')

describe.skipIf(captured === null)('documents of the network', () => {
  const all =
    captured === null ? {} : (JSON.parse(zstdDecompressSync(captured).toString()) as Record<string, unknown>)

  it('all parse and give key, PDS and handle', () => {
    expect(Object.keys(all).length).toBeGreaterThan(100)
    for (const [id, json] of Object.entries(all)) {
      const parsed = parseDidDocument(json, id as `did:plc:${string}`)
      expect(parsed, id).toMatchObject({ ok: true })
      if (!parsed.ok) continue
      expect(signingKey(parsed.value), id).toMatchObject({ curve: 'k256' })
      expect(pdsEndpoint(parsed.value), id).toMatch(/^https:\/\/[^/]+$/)
      expect(isHandle(handleOf(parsed.value)), id).toBe(true)
    }
  })
})

const didKeys = await Promise.all(
  ['K256', 'P256'].map((curve) => readFixtureText(`interop/crypto/w3c_didkey_${curve}.json`)),
)

describe.skipIf(didKeys.some((text) => text === null))('did:key vectors as verification methods', () => {
  it.each(didKeys.flatMap((text) => JSON.parse(text ?? '[]') as { publicDidKey: string }[]))(
    '$publicDidKey',
    ({ publicDidKey }) => {
      const publicKeyMultibase = publicDidKey.replace('did:key:', '')
      const found = signingKey(parse({ verificationMethod: [method({ publicKeyMultibase })] }))
      expect(found && formatMultikey(found)).toBe(publicKeyMultibase)
    },
  )
})
