// Envelopes by themselves: what each field may be, and what is said of one that is something else.

import { cidForCbor, type DataObject, type DataValue } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { frameOf } from '../src/conformance/world.ts'
import { parseEvent } from '../src/parse.ts'
import { DEFAULT_POLICY } from '../src/policy.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const rev = '3jzfcijpj2z2a'
const time = '2024-01-01T00:00:00.000Z'
const cid = cidForCbor(Uint8Array.of(0xa0))
const path = 'app.bsky.feed.post/a'
const blocks = Uint8Array.of(1)

const COMMIT = { repo: did, rev, since: null, commit: cid, blocks, ops: [], time } satisfies DataObject
const SYNC = { did, rev, blocks, time } satisfies DataObject

const parse = (type: `#${string}`, body: DataObject, seq = 1) =>
  parseEvent(frameOf(type, body, seq), DEFAULT_POLICY)
const refused = (reason: string, message: unknown, more: Record<string, unknown> = {}) => ({
  ok: false,
  error: { reason, message, did, seq: 1, ...more },
})

describe('a commit', () => {
  it('has what is optional as null or undefined', () => {
    const value = { kind: 'commit', seq: 1, did, rev, since: null, time, commit: cid, blocks, ops: [] }
    expect(parse('#commit', COMMIT)).toEqual({ ok: true, value: { ...value, prevData: undefined } })
    const { since: _, ...without } = COMMIT
    expect(parse('#commit', { ...without, prevData: null })).toEqual({
      ok: true,
      value: { ...value, prevData: undefined },
    })
    expect(parse('#commit', { ...COMMIT, since: rev, prevData: cid, tooBig: false })).toEqual({
      ok: true,
      value: { ...value, since: rev, prevData: cid },
    })
  })

  it.each<[string, DataValue, string, string]>([
    ['since', 1, 'since-invalid', 'since is neither null nor a TID'],
    ['tooBig', true, 'too-big-flag', 'commit is marked tooBig: it carries no content'],
    ['commit', null, 'envelope-malformed', 'commit is not a link'],
    ['prevData', 'x', 'envelope-malformed', 'prevData is not a link'],
    ['blocks', 'x', 'envelope-malformed', 'blocks is not a byte string'],
    ['ops', null, 'envelope-malformed', 'ops is not a list'],
  ])('with another %s is refused, and its rev is known', (name, value, reason, message) => {
    expect(parse('#commit', { ...COMMIT, [name]: value })).toEqual(refused(reason, message, { rev }))
  })

  it('without a rev is refused, and none is known', () => {
    expect(parse('#commit', { ...COMMIT, rev: 'x' })).toEqual(refused('rev-invalid', 'rev is not a TID'))
  })

  it('is bounded in its blocks and operations', () => {
    const { maxBlocksBytes, maxOps } = DEFAULT_POLICY
    const ops = Array.from({ length: maxOps }, () => ({ action: 'create', path, cid }))
    const most = { ...COMMIT, blocks: new Uint8Array(maxBlocksBytes), ops }
    expect(parse('#commit', most)).toMatchObject({ ok: true, value: { ops: { length: maxOps } } })
    expect(parse('#commit', { ...COMMIT, blocks: new Uint8Array(maxBlocksBytes + 1) })).toEqual(
      refused('blocks-too-big', expect.stringContaining(`max=${maxBlocksBytes}`), { rev }),
    )
    expect(parse('#commit', { ...COMMIT, ops: [...ops, ops[0]!] })).toEqual(
      refused('too-many-ops', expect.stringContaining(`max=${maxOps}`), { rev }),
    )
  })
})

describe('an operation', () => {
  const one = (op: DataValue) => parse('#commit', { ...COMMIT, ops: [op] })

  it.each<[DataObject, DataObject]>([
    [
      { action: 'create', path, cid },
      { action: 'create', path, cid },
    ],
    [
      { action: 'create', path, cid, prev: null },
      { action: 'create', path, cid },
    ],
    [
      { action: 'update', path, cid },
      { action: 'update', path, cid },
    ],
    [
      { action: 'update', path, cid, prev: cid },
      { action: 'update', path, cid, prev: cid },
    ],
    [
      { action: 'delete', path },
      { action: 'delete', path, cid: null },
    ],
    [
      { action: 'delete', path, cid: null, prev: cid },
      { action: 'delete', path, cid: null, prev: cid },
    ],
  ])('%o is one', (op, read) => {
    const parsed = one(op)
    expect(parsed).toMatchObject({ ok: true, value: { ops: [{ prev: undefined, ...read }] } })
  })

  it.each<[string, DataValue]>([
    ['null', null],
    ['a number', 1],
    ['text', 'create'],
    ['a list', []],
    ['bytes', Uint8Array.of(1)],
    ['a link', cid],
  ])('%s is none', (_what, op) => {
    expect(one(op)).toEqual(refused('op-malformed', 'operation is not an object', { rev }))
  })

  it.each<[DataObject, string]>([
    [{ action: 'upsert', path, cid }, 'unknown action'],
    [{ action: 'create', path: 1, cid }, 'path is not a string'],
    [{ action: 'update', path, cid, prev: 'x' }, 'prev is not a link; action=update'],
    [{ action: 'delete', path, cid }, 'delete with a cid'],
    [{ action: 'create', path }, 'create without a cid'],
    [{ action: 'update', path, cid: null }, 'update without a cid'],
    [{ action: 'create', path, cid, prev: cid }, 'create with prev'],
  ])('%o is none', (op, message) => {
    expect(one(op)).toEqual(refused('op-malformed', message, { rev }))
  })
})

