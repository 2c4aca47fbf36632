import { describe, expect, it } from 'vitest'
import {
  checkNewOperation,
  isPlcDid,
  parseAuditLog,
  parseOperation,
  tombstoneOperation,
  signOperation,
  type PlcOperation,
  type Signed,
} from '../src/index.ts'
import { createAccount, logEntry } from './support.ts'

const { did, genesis, rotation } = await createAccount()
const tombstone = await signOperation(tombstoneOperation(genesis), rotation)

describe('parseOperation', () => {
  it.each([
    ['a genesis', genesis],
    ['a tombstone', tombstone],
  ])('reads %s as it is', (_, operation) => {
    expect(parseOperation(structuredClone(operation))).toEqual({ ok: true, value: operation })
  })

  it('keeps a key named __proto__ as a key', () => {
    const json = JSON.parse(JSON.stringify(genesis).replace('"atproto":', '"__proto__":')) as unknown
    const parsed = parseOperation(json)
    expect(parsed.ok && Object.keys((parsed.value as Signed<PlcOperation>).verificationMethods)).toEqual([
      '__proto__',
    ])
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['text', 'plc_operation'],
    ['no type', { ...genesis, type: undefined }],
    ['an unknown type', { ...genesis, type: 'plc_other' }],
    ['an inherited type', { ...genesis, type: 'constructor' }],
    ['a missing prev', without(genesis, 'prev')],
    ['a prev that is no CID', { ...genesis, prev: 'abc' }],
    ['a raw CID as prev', { ...genesis, prev: `bafkrei${'a'.repeat(52)}` }],
    ['an unknown field', { ...genesis, extra: 1 }],
    ['no signature', without(genesis, 'sig')],
    ['rotation keys of a wrong type', { ...genesis, rotationKeys: [1] }],
    ['a list as verification methods', { ...genesis, verificationMethods: [] }],
    ['a number as a verification method', { ...genesis, verificationMethods: { atproto: 1 } }],
    ['an alias of a wrong type', { ...genesis, alsoKnownAs: 'at://alice.test' }],
    ['a service without endpoint', { ...genesis, services: { atproto_pds: { type: 'x' } } }],
    ['a service with more fields', { ...genesis, services: { a: { type: 'x', endpoint: 'y', z: 1 } } }],
    ['a lone surrogate', { ...genesis, alsoKnownAs: ['at://\ud800'] }],
    ['too many entries', { ...genesis, alsoKnownAs: Array.from({ length: 300 }, String) }],
    ['a tombstone without prev', { ...tombstone, prev: null }],
    [
      'a create with prev',
      {
        type: 'create',
        signingKey: '',
        recoveryKey: '',
        handle: '',
        service: '',
        prev: tombstone.prev,
        sig: '',
      },
    ],
    [
      'a create without handle',
      { type: 'create', signingKey: '', recoveryKey: '', service: '', prev: null, sig: '' },
    ],
  ])('refuses %s', (_, json) => {
    expect(parseOperation(json)).toMatchObject({ ok: false, error: { code: 'invalid-operation' } })
  })

  it('refuses what is far too large before anybody checks its signature', () => {
    const alsoKnownAs = Array.from({ length: 100 }, (_, i) => `at://${'x'.repeat(1000)}${i}`)
    expect(parseOperation({ ...genesis, alsoKnownAs })).toMatchObject({
      error: { code: 'operation-too-large' },
    })
  })
})

describe('checkNewOperation', () => {
  it('takes what a directory takes', () => {
    expect(checkNewOperation(genesis)).toBeNull()
    expect(checkNewOperation(tombstone)).toBeNull()
  })

  const key = genesis.rotationKeys[0]!
  it.each<[string, Partial<PlcOperation>, string]>([
    ['no rotation keys', { rotationKeys: [] }, 'invalid-operation'],
    ['eleven rotation keys', { rotationKeys: Array.from({ length: 11 }, () => key) }, 'invalid-operation'],
    ['a rotation key twice', { rotationKeys: [key, key] }, 'invalid-operation'],
    [
      'a rotation key that cannot sign',
      { rotationKeys: ['did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'] },
      'unsupported-key',
    ],
    [
      'a verification method that is no did:key',
      { verificationMethods: { atproto: 'did:web:x' } },
      'unsupported-key',
    ],
    ['an id with a #', { verificationMethods: { '#atproto': key } }, 'invalid-operation'],
    ['a long id', { verificationMethods: { ['a'.repeat(33)]: key } }, 'invalid-operation'],
    ['an alias twice', { alsoKnownAs: ['at://a.test', 'at://a.test'] }, 'invalid-operation'],
    [
      'eleven aliases',
      { alsoKnownAs: Array.from({ length: 11 }, (_, i) => `at://${i}.test`) },
      'invalid-operation',
    ],
    ['a long alias', { alsoKnownAs: [`at://${'a'.repeat(254)}`] }, 'invalid-operation'],
    ['a long endpoint', { services: { a: { type: 'x', endpoint: 'y'.repeat(257) } } }, 'invalid-operation'],
    [
      'eleven services',
      {
        services: Object.fromEntries(
          Array.from({ length: 11 }, (_, i) => [`s${i}`, { type: 'x', endpoint: 'y' }]),
        ),
      },
      'invalid-operation',
    ],
    [
      '4 001 bytes and more',
      {
        services: Object.fromEntries(
          Array.from({ length: 20 }, (_, i) => [`s${i}`, { type: 'x', endpoint: 'y'.repeat(256) }]),
        ),
      },
      'operation-too-large',
    ],
  ])('refuses %s', (_, change, code) => {
    expect(checkNewOperation({ ...genesis, ...change })).toMatchObject({ code })
  })

  it('refuses a new legacy create', () => {
    const create = {
      type: 'create',
      signingKey: key,
      recoveryKey: key,
      handle: 'a.test',
      service: 'https://a.test',
      prev: null,
      sig: '',
    } as const
    expect(checkNewOperation(create)).toMatchObject({ code: 'invalid-operation' })
  })
})

describe('parseAuditLog', () => {
  it('reads entries and refuses broken ones', () => {
    const entry = logEntry(did, genesis, 0)
    expect(parseAuditLog(JSON.parse(JSON.stringify([entry])))).toEqual({ ok: true, value: [entry] })
    for (const broken of [
      { createdAt: 'yesterday' },
      { cid: 'x' },
      { did: 'x' },
      { nullified: 0 },
      { operation: null },
    ]) {
      expect(parseAuditLog([{ ...entry, ...broken }]), JSON.stringify(broken)).toMatchObject({
        error: { code: 'invalid-operation' },
      })
    }
    expect(parseAuditLog({})).toMatchObject({ ok: false })
  })
})

it('isPlcDid takes 24 base32 characters', () => {
  expect(isPlcDid(did)).toBe(true)
  for (const other of [
    `${did}a`,
    did.slice(0, -1),
    did.toUpperCase(),
    'did:web:a.test',
    did.replace(/.$/, '1'),
    3,
  ]) {
    expect(isPlcDid(other), String(other)).toBe(false)
  }
})

function without(value: object, field: string): unknown {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== field))
}
