import { createRandom, fuzzRounds, mutate, readFixtureText } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  changeOf,
  createMatcher,
  encodeV1Event,
  encodeV1Options,
  encodeV1Query,
  encodeV2Error,
  encodeV2Frame,
  encodeV2Query,
  formatMicros,
  parseCursor,
  parseMicros,
  parseV1Event,
  parseV1Message,
  parseV1Request,
  parseV2Frame,
  parseV2Request,
  type V1Event,
  type V2Event,
} from '../src/wire.ts'
import { anyV1, anyV2, didOf, NOON, tidOf, v1Event, v2Logged } from './events.ts'

const captured = await readFixtureText('relay-capture/expected_v1.jsonl')
const lines = captured?.trim().split('\n') ?? []

function reasonOf(text: string): string {
  const parsed = parseV1Event(text)
  return parsed.ok ? 'ok' : `${parsed.error.reason}: ${parsed.error.message}`
}

/** The text of an event with one member changed, `undefined` for none. */
function changed(path: string, value: unknown, event: object = v1Event(1)): string {
  const copy = structuredClone(event) as any
  const keys = path.split('.')
  const last = keys.pop()!
  let at = copy
  for (const key of keys) at = at[key]
  if (value === undefined) delete at[last]
  else at[last] = value
  return JSON.stringify(copy)
}

describe('events of v1', () => {
  test.skipIf(lines.length === 0)('of a real stream are read and written back, equal as JSON', () => {
    const kinds = new Map<string, number>()
    for (const line of lines) {
      const parsed = parseV1Event(line)
      if (!parsed.ok) throw new Error(parsed.error.message)
      kinds.set(parsed.value.kind, (kinds.get(parsed.value.kind) ?? 0) + 1)
      expect(JSON.parse(encodeV1Event(parsed.value))).toEqual(JSON.parse(line))
      // The public servers escape `<` and `>`; everything else is byte for byte theirs.
      expect(encodeV1Event(parsed.value)).toBe(
        line.replaceAll(/\\u00(3c|3e|26)/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        ),
      )
    }
    expect(lines.length).toBeGreaterThan(100)
    expect([...kinds.keys()].toSorted()).toEqual(['account', 'commit', 'identity'])
  })

  it('are the same after writing and reading, unknown members included', () => {
    fc.assert(
      fc.property(anyV1, (event) => {
        expect(parseV1Event(encodeV1Event(event))).toEqual({ ok: true, value: event })
      }),
      { numRuns: fuzzRounds(300, 20_000) },
    )
  })

  it('may lack a handle, and what the relay says beside the account', () => {
    const did = didOf(1)
    const events = [
      { did, time_us: 5, kind: 'identity', identity: { did } },
      { did, time_us: 5, kind: 'identity', identity: { did, handle: '', note: [1] } },
      { did, time_us: 5, kind: 'account', account: { did, active: false } },
    ]
    for (const event of events)
      expect(parseV1Event(JSON.stringify(event))).toEqual({ ok: true, value: event })
  })

  it('are refused with the member that is wrong', () => {
    const identity = { did: didOf(1), time_us: 5, kind: 'identity', identity: { did: didOf(1) } }
    const account = { did: didOf(1), time_us: 5, kind: 'account', account: { did: didOf(1), active: true } }
    const faults: [string, unknown, object?][] = [
      ['did', 'x'],
      ['time_us', -1],
      ['time_us', 1.5],
      ['time_us', '5'],
      ['cursor', -1],
      ['commit', []],
      ['commit.rev', 'x'],
      ['commit.collection', 'app.bsky'],
      ['commit.rkey', '..'],
      ['commit.operation', 'upsert'],
      ['commit.record', undefined],
      ['commit.record', []],
      ['commit.cid', undefined],
      ['commit.cid', 'x'],
      ['identity', null, identity],
      ['identity.did', didOf(2), identity],
      ['identity.seq', -1, identity],
      ['identity.time', 1, identity],
      ['identity.handle', null, identity],
      ['account.did', undefined, account],
      ['account.active', 'true', account],
      ['account.status', 1, account],
    ]
    for (const [path, value, event = v1Event(1)] of faults) {
      const { kind } = event as { kind: string }
      expect(reasonOf(changed(path, value, event))).toBe(
        `bad-field: missing or malformed; field=${path} kind=${kind}`,
      )
    }
    expect(reasonOf(changed('kind', 'label'))).toBe('unknown-kind: no event of this kind; kind=label')
    expect(reasonOf('[]')).toBe('bad-field: not an object')
    expect(reasonOf('{')).toBe('not-json: no JSON that is taken: not-json')
    expect(reasonOf(changed('commit.record', { deep: 1 }).replace('"deep":1', '"n":1e999'))).toMatch(
      /^bad-number/,
    )
    const deep = `${'['.repeat(300)}${']'.repeat(300)}`
    expect(reasonOf(changed('commit.record', { deep: 1 }).replace('"deep":1', `"n":${deep}`))).toMatch(
      /^too-deep/,
    )
  })

  it('that are refused still say where they are, and whose, as far as they do', () => {
    const text = changed('commit.rkey', '')
    expect(parseV1Event(text)).toMatchObject({
      error: { kind: 'invalid', cursor: NOON + 1_000_000, did: didOf(1), text },
    })
    expect(parseV1Event(`{"kind":"${'x'.repeat(10_000)}"}`)).toMatchObject({
      error: { cursor: null, did: null },
    })
    const long = parseV1Event(`{"kind":"${'x'.repeat(10_000)}"}`)
    expect(long.ok ? 0 : long.error.text.length).toBe(4096)
  })
})