describe('other events', () => {
  it('a sync is bounded in its blocks', () => {
    const most = new Uint8Array(DEFAULT_POLICY.maxSyncBytes)
    expect(parse('#sync', { ...SYNC, blocks: most })).toEqual({
      ok: true,
      value: { kind: 'sync', seq: 1, did, rev, time, blocks: most },
    })
    expect(parse('#sync', { ...SYNC, blocks: new Uint8Array(most.length + 1) })).toEqual(
      refused('blocks-too-big', expect.stringContaining(`max=${most.length}`)),
    )
    expect(parse('#sync', { ...SYNC, blocks: null })).toEqual(
      refused('envelope-malformed', 'blocks is not a byte string'),
    )
    expect(parse('#sync', { ...SYNC, rev: null })).toEqual(refused('rev-invalid', 'rev is not a TID'))
  })

  it.each<[DataObject, string | null]>([
    [{}, null],
    [{ handle: null }, null],
    [{ handle: 'a.example' }, 'a.example'],
  ])('an identity with %o', (more, handle) => {
    expect(parse('#identity', { did, time, ...more })).toEqual({
      ok: true,
      value: { kind: 'identity', seq: 1, did, time, handle },
    })
  })

  it.each<[DataObject, string | null]>([
    [{ active: true }, null],
    [{ active: false, status: null }, null],
    [{ active: false, status: 'takendown' }, 'takendown'],
  ])('an account with %o', (more, status) => {
    expect(parse('#account', { did, time, ...more })).toEqual({
      ok: true,
      value: { kind: 'account', seq: 1, did, time, active: more['active'], status },
    })
  })

  it('those with a field of another type are refused', () => {
    const malformed = (message: string) => refused('envelope-malformed', message)
    expect(parse('#identity', { did, time, handle: 1 })).toEqual(malformed('handle is not a string'))
    expect(parse('#account', { did, time, active: 1 })).toEqual(malformed('active is not a boolean'))
    expect(parse('#account', { did, time, active: true, status: 1 })).toEqual(
      malformed('status is not a string'),
    )
    expect(parse('#info', { name: 1 })).toEqual({
      ok: false,
      error: { reason: 'envelope-malformed', message: 'info without a name', did: null, seq: null },
    })
  })

  it('an info needs no message, and none is taken that is not text', () => {
    const info = (message: string | null) => ({ ok: true, value: { kind: 'info', name: 'x', message } })
    expect(parse('#info', { name: 'x' })).toEqual(info(null))
    expect(parse('#info', { name: 'x', message: 1 })).toEqual(info(null))
    expect(parse('#info', { name: 'x', message: 'y' })).toEqual(info('y'))
  })

  it.each([
    ['no DID', { did: 'x', time }, 'did-invalid', null],
    ['no time', { did, time: 'noon' }, 'time-invalid', did],
  ])('one with %s is refused', (_what, body, reason, known) => {
    expect(parse('#account', { ...body, active: true })).toMatchObject({
      ok: false,
      error: { reason, did: known, seq: 1 },
    })
  })

  it('a seq may be 0, and nothing below', () => {
    expect(parse('#identity', { did, time }, 0)).toMatchObject({ ok: true, value: { seq: 0 } })
    expect(parse('#identity', { did, time }, -1)).toEqual({
      ok: false,
      error: {
        reason: 'envelope-malformed',
        message: 'seq is not a non-negative integer',
        did: null,
        seq: null,
      },
    })
  })

  it('a type that is not known keeps its seq for the cursor', () => {
    expect(parse(`#${'x'.repeat(100)}`, {}, 7)).toEqual({
      ok: false,
      error: {
        reason: 'frame-unknown-type',
        message: `unknown message type; t=#${'x'.repeat(63)}`,
        did: null,
        seq: 7,
      },
    })
  })
})
