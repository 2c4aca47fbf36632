// A group over the log itself: what it reads, what it leaves, and what of it is on disk.

import type { Did } from '@avocet/syntax'
import { parseTapEvent } from '@avocet/tap/wire'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createGroup } from '../src/delivery/group.ts'
import type { Group } from '../src/delivery/group-types.ts'
import { createGroups } from '../src/delivery/groups.ts'
import { createSnapshotReader } from '../src/delivery/snapshot.ts'
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
  options: {
    name?: string
    pending?: number
    tries?: number
    ackMs?: number
    test?: (event: LogEvent) => boolean
    store?: PlaceStore
    onError?: (error: unknown) => void
  } = {},
): Group => {
  const group = createGroup({
    name: options.name ?? 'tap/g',
    start: { seq: 1, snapshot: false, recovers: false },
    snapshots: createSnapshotReader(tables.db, () => now),
    hub,
    log,
    store: options.store ?? store,
    test: options.test ?? isTapEvent,
    limits: {
      pending: options.pending ?? 100,
      tries: options.tries ?? 2,
      backoffMs: () => 0,
      stalledMs: 1e12,
      ackMs: options.ackMs ?? 60_000,
    },
    now: () => now,
    onLog: (line) => void lines.push(line),
    onError: options.onError ?? ((error) => expect.fail(String(error))),
  })
  groups.push(group)
  return group
}
/** For what comes within a turn or two, many times. */
const soon = (probe: () => boolean): Promise<boolean> => eventually(probe, 10_000, 1)
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
      await soon(() => owner.taken.length > i)
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
    const late = open({ name: 'tap/late' })
    const reader = consume(late)
    await eventually(() => reader.seqs().length === 2)
    expect(reader.seqs()).toEqual([5, 7])
    expect(late.stats().lost).toBe(4)
    expect(lines).toEqual([
      ...Array(4).fill('tap/g: 1 numbers are gone from the log before they were read'),
      'tap/late: 4 numbers are gone from the log before they were read',
    ])
    // Also where another has just read the rest of that page.
    const later = open({ name: 'tap/later' })
    const last = consume(later)
    await eventually(() => last.seqs().length === 2)
    expect(later.stats().lost).toBe(4)
  })
})

