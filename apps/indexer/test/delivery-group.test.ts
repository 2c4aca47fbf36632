// A group over the log itself: what it reads, what it leaves, and what of it is on disk.

import type { Did } from '@avocet/syntax'
import { parseTapEvent } from '@avocet/tap/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGroup } from '../src/delivery/group.ts'
import type { Group } from '../src/delivery/group-types.ts'
import { createPlaceStore, type PlaceStore } from '../src/delivery/store.ts'
import type { Entry, Owner } from '../src/delivery/window.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createHub, type Hub } from '../src/stream/hub.ts'
import { createLogReader, type LogEvent, type LogReader } from '../src/stream/log-reader.ts'
import { isTapEvent, tapText } from '../src/tap/event.ts'
import { eventually } from './support/indexer.ts'
import { opOf, openTables, type Tables } from './support/tables.ts'

const ADA = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' as Did
const BOB = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' as Did
const CYN = 'did:plc:cccccccccccccccccccccccc' as Did
const note = (text: string) => ({ $type: 'com.example.note', text })

let tables: Tables
let log: LogReader
let hub: Hub
let store: PlaceStore
let now: number
let lines: string[]
const groups: Group[] = []
beforeEach(() => {
  tables = openTables()
  log = createLogReader(tables.db)
  hub = createHub(log)
  now = 1_000_000
  store = createPlaceStore(tables.db, () => now)
  lines = []
})
afterEach(async () => {
  for (const group of groups.splice(0)) await group.close()
  hub.close()
  tables[Symbol.dispose]()
})

