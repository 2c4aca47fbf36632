// Every bound of an operation and of a log: one under or at it, and one over.
import { createKeypair } from '@avocet/crypto'
import { describe, expect, it } from 'vitest'
import {
  checkNewOperation,
  parseAuditLog,
  parseLog,
  parseOperation,
  type PlcOperation,
  type Signed,
  type SignedOperation,
} from '../src/index.ts'
import { encodeOperation } from '../src/encoding.ts'
import { createAccount, logEntry } from './support.ts'

const { did, genesis } = await createAccount()
const keys = Array.from({ length: 11 }, () => createKeypair().didKey)
const list = (count: number, make: (i: number) => string = String): string[] =>
  Array.from({ length: count }, (_, i) => make(i))
const map = <T>(count: number, value: T): Record<string, T> =>
  Object.fromEntries(list(count).map((i) => [`s${i}`, value]))
const service = { type: 'x', endpoint: 'y' }
type Change = Partial<PlcOperation>

const reasonOf = (error: { code: string; message: string } | null): string =>
  error === null ? 'ok' : `${error.code}: ${error.message.split(';')[0]!}`

describe('a new operation', () => {
  it.each<[string, Change, Change, string]>([
    [
      '10 rotation keys',
      { rotationKeys: keys.slice(0, 10) },
      { rotationKeys: keys },
      'invalid-operation: rotationKeys needs 1 to 10 keys',
    ],
    [
      '1 rotation key',
      { rotationKeys: keys.slice(0, 1) },
      { rotationKeys: [] },
      'invalid-operation: rotationKeys needs 1 to 10 keys',
    ],
    [
      '10 aliases',
      { alsoKnownAs: list(10) },
      { alsoKnownAs: list(11) },
      'invalid-operation: alsoKnownAs has too many entries',
    ],
    [
      'an alias of 258 characters',
      { alsoKnownAs: ['a'.repeat(258)] },
      { alsoKnownAs: ['a'.repeat(259)] },
      'invalid-operation: alsoKnownAs entry is too long',
    ],
    [
      '10 verification methods',
      { verificationMethods: map(10, keys[0]!) },
      { verificationMethods: map(11, keys[0]!) },
      'invalid-operation: verificationMethods has too many entries',
    ],
    [
      'an id of 32 characters',
      { verificationMethods: { ['a'.repeat(32)]: keys[0]! } },
      { verificationMethods: { ['a'.repeat(33)]: keys[0]! } },
      'invalid-operation: verificationMethods has an id that is no fragment',
    ],
    [
      'a key of 256 characters',
      { verificationMethods: { a: `did:key:z${'6'.repeat(247)}` } },
      { verificationMethods: { a: `did:key:z${'6'.repeat(248)}` } },
      'unsupported-key: verification method is not a did:key',
    ],
    [
      '10 services',
      { services: map(10, service) },
      { services: map(11, service) },
      'invalid-operation: services has too many entries',
    ],
    [
      'the id of a service of 32 characters',
      { services: { ['a'.repeat(32)]: service } },
      { services: { ['a'.repeat(33)]: service } },
      'invalid-operation: services has an id that is no fragment',
    ],
    [
      'a service type of 96 characters',
      { services: { a: { type: 'x'.repeat(96), endpoint: 'y' } } },
      { services: { a: { type: 'x'.repeat(97), endpoint: 'y' } } },
      'invalid-operation: service type or endpoint is too long',
    ],
    [
      'an endpoint of 256 characters',
      { services: { a: { type: 'x', endpoint: 'y'.repeat(256) } } },
      { services: { a: { type: 'x', endpoint: 'y'.repeat(257) } } },
      'invalid-operation: service type or endpoint is too long',
    ],
    ['4000 bytes', sized(4_000), sized(4_001), 'operation-too-large: operation is too large'],
  ])('may have %s, and not one more', (_, atBound, beyond, reason) => {
    expect(reasonOf(checkNewOperation({ ...genesis, ...atBound }))).toBe('ok')
    expect(reasonOf(checkNewOperation({ ...genesis, ...beyond }))).toBe(reason)
  })

  it.each<[string, Change, string]>([
    ['a key twice', { rotationKeys: [keys[0]!, keys[1]!, keys[0]!] }, 'rotationKeys holds a key twice'],
    ['an alias twice', { alsoKnownAs: ['a', 'b', 'a'] }, 'alsoKnownAs holds an entry twice'],
    ['an id with a #', { services: { '#a': service } }, 'services has an id that is no fragment'],
    ['an empty id', { services: { '': service } }, 'services has an id that is no fragment'],
  ])('may not have %s', (_, change, reason) => {
    expect(reasonOf(checkNewOperation({ ...genesis, ...change }))).toBe(`invalid-operation: ${reason}`)
  })
})