test('what is void after a restart is not counted as lost', async () => {
  tables.resync(
    ADA,
    ['gone', 'here'].map((key) => opOf('create', `com.example.note/${key}`, note(key))),
  )
  hub.committed(log.newest())
  const before = open()
  const owner = consume(before)
  await eventually(() => owner.taken.length === 2)
  await before.close()
  tables.db.prepare("DELETE FROM records WHERE rkey = 'gone'").run()
  expect(open().stats()).toMatchObject({ lost: 0, unacked: 1 })
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
    await soon(() => {
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

test('so many accounts are read apart, of each so much waits; of others as there is room', async () => {
  const dids = Array.from({ length: 40 }, (_, i) => `did:plc:${'x'.repeat(22)}${10 + i}` as Did)
  for (const did of dids)
    tables.commit(
      did,
      many(70, 'r').map((key) => opOf('create', `com.example.note/${key}`, note(key))),
    )
  hub.committed(log.newest())
  const group = open({ pending: 5000 })
  const owner = consume(group)
  await eventually(() => group.stats().behind === 0)
  expect(group.stats()).toMatchObject({ parked: 32, unacked: 32 * 64 + 8 * 70 })
  // The first account's, until half of them are left: then it is read on, as far as it may.
  for (let i = 1; i <= 32; i++) {
    await soon(() => owner.taken.some(({ event }) => event.seq === i))
    expect(group.stats().unacked).toBe(32 * 64 + 8 * 70 - i + 1)
    group.ack(i)
  }
  await eventually(() => group.stats().parked === 31)
  expect(group.stats().unacked).toBe(31 * 64 + 38 + 8 * 70)
  const second = owner.taken.filter(({ event }) => event.did === dids[1])
  expect(second).toHaveLength(1)
})

test('an account that is read apart has never more that waits', async () => {
  const ops = many(150, 'r').map((key) => opOf('create', `com.example.note/${key}`, note(key)))
  tables.commit(ADA, ops)
  hub.committed(log.newest())
  const group = open()
  const owner = consume(group)
  await eventually(() => group.stats().behind === 0)
  for (const [until, waiting] of [
    [31, 33],
    [32, 64],
    [64, 64],
    [96, 54],
  ] as const) {
    for (let i = owner.taken.length; i <= until; i++) {
      await soon(() => owner.taken.length === i)
      group.ack(i)
    }
    await soon(() => group.stats().unacked === waiting)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(group.stats()).toMatchObject({ unacked: waiting, parked: until === 96 ? 0 : 1 })
  }
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

  test('comes there by itself, soon', async () => {
    write(ADA, 'one', 'two')
    const group = open()
    const owner = consume(group)
    await eventually(() => owner.taken.length === 1)
    await eventually(() => store.load('tap/g')?.next === 3)
    group.ack(1)
    now += 249
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(store.load('tap/g')!.pending).toHaveLength(2)
    now += 1
    await eventually(() => store.load('tap/g')!.pending.length === 1)
    // The last one: nothing else happens.
    group.ack(2)
    now += 250
    await eventually(() => store.load('tap/g')!.pending.length === 0)
  })

  test('is written again where that failed, with what was given up meanwhile', async () => {
    let isFull = true
    const errors: unknown[] = []
    const failing: PlaceStore = {
      ...store,
      async save(...args) {
        if (isFull) throw new Error('disk full')
        await store.save(...args)
      },
    }
    write(ADA, 'one')
    write(BOB, 'two')
    const group = open({ store: failing, tries: 1, onError: (error) => errors.push(error) })
    const owner = consume(group)
    await eventually(() => owner.taken.length === 2)
    group.fail(owner.taken[0]!, 'not taken')
    await eventually(() => errors.length > 0)
    expect(errors[0]).toEqual(new Error('disk full'))
    group.fail(owner.taken[1]!, 'not taken either')
    expect([group.stats().deadLetters, store.count('tap/g')]).toEqual([2, 0])
    isFull = false
    await group.flush()
    const letters = group.undelivered(Number.MAX_SAFE_INTEGER, 10)
    expect(letters.map(({ seq, reason }) => [seq, reason])).toEqual([
      [2, 'not taken either'],
      [1, 'not taken'],
    ])
    expect([group.stats().deadLetters, store.load('tap/g')!.pending]).toEqual([2, []])
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

test('what nobody acknowledges lets so many in, and no more', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    tables.resync(
      BOB,
      many(4500, 'b').map((key) => opOf('create', `com.example.note/${key}`, note(key))),
    )
    hub.committed(log.newest())
    const group = open({ pending: 4, ackMs: 1e12 })
    const owner = consume(group)
    // Without any tick.
    await eventually(() => owner.taken.length === 4)
    vi.advanceTimersByTime(250)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(group.stats().unacked).toBe(4)
    for (let i = 1; i <= 18; i++) {
      now += 600_000
      vi.advanceTimersByTime(250)
      const most = 4 + 256 * Math.min(i, 16)
      await soon(() => group.stats().unacked >= most)
      expect(group.stats().unacked).toBe(most)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(group.stats().unacked).toBe(4 + 256 * 16)
  } finally {
    vi.useRealTimers()
  }
})

test('what failed has its tries on disk, and what is given up makes room at once', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    write(ADA, 'a')
    write(BOB, 'b')
    write(CYN, 'c')
    const [patient, hasty] = [open({ pending: 6 }), open({ name: 'tap/hasty', pending: 2, tries: 1 })]
    const [one, other] = [consume(patient), consume(hasty)]
    await eventually(() => one.taken.length === 3 && other.taken.length === 2)
    await patient.flush()
    patient.fail(one.taken[0]!, 'not taken')
    await patient.flush()
    expect(store.load('tap/g')!.pending.map(({ tries }) => tries)).toEqual([1, 0, 0])
    hasty.fail(other.taken[0]!, 'not taken')
    await eventually(() => other.taken.length === 3)
    expect(other.seqs()).toEqual([1, 2, 3])
  } finally {
    vi.useRealTimers()
  }
})

test('what it needs of the log: what it has not read, what waits, and what is read apart', async () => {
  write(ADA, ...many(66, 'a'))
  write(BOB, 'b')
  now = tables.now + 5000
  const group = open()
  expect(group.needs()).toBe(1)
  expect(group.stats()).toMatchObject({ behind: 67, oldestMs: null, consumers: 0 })
  const owner = consume(group)
  // The last two of Ada's are left in the log.
  await eventually(() => owner.taken.length === 2 && group.stats().behind === 0)
  expect([group.needs(), group.stats().parked, group.stats().unacked]).toEqual([1, 1, 65])
  expect(group.stats().oldestMs).toBe(5000)
  group.ack(owner.taken[1]!.event.seq)
  for (let i = 0; i < 32; i++) {
    await soon(() => owner.taken.some(({ event }) => event.seq === i + 1))
    group.ack(i + 1)
  }
  await eventually(() => group.stats().parked === 0)
  expect([group.needs(), group.stats().unacked]).toEqual([33, 34])
  for (let i = 32; i < 66; i++) {
    await soon(() => owner.taken.some(({ event }) => event.seq === i + 1))
    group.ack(i + 1)
  }
  expect([group.needs(), group.stats().oldestMs]).toEqual([68, null])
  // What is left apart is needed though nothing of it waits.
  group.detach(owner)
  await group.flush()
  await store.save('tap/h', { ...store.load('tap/g')!, parked: [[ADA, 40]] }, [])
  expect(open({ name: 'tap/h' }).needs()).toBe(40)
})

test('who comes is given what waits at once, and who leaves last leaves nothing running', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    write(ADA, 'gone', 'here')
    write(BOB, 'b')
    const nothing = { lost: 0, lostAt: null, snapshot: null, rounds: 0, recovers: false, parked: [] }
    await store.save('tap/g', { next: 2, pending: [{ seq: 1, tries: 0, wasSent: false }], ...nothing }, [])
    const group = open()
    const idle: Owner = { inFlight: 0, wake() {}, overdue() {}, failed() {} }
    group.attach(idle)
    await eventually(() => group.stats().behind === 0)
    await group.flush()
    expect(store.load('tap/g')!.pending.map(({ wasSent }) => wasSent)).toEqual([false, false, false])
    group.take(idle)
    await group.flush()
    expect(store.load('tap/g')!.pending.map(({ wasSent }) => wasSent)).toEqual([true, false, false])
    const owner = consume(group)
    await eventually(() => owner.seqs().length === 1)
    expect([owner.seqs(), vi.getTimerCount()]).toEqual([[3], 1])
    group.detach(idle)
    group.ack(3)
    group.detach(owner)
    expect(vi.getTimerCount()).toBe(0)
    await eventually(() => store.load('tap/g')!.pending.length === 2)
    // What is void leaves its room to the next.
    tables.db.prepare("DELETE FROM records WHERE rkey = 'gone'").run()
    const narrow = open({ name: 'tap/narrow', pending: 1 })
    const last = consume(narrow)
    await eventually(() => last.seqs().length === 1)
    expect(last.seqs()).toEqual([2])
  } finally {
    vi.useRealTimers()
  }
})

describe('consumers of one group', () => {
  const one = (group: Group, most: number): Owner & { readonly seqs: number[] } => {
    const owner = {
      inFlight: 0,
      seqs: [] as number[],
      wake() {
        while (owner.inFlight < most) {
          const entry = group.take(owner)
          if (entry === null) return
          group.read(entry)
          owner.seqs.push(entry.event.seq)
        }
      },
      overdue() {},
      failed() {},
    }
    group.attach(owner)
    return owner
  }

  test('have their turns to be the first', async () => {
    const group = open()
    const [first, second] = [one(group, Infinity), one(group, Infinity)]
    for (let i = 0; i < 10; i++) {
      write(`did:plc:${'abcdefghij'[i]!.repeat(24)}` as Did, 'n')
      await eventually(() => first.seqs.length + second.seqs.length === i + 1)
    }
    expect(Math.min(first.seqs.length, second.seqs.length)).toBeGreaterThan(0)
  })

  test('one that throws is told so, and others are given theirs', async () => {
    const errors: unknown[] = []
    const group = open({ onError: (error) => errors.push(error) })
    const told: string[] = []
    const broken: Owner = {
      inFlight: 0,
      wake() {
        throw new Error('broken')
      },
      overdue() {},
      failed() {
        told.push('failed')
        group.detach(broken)
      },
    }
    group.attach(broken)
    const other = consume(group)
    write(ADA, 'a')
    await eventually(() => other.taken.length === 1)
    expect([told, errors]).toEqual([['failed'], [new Error('broken')]])
    expect(group.stats().consumers).toBe(1)
  })

  test('one that leaves twice takes nothing from others, and none comes to a group that is closed', async () => {
    const group = open()
    const [first, second] = [consume(group), consume(group)]
    write(ADA, 'a')
    await eventually(() => first.taken.length + second.taken.length === 1)
    const [has, none] = first.taken.length === 1 ? [first, second] : [second, first]
    group.detach(none)
    group.detach(none)
    expect(group.stats().consumers).toBe(1)
    write(BOB, 'b')
    await eventually(() => has.taken.length === 2)
    await group.close()
    expect(store.load('tap/g')!.pending).toHaveLength(2)
    consume(group)
    expect(group.stats().consumers).toBe(0)
  })

  test('are given what was not acknowledged in time once more, and it is said whose it was', async () => {
    const group = open({ ackMs: 1000, tries: 2 })
    let overdue = 0
    const owner = consume(group)
    owner.overdue = () => overdue++
    tables.identity(ADA, 'ada.example.com')
    write(BOB, 'b')
    await eventually(() => owner.taken.length === 2)
    now += 1000
    await eventually(() => owner.taken.length === 4)
    expect([overdue, group.stats().failing]).toEqual([2, 2])
    // Somebody is there: what fails now is given up.
    write(CYN, 'c')
    await eventually(() => owner.taken.length === 5)
    group.ack(owner.taken[4]!.event.seq)
    now += 1000
    await eventually(() => group.stats().deadLetters === 2)
    expect(lines).toEqual([
      'tap/g: given up after 2 tries: 1 identity of did:plc:aaaaaaaaaaaaaaaaaaaaaaaa (not acknowledged in time)',
      'tap/g: given up after 2 tries: 2 at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/com.example.note/b (not acknowledged in time)',
    ])
    await eventually(() => group.undelivered(Number.MAX_SAFE_INTEGER, 10).length === 2)
    const letters = group.undelivered(Number.MAX_SAFE_INTEGER, 10)
    expect(letters.map(({ kind, seq, tries }) => [kind, seq, tries])).toEqual([
      ['create', 2, 2],
      ['identity', 1, 2],
    ])
    // One of them is in the log no more: it stays a letter.
    tables.db.prepare('DELETE FROM log_rows WHERE seq = 1').run()
    const ids = letters.map(({ id }) => id)
    expect(await Promise.all([group.retry(ids), group.retry(ids)])).toEqual([1, 0])
    expect(group.stats()).toMatchObject({ deadLetters: 1, unacked: 1 })
    await eventually(() => owner.taken.length === 6)
    expect(owner.taken[5]!.event.seq).toBe(2)
    expect(await group.dismiss(ids)).toBe(1)
    expect(group.stats().deadLetters).toBe(0)
  })
})

test('groups are as many as may be, have a name each, and are there again after a restart', async () => {
  const start = () =>
    createGroups(
      {
        hub,
        log,
        store,
        snapshots: createSnapshotReader(tables.db, () => now),
        now: () => now,
        onLog: (line) => void lines.push(line),
        onError: (error) => expect.fail(String(error)),
      },
      {
        prefix: 'tap/',
        most: 2,
        test: isTapEvent,
        limits: { pending: 9, tries: 2, backoffMs: () => 0, stalledMs: 1e12, ackMs: 60_000 },
      },
    )
  write(ADA, 'a', 'b')
  let made = start()
  expect([made.needs(), made.stats()]).toEqual([Infinity, []])
  const one = made.open('one', 'all')!
  expect([made.open('one', 'live'), made.get('one'), made.get('none')]).toEqual([one, one, null])
  const live = made.open('live', 'live')!
  expect([made.open('third', 'all'), made.open('a/b', 'all')]).toEqual([null, null])
  expect([one.needs(), live.needs(), made.needs()]).toEqual([1, 3, 1])
  expect([one, live].map((group) => group.stats().snapshot)).toEqual([null, null])
  const owner = consume(one)
  expect(await made.remove('one')).toBe(false)
  await eventually(() => owner.taken.length === 1)
  one.ack(1)
  await made.close()
  made = start()
  expect(made.stats().map(({ name, unacked }) => [name, unacked])).toEqual([
    ['tap/live', 0],
    ['tap/one', 1],
  ])
  expect([await made.remove('one'), await made.remove('one')]).toEqual([true, false])
  expect([made.get('one'), made.needs(), store.names('tap/')]).toEqual([null, 3, ['tap/live']])
  expect(made.open('other', 'oldest')!.needs()).toBe(1)
  await made.close()
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
