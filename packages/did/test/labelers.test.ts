import { createKeypair, formatMultikey } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  createResolveLabelKey,
  DidError,
  labelerEndpoint,
  parseDidDocument,
  type DidDocument,
  type DidResolver,
  type DidResult,
} from '../src/index.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const [own, label] = [createKeypair('k256'), createKeypair('p256')]

const method = (fragment: string, key: typeof own): object => ({
  id: `${did}#${fragment}`,
  type: 'Multikey',
  controller: did,
  publicKeyMultibase: formatMultikey(key.publicKey),
})
const parse = (fields: object): DidDocument => {
  const parsed = parseDidDocument({ id: did, ...fields })
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

describe('the key of a labeler', () => {
  const resolver = (result: DidResult<DidDocument>): DidResolver & { asked: unknown[] } => {
    const asked: unknown[] = []
    return {
      asked,
      resolve: async (...given) => {
        asked.push(given)
        return result
      },
    }
  }
  const found = (...methods: object[]): DidResult<DidDocument> => ({
    ok: true,
    value: parse({ verificationMethod: methods }),
  })

  it('is `#atproto_label`, and no other stands in for it', async () => {
    const dids = resolver(found(method('atproto', own), method('atproto_label', label)))
    expect(await createResolveLabelKey(dids)(did, { forceRefresh: true })).toEqual(label.publicKey)
    expect(dids.asked).toEqual([[did, { forceRefresh: true }]])
    const none = createResolveLabelKey(resolver(found(method('atproto', own))))
    expect(await none(did, { forceRefresh: false })).toBe(null)
  })

  it('is null for a DID that is gone, and unknown for one that cannot be asked for', async () => {
    for (const code of ['not-found', 'tombstoned'] as const) {
      const dids = resolver({ ok: false, error: new DidError(code, 'no') })
      expect(await createResolveLabelKey(dids)(did, { forceRefresh: false })).toBe(null)
    }
    const error = new DidError('network', 'away')
    const away = createResolveLabelKey(resolver({ ok: false, error }))
    await expect(away(did, { forceRefresh: false })).rejects.toBe(error)
  })
})

describe('labelerEndpoint', () => {
  const endpointOf = (fields: object): string | null =>
    labelerEndpoint(
      parse({
        service: [
          {
            id: '#atproto_labeler',
            type: 'AtprotoLabeler',
            serviceEndpoint: 'https://labels.example.com',
            ...fields,
          },
        ],
      }),
    )

  it('is an origin', () => {
    expect(endpointOf({})).toBe('https://labels.example.com')
    expect(endpointOf({ serviceEndpoint: 'https://labels.example.com:8443/' })).toBe(
      'https://labels.example.com:8443',
    )
    expect(endpointOf({ serviceEndpoint: 'https://example.com/labels' })).toBe(null)
    expect(endpointOf({ serviceEndpoint: 'https://example.com/?a' })).toBe(null)
  })

  it('is of the right id and type', () => {
    expect(endpointOf({ id: '#labeler' })).toBe(null)
    expect(endpointOf({ type: 'AtprotoPersonalDataServer' })).toBe(null)
  })
})
