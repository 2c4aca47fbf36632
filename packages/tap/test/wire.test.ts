import { createRandom, fuzzRounds, mutate } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  basicAuth,
  checkBasicAuth,
  encodeAck,
  encodeTapEvent,
  parseAck,
  parseRepoInfo,
  parseTapEvent,
  repoInfoJson,
  tapStatusOf,
  type TapEvent,
} from '../src/wire.ts'
import { didOf, eventText } from './server.ts'

const anyJson: fc.Arbitrary<any> = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)))
const record = fc.dictionary(fc.string(), anyJson, { maxKeys: 4, noNullPrototype: true })
const extra = fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), anyJson, {
  maxKeys: 2,
  noNullPrototype: true,
})
const base = {
  id: fc.maxSafeNat(),
  did: fc.nat(99).map(didOf),
  type: fc.constant('record'),
  live: fc.boolean(),
  rev: fc.string(),
  collection: fc.constant('com.example.note'),
  rkey: fc.stringMatching(/^[a-z0-9]{1,20}$/),
}
const cid = 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i'
const anyEvent = fc
  .tuple(
    extra,
    fc.oneof(
      fc.record({ ...base, action: fc.constantFrom('create', 'update'), cid: fc.constant(cid), record }),
      fc.record({ ...base, action: fc.constantFrom('create', 'update') }),
      fc.record({ ...base, action: fc.constant('delete') }),
      fc.record({
        id: base.id,
        did: base.did,
        type: fc.constant('identity'),
        handle: fc.string(),
        isActive: fc.boolean(),
        status: fc.string(),
      }),
    ),
  )
  .map(([more, event]) => ({ ...more, ...event })) as unknown as fc.Arbitrary<TapEvent>

describe('events', () => {
  it('are the same after writing and reading, unknown members included', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(parseTapEvent(encodeTapEvent(event))).toEqual({ ok: true, value: event })
      }),
      { numRuns: fuzzRounds(300, 20_000) },
    )
  })

  it('are written as the server does', () => {
    const parsed = parseTapEvent(eventText(7))
    if (!parsed.ok) throw new Error(parsed.error.message)
    expect(JSON.parse(encodeTapEvent(parsed.value))).toEqual(JSON.parse(eventText(7)))
    const did = didOf(1)
    const text = `{"id":8,"type":"identity","identity":{"did":"${did}","handle":"a.example.com","is_active":true,"status":"active"}}`
    const identity = parseTapEvent(text)
    expect(identity).toEqual({
      ok: true,
      value: { id: 8, type: 'identity', did, handle: 'a.example.com', isActive: true, status: 'active' },
    })
    expect(identity.ok && encodeTapEvent(identity.value)).toBe(text)
    expect(parseTapEvent(eventText(7, did, { record: null }))).toMatchObject({ ok: true })
  })

  it('are refused with the member that is wrong, the number and the account as far as they go', () => {
    const faults: [object, string][] = [
      [{ did: 'x' }, 'record.did'],
      [{ rev: 1 }, 'record.rev'],
      [{ collection: 'x' }, 'record.collection'],
      [{ rkey: '' }, 'record.rkey'],
      [{ live: 'true' }, 'record.live'],
      [{ action: 'upsert' }, 'record.action'],
      [{ cid: 'x' }, 'record.cid'],
      [{ record: [] }, 'record.record'],
    ]
    for (const [members, field] of faults) {
      expect(parseTapEvent(eventText(7, didOf(1), members))).toMatchObject({
        error: { reason: 'bad-field', message: `missing or malformed; field=${field}`, id: 7 },
      })
    }
    const did = didOf(1)
    const identity = { did, handle: '', is_active: true, status: 'active' }
    for (const [key, value] of Object.entries({ did: 1, handle: null, is_active: 'x', status: 1 })) {
      const text = JSON.stringify({ id: 7, type: 'identity', identity: { ...identity, [key]: value } })
      expect(parseTapEvent(text)).toMatchObject({
        error: { message: `missing or malformed; field=identity.${key}`, did: key === 'did' ? null : did },
      })
    }
    for (const id of [-1, 1.5, '7', undefined])
      expect(parseTapEvent(JSON.stringify({ id, type: 'identity', identity }))).toMatchObject({
        error: { id: null },
      })
    for (const type of ['later', { toString: 1 }, undefined])
      expect(parseTapEvent(JSON.stringify({ id: 7, type }))).toMatchObject({
        error: { reason: 'unknown-type', id: 7 },
      })
    expect(parseTapEvent('[]')).toMatchObject({ error: { message: 'not an object' } })
    expect(parseTapEvent('x')).toMatchObject({ error: { reason: 'not-json' } })
  })

  it('have statuses that clients know', () => {
    expect(['active', 'takendown', 'desynchronized', ''].map(tapStatusOf)).toEqual([
      'active',
      'takendown',
      'deactivated',
      'deactivated',
    ])
  })
})