describe('frames of v2', () => {
  it('are the same after writing and reading, unknown members included', () => {
    fc.assert(
      fc.property(anyV2, (event) => {
        expect(parseV2Frame(encodeV2Frame(event))).toEqual({ ok: true, value: event })
      }),
      { numRuns: fuzzRounds(300, 20_000) },
    )
  })

  it('are written as the servers do', () => {
    const did = didOf(1)
    const event: V2Event = {
      kind: 'account',
      time: '2026-07-04T12:00:00.000001Z',
      did,
      seq: 7,
      account: { did, active: true },
    }
    expect(encodeV2Frame(event)).toBe(
      `{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#account","seq":7,"did":"${did}","time":"2026-07-04T12:00:00.000001Z","account":{"did":"${did}","active":true}}}`,
    )
    expect(encodeV2Frame({ kind: 'info', name: 'OutdatedCursor' })).toBe(
      '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#info","name":"OutdatedCursor"}}',
    )
    expect(encodeV2Error('ConsumerTooSlow', 'behind')).toBe(
      '{"$type":"error","error":"ConsumerTooSlow","message":"behind"}',
    )
  })

  it('hold infos and errors', () => {
    expect(parseV2Frame(encodeV2Frame({ kind: 'info', name: 'OutdatedCursor', message: 'gone' }))).toEqual({
      ok: true,
      value: { kind: 'info', name: 'OutdatedCursor', message: 'gone' },
    })
    expect(parseV2Frame(encodeV2Error('InternalError'))).toEqual({
      ok: true,
      value: { kind: 'error', error: 'InternalError' },
    })
  })

  it('are refused with the member that is wrong', () => {
    const frame = JSON.parse(v2Logged(1).text)
    const faults: [string, unknown, string?][] = [
      ['$type', 'x'],
      ['payload', [], 'payload'],
      ['payload.seq', 0, 'seq'],
      ['payload.did', 'x', 'did'],
      ['payload.time', '2026-07-04', 'time'],
      ['payload.rev', 1, 'rev'],
      ['payload.record', undefined, 'record'],
    ]
    for (const [path, value, field = path] of faults) {
      expect(parseV2Frame(changed(path, value, frame))).toMatchObject({
        error: { reason: 'bad-field', message: `missing or malformed; field=${field}` },
      })
    }
    for (const $type of [
      'network.bsky.jetstream.subscribeEvents#label',
      'x#commit',
      1,
      { toString: 1 },
      undefined,
    ])
      expect(parseV2Frame(changed('payload.$type', $type, frame))).toMatchObject({
        error: { reason: 'unknown-kind', cursor: 2 },
      })
    expect(parseV2Frame('{"$type":"error","error":1}')).toMatchObject({ error: { reason: 'bad-field' } })
  })
})