describe('an operation of a log', () => {
  const parsed = (json: unknown): string => {
    const result = parseOperation(json)
    return reasonOf(result.ok ? null : result.error)
  }
  it.each<[string, object, object, string]>([
    [
      '256 rotation keys',
      { rotationKeys: list(256) },
      { rotationKeys: list(257) },
      'invalid-operation: rotationKeys is not a list of strings',
    ],
    [
      '256 aliases',
      { alsoKnownAs: list(256) },
      { alsoKnownAs: list(257) },
      'invalid-operation: alsoKnownAs is not a list of strings',
    ],
    [
      '256 verification methods',
      { verificationMethods: map(256, 'x') },
      { verificationMethods: map(257, 'x') },
      'invalid-operation: verificationMethods is not a map of strings',
    ],
    [
      '256 services',
      { services: map(256, service) },
      { services: map(257, service) },
      'invalid-operation: services is not a map of { type, endpoint }',
    ],
    [
      'a text of 8192 characters',
      { alsoKnownAs: ['a'.repeat(8_192)] },
      { alsoKnownAs: ['a'.repeat(8_193)] },
      'invalid-operation: alsoKnownAs is not a list of strings',
    ],
    [
      'an id of 8192 characters',
      { services: { ['a'.repeat(8_192)]: service } },
      { services: { ['a'.repeat(8_193)]: service } },
      'invalid-operation: services is not a map of { type, endpoint }',
    ],
    ['65 536 bytes', stored(65_536), stored(65_537), 'operation-too-large: operation is too large'],
  ])('may have %s, and not one more', (_, atBound, beyond, reason) => {
    expect(parsed({ ...genesis, ...atBound })).toBe('ok')
    expect(parsed({ ...genesis, ...beyond })).toBe(reason)
  })

  const create = {
    type: 'create',
    signingKey: 's',
    recoveryKey: 'r',
    handle: 'h',
    service: 'v',
    prev: null,
    sig: 'x',
  }
  it.each(['signingKey', 'recoveryKey', 'handle', 'service'])('of the first form needs its %s', (field) => {
    expect(parsed(create)).toBe('ok')
    for (const wrong of [1, undefined, null, 'x'.repeat(8_193)]) {
      expect(parsed({ ...create, [field]: wrong })).toBe(
        'invalid-operation: a create operation needs signingKey, recoveryKey, handle and service',
      )
    }
  })

  it.each<[string, unknown, string]>([
    ['nothing', null, 'operation is not an object'],
    ['a list', [], 'operation is not an object'],
    ['a type nobody knows', { ...genesis, type: 'plc_other' }, 'operation has an unknown type'],
    ['an unknown field', { ...genesis, extra: 1 }, 'unknown field'],
    ['a number for sig', { ...genesis, sig: 1 }, 'sig is not a string'],
    ['a number for prev', { ...genesis, prev: 1 }, 'prev is not the CID of an operation'],
    ['no prev', { ...genesis, prev: undefined }, 'prev is not the CID of an operation'],
    [
      'a create with prev',
      { ...create, prev: logEntry(did, genesis, 0).cid },
      'prev of a create operation is not null',
    ],
    [
      'a service that is text',
      { ...genesis, services: { a: 'x' } },
      'services is not a map of { type, endpoint }',
    ],
    [
      'a service with a number',
      { ...genesis, services: { a: { type: 1, endpoint: 'y' } } },
      'services is not a map of { type, endpoint }',
    ],
    [
      'a service with other fields',
      { ...genesis, services: { a: { type: 'x', end: 'y' } } },
      'services is not a map of { type, endpoint }',
    ],
    [
      'a service with three fields',
      { ...genesis, services: { a: { ...service, z: 1 } } },
      'services is not a map of { type, endpoint }',
    ],
  ])('is not %s', (_, json, reason) => {
    expect(parsed(json)).toBe(`invalid-operation: ${reason}`)
  })
})