describe('acks', () => {
  it('are read as they were written', () => {
    expect(encodeAck(7)).toBe('{"type":"ack","id":7}')
    expect(parseAck(encodeAck(7))).toBe(7)
    for (const text of [
      '',
      '{',
      '[]',
      '{"type":"ack"}',
      '{"type":"nack","id":7}',
      '{"type":"ack","id":-1}',
      '{"type":"ack","id":"7"}',
    ])
      expect(parseAck(text)).toBe(null)
  })
})

describe('what is known of a repo', () => {
  it('has null for what the server leaves empty', () => {
    const did = didOf(1)
    const json = { did, handle: '', state: 'pending', rev: '', error: '', retries: 0, records: 0 }
    const info = parseRepoInfo(json)!
    expect(info).toEqual({
      did,
      handle: null,
      state: 'pending',
      rev: null,
      error: null,
      retries: 0,
      records: 0,
    })
    expect(repoInfoJson(info)).toEqual(json)
    const known = {
      ...json,
      handle: 'a.example.com',
      rev: '3mptbypluud2a',
      error: 'gone',
      retries: 2,
      records: 9,
    }
    expect(repoInfoJson(parseRepoInfo(known)!)).toEqual(known)
    expect(parseRepoInfo({ did, state: 'active', records: 1 })).toMatchObject({ retries: 0, handle: null })
    for (const odd of [
      null,
      [],
      {},
      { ...json, did: 'x' },
      { ...json, records: -1 },
      { ...json, state: 1 },
      { ...json, retries: 'x' },
    ])
      expect(parseRepoInfo(odd as any)).toBe(null)
  })
})

describe('the password', () => {
  it('is compared whole', async () => {
    expect(basicAuth('sécret')).toBe(`Basic ${Buffer.from('admin:sécret').toString('base64')}`)
    expect(await checkBasicAuth(basicAuth('sécret'), 'sécret')).toBe(true)
    expect(await checkBasicAuth(basicAuth('sécret').replace('Basic', 'basic'), 'sécret')).toBe(true)
    const wrong = [
      null,
      '',
      'Basic',
      'Basic ',
      basicAuth(''),
      basicAuth('secret'),
      `${basicAuth('sécret')}x`,
      btoa('admin:x'),
    ]
    for (const header of wrong) expect(await checkBasicAuth(header, 'sécret')).toBe(false)
  })
})

test('nothing that a stranger sends throws', () => {
  const texts = [eventText(1), eventText(2, didOf(2), { action: 'delete' }), encodeAck(5)]
  texts.push(
    `{"id":8,"type":"identity","identity":{"did":"${didOf(1)}","handle":"a.b","is_active":true,"status":"active"}}`,
  )
  const seeds = texts.map((text) => new TextEncoder().encode(text))
  const random = createRandom(1)
  let taken = 0
  for (let round = fuzzRounds(3000, 100_000); round > 0; round -= 1) {
    const text = new TextDecoder().decode(mutate(random, random.pick(seeds), seeds))
    const parsed = parseTapEvent(text)
    if (parsed.ok) {
      taken += 1
      expect(parseTapEvent(encodeTapEvent(parsed.value))).toEqual(parsed)
    }
    parseAck(text)
  }
  expect(taken).toBeGreaterThan(100)
})
