import { createKeypair } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  createOperation,
  didForOperation,
  normalizeOperation,
  operationCid,
  operationToDidDocument,
  PlcError,
  signOperation,
  tombstoneOperation,
  updateOperation,
  verifyLog,
  type LegacyCreate,
  type Signed,
} from '../src/index.ts'
import { createAccount } from './support.ts'

// The first account of the network still has a genesis operation of the legacy form.
// https://web.plc.directory/api/redoc (LegacyCreateOp, LogEntry)
const legacy: Signed<LegacyCreate> = {
  type: 'create',
  signingKey: 'did:key:zQ3shP5TBe1sQfSttXty15FAEHV1DZgcxRZNxvEWnPfLFwLxJ',
  recoveryKey: 'did:key:zQ3shhCGUqDKjStzuDxPkTxN6ujddP4RkEKJJouJGRRkaLGbg',
  handle: 'first-post.bsky.social',
  service: 'https://bsky.social',
  prev: null,
  sig: 'yvN4nQYWTZTDl9nKSSyC5EC3nsF5g4S56OmRg9G6_-pM6FCItV2U2u14riiMGyHiCD86l6O-1xC5MPwf8vVsRw',
}

describe('operations of the public directory', () => {
  it('computes the published CID and DID of a genesis operation and accepts its signature', () => {
    const operation = {
      sig: 'lza4at_jCtGo_TYgL5PC1ZNP7lhF4DV8H50LWHhvdHcB143x1wEwqZ43xvV36Pws6OOnJLJrkibEUFDFqkhIhg',
      prev: null,
      type: 'plc_operation' as const,
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://bsky.social' } },
      alsoKnownAs: ['at://atprotocol.bsky.social'],
      rotationKeys: [
        'did:key:zQ3shhCGUqDKjStzuDxPkTxN6ujddP4RkEKJJouJGRRkaLGbg',
        'did:key:zQ3shpKnbdPx3g3CmPf5cRVTPe1HtSwVn5ish3wSnDPQCbLJK',
      ],
      verificationMethods: { atproto: 'did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF' },
    }
    expect(operationCid(operation)).toBe('bafyreibfvkh3n6odvdpwj54j4xxdsgnn4zo5utbyf7z7nfbyikhtygzjcq')
    expect(didForOperation(operation)).toBe('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
    expect(verifyLog('did:plc:ewvi7nxzyoun6zhxrhs64oiz', [operation])).toMatchObject({ ok: true })
  })

  it('reads a legacy create operation and normalizes it', () => {
    const did = didForOperation(legacy)
    const log = verifyLog(did, [legacy])
    expect(log).toMatchObject({
      ok: true,
      value: {
        data: {
          did,
          rotationKeys: [legacy.recoveryKey, legacy.signingKey],
          verificationMethods: { atproto: legacy.signingKey },
          alsoKnownAs: ['at://first-post.bsky.social'],
          services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://bsky.social' } },
        },
      },
    })
    expect(verifyLog(did, [{ ...legacy, handle: 'other.bsky.social' }])).toMatchObject({
      error: { code: 'genesis-mismatch' },
    })
  })
})

describe('making operations', () => {
  it('adds the prefixes a person leaves out', () => {
    const operation = createOperation({
      rotationKeys: ['did:key:z1'],
      signingKey: 'did:key:z2',
      handle: 'alice.test',
      pds: 'pds.test',
    })
    expect(operation.alsoKnownAs).toEqual(['at://alice.test'])
    expect(operation.services).toEqual({
      atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://pds.test' },
    })
  })

  it('changes what an update names and keeps the rest', async () => {
    const { genesis } = await createAccount()
    const extended = {
      ...genesis,
      alsoKnownAs: ['https://alice.example.com', 'at://alice.test', 'at://second.test'],
      services: { ...genesis.services, labeler: { type: 'AtprotoLabeler', endpoint: 'https://labels.test' } },
    }
    const key = createKeypair()
    const next = updateOperation(extended, {
      handle: 'bob.test',
      pds: 'http://localhost:2583',
      signingKey: key.didKey,
    })
    expect(next).toEqual({
      type: 'plc_operation',
      rotationKeys: genesis.rotationKeys,
      verificationMethods: { atproto: key.didKey },
      alsoKnownAs: ['https://alice.example.com', 'at://bob.test', 'at://second.test'],
      services: {
        atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'http://localhost:2583' },
        labeler: { type: 'AtprotoLabeler', endpoint: 'https://labels.test' },
      },
      prev: operationCid(extended),
    })
    expect(next).not.toHaveProperty('sig')
  })

  it('lets nothing follow a tombstone', async () => {
    const { genesis, rotation } = await createAccount()
    const end = await signOperation(tombstoneOperation(genesis), rotation)
    expect(() => tombstoneOperation(end)).toThrow(PlcError)
    expect(() => updateOperation(end, { handle: 'x.test' })).toThrow(
      expect.objectContaining({ code: 'tombstoned' }),
    )
    expect(normalizeOperation(end)).toBeNull()
  })
})

describe('DID document', () => {
  it('has the form of the public directory', () => {
    const did = 'did:plc:7iza6de2dwap2sbkpav7c6c6'
    const p256 = 'did:key:zDnaeh9v2RmcMo13Du2d6pjUf5bZwtauYxj3n9dYjw4EZUAR7'
    const k256 = 'did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF'
    const ed25519 = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'
    const document = operationToDidDocument(did, {
      type: 'plc_operation',
      rotationKeys: [p256],
      verificationMethods: { atproto: p256, other: k256, foreign: ed25519 },
      alsoKnownAs: ['at://alice.test'],
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://example.test' } },
      prev: null,
    })
    expect(document).toEqual({
      '@context': [
        'https://www.w3.org/ns/did/v1',
        'https://w3id.org/security/multikey/v1',
        'https://w3id.org/security/suites/ecdsa-2019/v1',
        'https://w3id.org/security/suites/secp256k1-2019/v1',
      ],
      id: did,
      alsoKnownAs: ['at://alice.test'],
      verificationMethod: [p256, k256, ed25519].map((key, index) => ({
        id: `${did}#${['atproto', 'other', 'foreign'][index]}`,
        type: 'Multikey',
        controller: did,
        publicKeyMultibase: key.slice('did:key:'.length),
      })),
      service: [
        { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://example.test' },
      ],
    })
  })

  it('is null for a tombstone', async () => {
    const { did, genesis } = await createAccount()
    expect(operationToDidDocument(did, tombstoneOperation(genesis))).toBeNull()
  })
})