test('nothing that a stranger sends throws', () => {
  const texts = [...lines, encodeV1Event(v1Event(1)), v2Logged(1).text, encodeV1Options({ dids: [didOf(1)] })]
  const seeds = texts.map((text) => new TextEncoder().encode(text))
  const random = createRandom(1)
  let taken = 0
  for (let round = fuzzRounds(3000, 100_000); round > 0; round -= 1) {
    const text = new TextDecoder().decode(mutate(random, random.pick(seeds), seeds))
    const v1 = parseV1Event(text)
    const v2 = parseV2Frame(text)
    if (v1.ok) {
      taken += 1
      expect(parseV1Event(encodeV1Event(v1.value))).toEqual(v1)
      changeOf(v1.value)
    }
    if (v2.ok && v2.value.kind !== 'error') expect(parseV2Frame(encodeV2Frame(v2.value))).toEqual(v2)
    parseV1Message(text)
    const query = new URLSearchParams(text.replaceAll(/[{}",:]+/g, '&'))
    parseV1Request(query)
    parseV2Request(query)
  }
  expect(taken).toBeGreaterThan(100)
})

describe('filters', () => {
  const post = v1Event(1)
  const like = v1Event(2, 'app.bsky.feed.like')
  const { did } = post
  const account: V1Event = { did, time_us: 1, kind: 'account', account: { did, active: true } }

  it('join their members by and; collections touch commits only', () => {
    const matches = createMatcher({ collections: ['app.bsky.feed.post'], dids: [did] })
    expect([post, like, account].map(matches)).toEqual([true, false, true])
    expect([post, like, account].map(createMatcher({ kinds: ['commit'] }))).toEqual([true, true, false])
    expect([post, like, account].map(createMatcher({ dids: [didOf(77)] }))).toEqual([false, false, false])
    expect([post, like, account].map(createMatcher({}))).toEqual([true, true, true])
  })

  it('take prefixes with their dot, on both wires', () => {
    const matches = createMatcher({ collections: ['app.bsky.*', 'com.example.note'] })
    const v2 = (collection: string): V2Event => ({
      kind: 'commit',
      seq: 1,
      did,
      time: formatMicros(NOON),
      rev: tidOf(1),
      operation: 'delete',
      collection: collection as 'a.b.c',
      rkey: 'x',
    })
    expect(matches(post)).toBe(true)
    const names = ['app.bsky.feed.post', 'app.bskyx.feed', 'com.example.note', 'com.example.notes']
    expect(names.map((name) => matches(v2(name)))).toEqual([true, false, true, false])
  })

  it('give the operation of either wire', () => {
    const v2 = parseV2Frame(v2Logged(1).text)
    if (!v2.ok || v2.value.kind !== 'commit') throw new Error('no commit')
    expect(changeOf(v2.value)).toMatchObject(changeOf(post)!)
    expect(changeOf(account)).toBe(null)
  })
})

describe('cursors', () => {
  it('are seqs below 10^15 and times from there on', () => {
    expect(parseCursor(null)).toEqual({ kind: 'tip' })
    expect(parseCursor('0')).toEqual({ kind: 'seq', seq: 0 })
    expect(parseCursor('999999999999999')).toEqual({ kind: 'seq', seq: 999_999_999_999_999 })
    expect(parseCursor('1000000000000000')).toEqual({ kind: 'time', us: 1e15 })
    expect(parseCursor('9223372036854775807')).toEqual({ kind: 'time', us: Number.MAX_SAFE_INTEGER })
    for (const text of ['', 'x', '1.5', '1e3', '-1', ' 1', '9223372036854775808', '9'.repeat(20)])
      expect(parseCursor(text)).toBe(null)
  })

  it('have times with six decimals', () => {
    for (const us of [0, 1, NOON, NOON + 123_456, 1e15 - 1, -1])
      expect(parseMicros(formatMicros(us))).toBe(us)
    expect(formatMicros(NOON + 45)).toBe('2026-07-04T12:00:00.000045Z')
    expect(parseMicros('2026-07-04T12:00:00Z')).toBe(NOON)
    expect(parseMicros('2026-07-04T12:00:00.0000459Z')).toBe(NOON + 45)
    for (const text of [
      '',
      '2026-07-04',
      '2026-13-04T12:00:00.000000Z',
      '2026-07-04T12:00:00.000000+02:00',
      5,
      null,
    ])
      expect(parseMicros(text)).toBe(null)
  })
})

describe('the query of v1', () => {
  const parse = (query: string): unknown => {
    const parsed = parseV1Request(new URLSearchParams(query))
    return parsed.ok ? parsed.value : parsed.error
  }
  const plain = { filter: {}, cursor: { kind: 'tip' }, compress: false, requireHello: false }

  it('is read by the rules of the servers', () => {
    expect(parse('')).toEqual(plain)
    expect(parse('compress=1&requireHello=TRUE')).toEqual(plain)
    expect(parse('compress=true&requireHello=true&cursor=5')).toEqual({
      filter: {},
      cursor: { kind: 'seq', seq: 5 },
      compress: true,
      requireHello: true,
    })
    expect(parseV1Request(new URLSearchParams(), 'zstd')).toMatchObject({ value: { compress: true } })
    for (const size of ['', 'x', '-1', '9'.repeat(30), '0'])
      expect(parse(`maxMessageSizeBytes=${size}`)).toEqual(plain)
    expect(parse('maxMessageSizeBytes=5')).toMatchObject({ filter: { maxMessageSizeBytes: 5 } })
    expect(parse('cursor=x')).toMatch(/^invalid cursor/)
    expect(parse('cursor=-1')).toMatch(/^invalid cursor/)
  })

  it('has patterns and accounts, at most so many different ones', () => {
    const many = (name: string, n: number, text: (i: number) => string): string =>
      Array.from({ length: n }, (_, i) => `${name}=${text(i)}`).join('&')
    const nsid = (i: number): string => `com.example.x${i}`
    expect(parse('wantedCollections=app.bsky.*&wantedCollections=$$.*')).toMatchObject({
      filter: { collections: ['app.bsky.*', '$$.*'] },
    })
    expect(parse('wantedCollections=app.bsky.fo*')).toMatch(/^invalid wantedCollections/)
    expect(parse(many('wantedCollections', 100, nsid))).toMatchObject({ filter: {} })
    expect(parse(many('wantedCollections', 101, nsid))).toMatch(/^too many wantedCollections/)
    expect(parse(many('wantedCollections', 500, () => 'com.example.x'))).toMatchObject({
      filter: { collections: ['com.example.x'] },
    })
    expect(parse('wantedDids=x')).toMatch(/^invalid wantedDids/)
    expect(parse(many('wantedDids', 10_000, (i) => `did:web:x${i}`))).toMatchObject({ filter: {} })
    expect(parse(many('wantedDids', 10_001, (i) => `did:web:x${i}`))).toMatch(/^too many wantedDids/)
  })

  it('is read as it was written', () => {
    const filter = { collections: ['a.b.c', 'd.e.*'], dids: [didOf(1)], maxMessageSizeBytes: 9 }
    const request = { filter, cursor: 7, compress: true, requireHello: true }
    expect(parseV1Request(encodeV1Query(request))).toEqual({
      ok: true,
      value: { ...request, cursor: { kind: 'seq', seq: 7 } },
    })
    expect(encodeV1Query({}).toString()).toBe('')
    expect(parseV1Message(encodeV1Options(filter))).toEqual({ kind: 'options', filter })
  })

  it('is replaced whole by a message', () => {
    const say = (value: unknown): unknown =>
      parseV1Message(typeof value === 'string' ? value : JSON.stringify(value))
    expect(say({ type: 'options_update', payload: {} })).toEqual({ kind: 'options', filter: {} })
    expect(say({ type: 'options_update' })).toEqual({ kind: 'options', filter: {} })
    expect(say({ type: 'hello' })).toEqual({ kind: 'ignored' })
    expect(say('{')).toMatchObject({ kind: 'refused', code: 1007 })
    expect(say('[]')).toMatchObject({ kind: 'refused', code: 1007 })
    for (const payload of [
      [],
      { wantedDids: ['x'] },
      { wantedDids: 'x' },
      { wantedCollections: [1] },
      { wantedCollections: ['app.bsky.fo*'] },
      { maxMessageSizeBytes: 'x' },
    ]) {
      expect(say({ type: 'options_update', payload })).toMatchObject({ kind: 'refused', code: 1008 })
    }
  })
})

describe('the query of v2', () => {
  const parse = (query: string): unknown => {
    const parsed = parseV2Request(new URLSearchParams(query))
    return parsed.ok ? parsed.value : parsed.error
  }

  it('is read by the rules of the servers', () => {
    expect(parse('')).toEqual({ filter: {}, cursor: { kind: 'tip' }, zstdDictionary: null })
    expect(
      parse(
        'kinds=commit&kinds=sync&dids=did:web:x&collections=app.bsky.*&cursor=9&maxMessageSizeBytes=5&zstdDictionary=20260811',
      ),
    ).toEqual({
      filter: {
        kinds: ['commit', 'sync'],
        dids: ['did:web:x'],
        collections: ['app.bsky.*'],
        maxMessageSizeBytes: 5,
      },
      cursor: { kind: 'seq', seq: 9 },
      zstdDictionary: 20_260_811,
    })
    const refused: [string, RegExp][] = [
      ['kinds=label', /^invalid kinds/],
      ['kinds=commit&kinds=commit&kinds=commit&kinds=commit&kinds=commit', /^too many kinds/],
      ['dids=x', /^invalid dids/],
      ['collections=$$.*', /^invalid collections/],
      ['collections=app.*x', /^invalid collections/],
      ['collections=a.b.c&kinds=identity', /^collections ask for commits/],
      ['cursor=-1', /^invalid cursor/],
      ['maxMessageSizeBytes=-1', /^invalid maxMessageSizeBytes/],
      ['maxMessageSizeBytes=4294967296', /^invalid maxMessageSizeBytes/],
      ['zstdDictionary=x', /^invalid zstdDictionary/],
      ['compress=true', /use zstdDictionary$/],
      ['wantedDids=did:web:x', /use dids$/],
      ['wantedCollections=a.b.c', /use collections$/],
      ['requireHello=true', /^requireHello is a parameter of v1/],
      [Array.from({ length: 101 }, () => 'collections=a.b.c').join('&'), /^too many collections/],
      [Array.from({ length: 10_001 }, () => 'dids=did:web:x').join('&'), /^too many dids/],
    ]
    for (const [query, message] of refused) expect(parse(query)).toMatch(message)
    expect(parse('maxMessageSizeBytes=4294967295')).toMatchObject({
      filter: { maxMessageSizeBytes: 4_294_967_295 },
    })
  })

  it('is read as it was written', () => {
    const filter = {
      kinds: ['commit'],
      collections: ['a.b.c'],
      dids: [didOf(1)],
      maxMessageSizeBytes: 9,
    } as const
    const request = { filter, cursor: NOON, zstdDictionary: 7 }
    expect(parseV2Request(encodeV2Query(request))).toEqual({
      ok: true,
      value: { ...request, cursor: { kind: 'time', us: NOON } },
    })
    expect(encodeV2Query({}).toString()).toBe('')
  })
})