const open = (
  options: { pending?: number; tries?: number; test?: (event: LogEvent) => boolean } = {},
): Group => {
  const group = createGroup({
    name: 'tap/g',
    start: { seq: 1, snapshot: false, recovers: false },
    snapshots: null,
    hub,
    log,
    store,
    test: options.test ?? isTapEvent,
    limits: {
      pending: options.pending ?? 100,
      tries: options.tries ?? 2,
      backoffMs: () => 0,
      stalledMs: 1e12,
      ackMs: 60_000,
    },
    now: () => now,
    onLog: (line) => void lines.push(line),
    onError: (error) => expect.fail(String(error)),
  })
  groups.push(group)
  return group
}
/** A consumer that takes whatever there is. */
const consume = (group: Group): Owner & { readonly taken: Entry[]; seqs(): number[] } => {
  const taken: Entry[] = []
  const owner = {
    inFlight: 0,
    taken,
    seqs: () => taken.map(({ event }) => event.seq),
    wake() {
      for (let entry = group.take(owner); entry !== null; entry = group.take(owner))
        if (group.read(entry) !== null) taken.push(entry)
    },
    overdue() {},
    failed() {},
  }
  group.attach(owner)
  return owner
}
const write = (did: Did, ...rkeys: string[]): void => {
  for (const rkey of rkeys) tables.commit(did, [opOf('create', `com.example.note/${rkey}`, note(rkey))])
  hub.committed(log.newest())
}
const many = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`)

describe('what is read', () => {
  test('ends where there is no room, and goes on when there is', async () => {
    const group = open({ pending: 5 })
    tables.resync(
      ADA,
      many(20, 'r').map((key) => opOf('create', `com.example.note/${key}`, note(key))),
    )
    hub.committed(log.newest())
    const owner = consume(group)
    await eventually(() => owner.taken.length === 5)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([owner.taken.length, group.stats().unacked]).toEqual([5, 5])
    await group.flush()
    expect(store.load('tap/g')).toMatchObject({ next: 6 })
    for (let i = 0; i < 20; i++) {
      await eventually(() => owner.taken.length > i)
      group.ack(owner.taken[i]!.event.seq)
    }
    expect(group.stats()).toMatchObject({ unacked: 0, behind: 0 })
  })

  test('is nothing while nobody is there', async () => {
    const group = open()
    const owner = consume(group)
    await new Promise((resolve) => setTimeout(resolve, 20))
    group.detach(owner)
    write(ADA, ...many(10, 'n'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(group.stats()).toMatchObject({ unacked: 0, behind: 10, consumers: 0 })
    const next = consume(group)
    await eventually(() => next.taken.length === 1)
  })

  test('is not what is void by now, and what is behind that goes on', async () => {
    write(ADA, 'gone', 'here')
    tables.db.prepare("DELETE FROM records WHERE rkey = 'gone'").run()
    const group = open()
    const owner = consume(group)
    await eventually(() => owner.taken.length === 1)
    expect(owner.taken[0]!.event.rkey).toBe('here')
    expect(group.stats().unacked).toBe(1)
  })

  test('is counted where the log does not have it any more', async () => {
    write(ADA, ...many(6, 'n'))
    write(BOB, 'b')
    const before = open()
    const owner = consume(before)
    await eventually(() => owner.taken.length === 2)
    await before.close()
    // The first is with a consumer, others are behind it: all that stands in the log from the fifth on.
    tables.db.prepare('DELETE FROM log_rows WHERE seq < 5').run()
    // One that has no page of it in memory.
    hub.close()
    hub = createHub(log)
    const group = open()
    expect(group.stats()).toMatchObject({ lost: 4, unacked: 3 })
    const late = createGroup({
      name: 'tap/late',
      start: { seq: 1, snapshot: false, recovers: false },
      snapshots: null,
      hub,
      log,
      store,
      test: isTapEvent,
      limits: { ...group.limits },
      now: () => now,
      onLog: (line) => void lines.push(line),
      onError: (error) => expect.fail(String(error)),
    })
    groups.push(late)
    const reader = consume(late)
    await eventually(() => reader.seqs().length === 2)
    expect(reader.seqs()).toEqual([5, 7])
    expect(late.stats().lost).toBe(4)
    expect(lines.at(-1)).toContain('tap/late: 4 numbers are gone from the log')
  })
})

test('an account that is read apart comes in its order, once, and takes no more room than it had', async () => {
  // More than may wait of one account; then others, until there is no room; then more of the first.
  write(ADA, ...many(300, 'a'))
  tables.resync(
    BOB,
    many(120, 'b').map((key) => opOf('create', `com.example.note/${key}`, note(key))),
  )
  write(ADA, ...many(10, 'z'))
  const group = open({ pending: 70 })
  const owner = consume(group)
  await eventually(() => group.stats().parked === 1 && group.stats().unacked === 70)
  const bobs = (): Entry[] => owner.taken.filter(({ event }) => event.did === BOB)
  const adas = (): number[] => owner.taken.flatMap(({ event }) => (event.did === ADA ? [event.seq] : []))
  let most = 0
  for (let i = 0; i < 310; i++) {
    // Those of Bob hold up what is behind them, but not Ada's.
    await eventually(() => {
      if (i >= 290) for (const { event } of bobs()) group.ack(event.seq)
      return adas().length > i
    })
    group.ack(adas()[i]!)
    most = Math.max(most, group.stats().unacked)
  }
  await eventually(() => bobs().length === 120)
  for (const { event } of bobs()) group.ack(event.seq)
  await eventually(() => group.stats().behind === 0 && group.stats().unacked === 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const wanted = [
    ...Array.from({ length: 300 }, (_, i) => i + 1),
    ...Array.from({ length: 10 }, (_, i) => i + 421),
  ]
  expect(adas()).toEqual(wanted)
  expect(bobs()).toHaveLength(120)
  expect(most).toBeLessThanOrEqual(64 + 70)
  expect(group.stats()).toMatchObject({ parked: 0, unacked: 0 })
})

describe('what is on disk', () => {
  test('is what was passed by too, where nothing of it is wanted', async () => {
    const wantsBob = (event: LogEvent): boolean => event.did === BOB
    write(ADA, ...many(10, 'n'))
    const before = open({ test: wantsBob })
    const owner = consume(before)
    await eventually(() => before.stats().behind === 0)
    expect(owner.taken).toEqual([])
    await before.close()
    expect(store.load('tap/g')).toMatchObject({ next: 11, pending: [] })
    const after = open({ test: wantsBob })
    write(ADA, ...many(5, 'm'))
    consume(after)
    await eventually(() => after.stats().behind === 0)
    await after.close()
    expect(store.load('tap/g')).toMatchObject({ next: 16, pending: [] })
  })

  test('says what was sent: an ack of that counts after a restart, before it comes again', async () => {
    write(ADA, 'one', 'two')
    const before = open()
    const owner = consume(before)
    await eventually(() => owner.taken.length === 1)
    await before.close()
    expect(store.load('tap/g')).toEqual({
      next: 3,
      pending: [
        { seq: 1, tries: 0, wasSent: true },
        { seq: 2, tries: 0, wasSent: false },
      ],
      parked: [],
      lost: 0,
      lostAt: null,
      snapshot: null,
      rounds: 0,
      recovers: false,
    })
    const after = open()
    expect([after.ack(2), after.ack(1)]).toEqual([false, true])
    const next = consume(after)
    await eventually(() => next.taken.length === 1)
    expect(next.seqs()).toEqual([2])
  })

  test('has the newest dead letters, so many', async () => {
    const given = Array.from({ length: 10_050 }, (_, i) => ({
      event: { seq: i + 1, kind: 'commit', did: ADA, action: 'create' } as LogEvent,
      tries: 2,
      reason: 'x'.repeat(1000),
    }))
    const letters = given.map(({ event, ...rest }) => ({
      ...rest,
      event: { ...event, collection: null, rkey: null, cid: null },
    }))
    const nothing = { lost: 0, lostAt: null, snapshot: null, rounds: 0, recovers: false }
    const place = { next: 1, pending: [], parked: [], ...nothing }
    await store.save('tap/g', place, letters.slice(0, 5000))
    await store.save('tap/g', place, letters.slice(5000))
    expect(store.count('tap/g')).toBe(10_000)
    const [newest] = store.undelivered('tap/g', Number.MAX_SAFE_INTEGER, 1)
    expect(newest).toMatchObject({ seq: 10_050, reason: 'x'.repeat(300) })
    expect(store.find('tap/other', [newest!.id])).toEqual([])
    expect(await store.dismiss('tap/other', [newest!.id])).toBe(0)
  })
})

test('a room that is full of what fails lets some others in, which tell that somebody is there', async () => {
  const dids = many(4, 'did:plc:aaaaaaaaaaaaaaaaaaaaaaa').map((did) =>
    did.replace(/\d$/, (n) => 'bcde'[Number(n)]!),
  )
  for (const did of dids) write(did as Did, 'poison')
  write(BOB, 'good')
  const group = open({ pending: 4, tries: 5 })
  const owner = consume(group)
  await eventually(() => owner.taken.length === 4)
  for (const entry of owner.taken) group.fail(entry, 'not taken')
  await eventually(() => owner.taken.length === 8)
  for (const entry of owner.taken.slice(4)) group.fail(entry, 'not taken')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(owner.taken.some(({ event }) => event.rkey === 'good')).toBe(false)
  now += 600_001
  await eventually(() => owner.taken.find(({ event }) => event.rkey === 'good'))
  group.ack(owner.taken.find(({ event }) => event.rkey === 'good')!.event.seq)
  await eventually(() => group.stats().unacked === 4)
  // More than half of what may wait has failed: the second time that counts is the last.
  await eventually(() => {
    for (const entry of owner.taken.splice(0)) if (entry.state === 'sent') group.fail(entry, 'not taken')
    return group.stats().deadLetters >= 2
  })
})

describe('as Tap says it', () => {
  test('an account is told with what is known of it, in words that clients know', async () => {
    const records = createRecordReader(tables.db)
    write(ADA, 'a')
    tables.identity(ADA, 'ada.example.com')
    tables.account(ADA, 'desynchronized', { seq: 2 } as object)
    tables.account(ADA, 'takendown', { seq: 3 } as object)
    tables.account(ADA, null, { seq: 4 } as object)
    tables.identity(BOB, null)
    tables.account(CYN, 'suspended')
    // A head without changes is nothing that Tap tells of.
    tables.sync(CYN)
    hub.committed(log.newest())
    const group = open()
    const said: { did: string }[] = []
    const owner: Owner = {
      inFlight: 0,
      wake() {
        for (let entry = group.take(owner); entry !== null; entry = group.take(owner)) {
          const parsed = parseTapEvent(tapText(group.read(entry)!, (did) => records.account(did)))
          if (!parsed.ok) throw new Error(parsed.error.message)
          said.push(parsed.value)
          group.ack(entry.event.seq)
        }
      },
      overdue() {},
      failed() {},
    }
    group.attach(owner)
    await eventually(() => group.stats().behind === 0 && group.stats().unacked === 0)
    // Bob's does not wait for what Ada wrote.
    expect(said.toSorted((a, b) => (a.did < b.did ? -1 : a.did > b.did ? 1 : 0))).toMatchObject([
      { type: 'record', live: true, action: 'create', rkey: 'a', record: { text: 'a' } },
      { type: 'identity', handle: 'ada.example.com', isActive: true, status: 'active' },
      { type: 'identity', handle: 'ada.example.com', isActive: false, status: 'deactivated' },
      { type: 'identity', handle: 'ada.example.com', isActive: false, status: 'takendown' },
      { type: 'identity', handle: 'ada.example.com', isActive: true, status: 'active' },
      { type: 'identity', did: BOB, handle: 'handle.invalid', isActive: true, status: 'active' },
      { type: 'identity', did: CYN, handle: 'handle.invalid', isActive: false, status: 'suspended' },
    ])
    expect(said).toHaveLength(7)
  })
})
