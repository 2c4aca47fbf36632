// What records may expand to: each block is decoded once, and what is over a bound is kept as bytes.

import { encode } from '@avocet/cbor'
import { cidForCbor } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import {
  costlyCommit,
  type CostlyWrite,
  listOf,
  nested,
  repeated,
  textOf,
  wrap,
} from '../src/conformance/costly.ts'
import { createWorld, frameOf } from '../src/conformance/world.ts'
import { createContentReader } from '../src/content.ts'
import { DEFAULT_POLICY, type VerifiedOp, verifyEvent } from '../src/index.ts'

const EMPTY_LIST = Uint8Array.of(0x80)
const { maxRecordItems, maxCommitItems, maxRecordDepth } = DEFAULT_POLICY
/** A record of so many items; the entry of the map that it is counts two. */
const ofItems = (items: number, item = EMPTY_LIST): Uint8Array => wrap(listOf(items - 2, item))

async function opsOf(writes: readonly CostlyWrite[], sign = true): Promise<readonly VerifiedOp[]> {
  const world = createWorld('content')
  const account = world.createAccount()
  const frame = frameOf('#commit', await costlyCommit(world, account, writes), 1)
  const key = account.published.publicKey
  const verdict = verifyEvent({
    frame,
    key,
    repo: null,
    now: Date.now(),
    ...(sign ? {} : { verify: () => true }),
  })
  if (verdict.outcome !== 'accepted' || verdict.event.kind !== 'commit')
    throw new Error(JSON.stringify(verdict))
  return verdict.event.ops
}

describe('records of a commit', () => {
  it('are one object where they are one block', async () => {
    const ops = await opsOf(repeated(200, ofItems(1000)))
    expect(ops).toHaveLength(200)
    expect(new Set(ops.map(({ record }) => record)).size).toBe(1)
    expect(ops[0]!.record).not.toBeNull()
    expect(ops.every((op) => !('unread' in op))).toBe(true)
    expect(ops.map((op) => op.isRepeat ?? false)).toEqual(ops.map((_, i) => i > 0))
  })

  it('are kept once, though each comes with bytes of its own', () => {
    const bytes = ofItems(10)
    const reader = createContentReader(DEFAULT_POLICY)
    const cid = cidForCbor(bytes)
    expect(reader.read(cid, bytes).bytes).toBe(bytes)
    expect(reader.read(cid, bytes.slice()).bytes).toBe(bytes)
    const large = new Uint8Array(DEFAULT_POLICY.maxRecordBytes + 1)
    expect(reader.read(cidForCbor(large), large).bytes).toBe(large)
    expect(reader.read(cidForCbor(large), large.slice()).bytes).toBe(large)
  })

  it.each([
    [maxRecordItems - 1, undefined],
    [maxRecordItems, undefined],
    [maxRecordItems + 1, 'too-costly'],
  ])('of %i items', async (items, unread) => {
    const bytes = ofItems(items)
    const [op] = await opsOf(repeated(1, bytes))
    expect(op!.unread).toBe(unread)
    expect(op!.record === null).toBe(unread !== undefined)
    expect(op!.recordBytes).toEqual(bytes)
    expect(op!.cid).toEqual(cidForCbor(bytes))
  })

  it.each([
    [maxRecordDepth - 2, undefined],
    // The record is a level itself.
    [maxRecordDepth - 1, undefined],
    [maxRecordDepth, 'too-costly'],
  ])('with lists %i deep', async (depth, unread) => {
    const [op] = await opsOf(repeated(1, wrap(nested(depth))))
    expect(op!.unread).toBe(unread)
  })

  it('share the budget of the commit: what comes after it is used up is too costly', async () => {
    const each = maxCommitItems / 4
    const writes = [0, 1, 2, 3, 4].map((i) => ({
      path: `com.example.costly/${i}`,
      bytes: ofItems(each, Uint8Array.of(i)),
    }))
    const small = { path: 'com.example.costly/5', bytes: encode({}).slice() }
    expect((await opsOf([...writes.slice(0, 4), small])).map(({ unread }) => unread)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect((await opsOf([...writes, small])).map(({ unread }) => unread)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'too-costly',
      undefined,
    ])
  })

  it('charge for what was given up halfway', () => {
    const reader = createContentReader(DEFAULT_POLICY)
    const deep = wrap(listOf(600, nested(250)))
    expect(reader.read(cidForCbor(deep), deep)).toEqual({
      bytes: deep,
      record: null,
      unread: 'too-costly',
      isRepeat: false,
    })
    expect(reader.items).toBe(maxRecordItems)
    expect(reader.bytes).toBe(deep.length)
    // Once: the same block is not looked at again.
    reader.read(cidForCbor(deep), deep)
    expect(reader.items).toBe(maxRecordItems)
    const long = new Uint8Array(DEFAULT_POLICY.maxRecordBytes + 1)
    expect(reader.read(cidForCbor(long), long)).toEqual({
      bytes: long,
      record: null,
      unread: 'too-costly',
      isRepeat: false,
    })
    expect(reader.items).toBe(maxCommitItems)
    const text = wrap(textOf(10, 0x41))
    expect(reader.read(cidForCbor(text), text)).toEqual({
      bytes: text,
      record: null,
      unread: 'too-costly',
      isRepeat: false,
    })
  })

  it('are read up to the largest that a record may be', () => {
    const about = wrap(textOf(999_000, 0x41)).length - 999_000
    for (const [more, unread] of [
      [0, null],
      [1, 'too-costly'],
    ] as const) {
      const reader = createContentReader(DEFAULT_POLICY)
      const bytes = wrap(textOf(DEFAULT_POLICY.maxRecordBytes - about + more, 0x41))
      expect(bytes.length).toBe(DEFAULT_POLICY.maxRecordBytes + more)
      expect(reader.read(cidForCbor(bytes), bytes).unread).toBe(unread)
    }
  })

  it('tell what is no record from what costs too much', () => {
    const reader = createContentReader(DEFAULT_POLICY)
    for (const bytes of [EMPTY_LIST, Uint8Array.of(0xff), encode('text').slice(), new Uint8Array(0)]) {
      expect(reader.read(cidForCbor(bytes), bytes)).toEqual({
        bytes,
        record: null,
        unread: 'malformed',
        isRepeat: false,
      })
    }
  })
})

describe('frames', () => {
  it.each([
    [DEFAULT_POLICY.maxEnvelopeItems - 2, 'envelope-malformed'],
    [DEFAULT_POLICY.maxEnvelopeItems - 1, 'too-costly'],
  ])('with a list of %i values in the envelope', (count, reason) => {
    const head = encode({ op: 1, t: '#commit' })
    const frame = new Uint8Array([...head, ...wrap(listOf(count, EMPTY_LIST))])
    expect(verifyEvent({ frame, key: null, repo: null, now: 0 })).toMatchObject({
      outcome: 'refused',
      reason,
    })
  })
})