describe('an entry of an audit log', () => {
  const entry = logEntry(did, genesis, 0)
  const parsed = (change: object): string => {
    const result = parseAuditLog([entry, { ...entry, ...change }])
    return reasonOf(result.ok ? null : result.error)
  }
  it.each<[string, object, string]>([
    ['no DID', { did: 'x' }, 'log entry has no DID'],
    ['no CID', { cid: 'x' }, 'log entry has no CID'],
    ['a CID that is a number', { cid: 1 }, 'log entry has no CID'],
    ['no nullified', { nullified: undefined }, 'nullified of a log entry is not a boolean'],
    ['a time that is none', { createdAt: 'yesterday' }, 'createdAt of a log entry is not a time'],
    ['a time that is a number', { createdAt: 1 }, 'createdAt of a log entry is not a time'],
    ['a time of 65 characters', { createdAt: time(65) }, 'createdAt of a log entry is not a time'],
    ['no operation', { operation: null }, 'operation is not an object'],
  ])('is refused with %s', (_, change, reason) => {
    expect(parsed(change)).toBe(`invalid-operation: ${reason}`)
  })

  it('has a time of at most 64 characters', () => {
    expect(parsed({ createdAt: time(64) })).toBe('ok')
  })

  it('is one of a list', () => {
    for (const json of [null, {}, entry]) {
      for (const parse of [parseAuditLog, parseLog]) {
        const result: { ok: boolean; error?: { code: string; message: string } } = parse(json)
        expect(reasonOf(result.error ?? null)).toBe('invalid-operation: log is not a list')
      }
    }
    expect(parseAuditLog([null])).toMatchObject({ error: { message: 'log entry is not an object' } })
    expect(parseLog([genesis, genesis])).toEqual({ ok: true, value: [genesis, genesis] })
  })
})

/** A time of so many characters. */
function time(length: number): string {
  return `${'2026-01-01T00:00:00.'.padEnd(length - 1, '0')}Z`
}

/** Fields that make an operation of so many bytes within all other bounds of a new one. */
function sized(bytes: number): Change {
  const alsoKnownAs = list(10, (i) => `${i}${'a'.repeat(250)}`)
  const services = map(4, { type: 'x', endpoint: 'y'.repeat(200) })
  return filled(bytes, (last) => ({ alsoKnownAs, services: { ...services, ...last } }))
}

/** The same within the bounds of a stored one. */
function stored(bytes: number): Change {
  const alsoKnownAs = list(8, (i) => `${i}${'a'.repeat(8_100)}`)
  return filled(bytes, (last) => ({ alsoKnownAs, services: last }))
}

function filled(bytes: number, make: (last: PlcOperation['services']) => Change): Change {
  const ends = (a: number, b: number): PlcOperation['services'] => ({
    y: { type: 'x', endpoint: 'y'.repeat(a) },
    z: { type: 'x', endpoint: 'y'.repeat(b) },
  })
  for (let total = 24; ; total++) {
    const change = make(ends(Math.min(total, 250), Math.max(24, total - 250)))
    const size = encodeOperation({ ...genesis, ...change } as Signed<PlcOperation> as SignedOperation).length
    if (size === bytes) return change
    if (size > bytes) throw new Error(`no operation has exactly this size; bytes=${bytes}`)
  }
}
