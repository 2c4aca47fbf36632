// A group that is given the whole index beside what happens: nothing twice, nothing missing, whatever is written meanwhile.

import type { Did } from '@avocet/syntax'
import type { GroupStart } from '@avocet/tap'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Group } from '../src/delivery/group-types.ts'
import { createGroups, type Groups } from '../src/delivery/groups.ts'
import { createSnapshotReader, isOfSnapshot, type SnapshotPlace } from '../src/delivery/snapshot.ts'
import { createPlaceStore } from '../src/delivery/store.ts'
import type { Entry, Owner } from '../src/delivery/window.ts'
import { createHub, type Hub } from '../src/stream/hub.ts'
import { createLogReader, type LogReader } from '../src/stream/log-reader.ts'
import type { StreamEvent } from '../src/stream/event.ts'
import { isTapEvent } from '../src/tap/event.ts'
import { eventually } from './support/indexer.ts'
import { opOf, openTables, type Tables } from './support/tables.ts'

const DIDS = Array.from({ length: 12 }, (_, i) => `did:plc:${'abcdefghijkl'[i]!.repeat(24)}` as Did)
const COLLECTIONS = ['com.example.note', 'com.example.like', 'com.example.a']

let tables: Tables
let log: LogReader
let hub: Hub
let groups: Groups
let now: number
let lines: string[]
/** Path → number that its record says, of all that is indexed. */
let there: Map<string, number>
let count: number
beforeEach(() => {
  tables = openTables()
  log = createLogReader(tables.db)
  now = 1_000_000
  lines = []
  there = new Map()
  count = 0
})
afterEach(async () => {
  await groups.close()
  hub.close()
  tables[Symbol.dispose]()
})

const openGroups = (): void => {
  hub = createHub(log)
  const store = createPlaceStore(tables.db, () => now)
  const snapshots = createSnapshotReader(tables.db, () => now)
  const parts = {
    hub,
    log,
    store,
    snapshots,
    now: () => now,
    onLog: (line: string) => void lines.push(line),
    onError: (error: unknown) => expect.fail(String(error)),
  }
  const limits = { pending: 600, tries: 9, backoffMs: () => 0, stalledMs: 1e12, ackMs: 60_000 }
  groups = createGroups(parts, { prefix: 'tap/', most: 8, test: isTapEvent, limits })
}
const restart = async (): Promise<void> => {
  await groups.close()
  hub.close()
  openGroups()
}

/** A random number of its own, the same each time. */
const dice = (seed: number): ((most: number) => number) => {
  let state = seed
  return (most) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % most
  }
}
const path = (did: Did, collection: string, rkey: string): string => `${did}/${collection}/${rkey}`
const change = (did: Did, collection: string, rkey: string, gone = false): void => {
  const key = path(did, collection, rkey)
  const action = gone ? 'delete' : there.has(key) ? 'update' : 'create'
  const record = gone ? null : { $type: collection, n: ++count }
  tables.commit(did, [opOf(action, `${collection}/${rkey}`, record)])
  if (gone) there.delete(key)
  else there.set(key, count)
}
const fill = (did: Did, collection: string, records: number): void => {
  const ops = Array.from({ length: records }, (_, i) => {
    there.set(path(did, collection, `k${i}`), ++count)
    return opOf('create', `${collection}/k${i}`, { $type: collection, n: count })
  })
  tables.resync(did, ops)
}
/** What happened long ago is in the log no more. */
const trim = (): void => {
  tables.db.prepare('DELETE FROM log_rows WHERE seq < ?').run(log.newest())
}

/** A consumer that folds what it is told into a state. */
class Reader implements Owner {
  inFlight = 0
  readonly state = new Map<string, number>()
  readonly waiting: Entry[] = []
  readonly odd: string[] = []
  readonly told: string[] = []
  readonly identities: Did[] = []
  readonly group: Group
  seen = 0

  constructor(group: Group) {
    this.group = group
    group.attach(this)
  }

  wake(): void {
    for (let entry = this.group.take(this); entry !== null; entry = this.group.take(this)) {
      const value = this.group.read(entry)
      if (value === null) continue
      this.seen++
      this.fold(value)
      this.waiting.push(entry)
    }
  }

  fold(value: StreamEvent): void {
    if (value.kind !== 'commit') {
      this.identities.push(value.did as Did)
      return
    }
    const key = `${value.did}/${value.collection}/${value.rkey}`
    const before = this.state.get(key)
    this.told.push(key)
    if ((value.operation === 'create') !== (before === undefined)) this.odd.push(`${value.operation} ${key}`)
    if (value.operation === 'delete') this.state.delete(key)
    else {
      const { n } = value.record as { n: number }
      if (n <= (before ?? 0)) this.odd.push(`${n} after ${before} ${key}`)
      this.state.set(key, n)
    }
  }

  ack(most = Infinity): void {
    for (const { event } of this.waiting.splice(0, most)) this.group.ack(event.seq)
  }

  async drained(): Promise<void> {
    await eventually(() => {
      this.ack()
      const { snapshot, behind, unacked } = this.group.stats()
      return snapshot === null && behind === 0 && unacked === 0
    })
  }

  overdue(): void {}
  failed(): void {}
}
const join = (name: string, start: GroupStart): Reader => new Reader(groups.open(name, start)!)
const sorted = (state: ReadonlyMap<string, number>): unknown[] =>
  [...state].toSorted(([a], [b]) => (a < b ? -1 : 1))

describe('a group that is new', () => {
  test('is given all that is indexed, each account before its records, then what happens', async () => {
    for (const did of DIDS) fill(did, COLLECTIONS[0]!, did === DIDS[3] ? 900 : 20)
    trim()
    openGroups()
    const reader = join('g', 'snapshot')
    await reader.drained()
    expect(sorted(reader.state)).toEqual(sorted(there))
    expect(reader.identities.toSorted()).toEqual([...DIDS])
    expect(reader.odd).toEqual([])
    const { seen } = reader
    change(DIDS[0]!, COLLECTIONS[0]!, 'k0')
    change(DIDS[0]!, COLLECTIONS[0]!, 'k1', true)
    hub.committed(log.newest())
    await reader.drained()
    expect(reader.seen).toBe(seen + 2)
    expect(sorted(reader.state)).toEqual(sorted(there))
    expect(reader.odd).toEqual([])
  })

  test('begins so by itself where the log has lost its beginning, and with the log where it has all', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 5)
    fill(DIDS[1]!, COLLECTIONS[0]!, 2)
    openGroups()
    const early = join('early', 'all')
    await early.drained()
    expect([early.state.size, early.identities]).toEqual([7, []])
    // What an export brought is one row of the log: the first one goes.
    trim()
    expect(log.floor()).toBe(6)
    const [late, live, old] = [join('late', 'all'), join('live', 'live'), join('old', 'oldest')]
    await late.drained()
    expect(sorted(late.state)).toEqual(sorted(there))
    change(DIDS[0]!, COLLECTIONS[0]!, 'new')
    hub.committed(log.newest())
    await eventually(() => live.seen === 1 && late.state.size === 8 && old.seen === 3)
    expect(old.group.stats().snapshot).toBe(null)
  })

  test('is told what is there of an account that is off, with its status, and nothing of one that is deleted', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 3)
    fill(DIDS[1]!, COLLECTIONS[0]!, 3)
    tables.account(DIDS[0]!, 'takendown')
    tables.account(DIDS[1]!, 'deleted')
    openGroups()
    const reader = join('g', 'snapshot')
    await reader.drained()
    expect([reader.state.size, reader.identities]).toEqual([3, [DIDS[0]]])
  })

  test.each([1, 2, 3, 4, 5, 6])('whatever is written meanwhile, seed %i', async (seed) => {
    const roll = dice(seed)
    const pick = <T>(list: readonly T[]): T => list[roll(list.length)]!
    // The last accounts are new: they come while it is under way.
    for (const did of DIDS.slice(0, 9)) fill(did, COLLECTIONS[0]!, did === DIDS[3] ? 900 : 40)
    trim()
    openGroups()
    const reader = join('g', 'snapshot')
    let shares = 0
    for (let step = 0; step < 400; step++) {
      const did = pick(step > 200 ? DIDS : DIDS.slice(0, 9))
      const [collection, rkey] = [pick(COLLECTIONS), `k${roll(did === DIDS[3] ? 950 : 45)}`]
      const isThere = there.has(path(did, collection, rkey))
      change(did, collection, rkey, isThere && roll(3) === 0)
      // Now and then what is committed is not durable yet.
      if (roll(4) > 0) hub.committed(log.newest())
      if (roll(2) === 0) await turn()
      if (roll(10) === 0) await new Promise((resolve) => setTimeout(resolve, 6))
      if (roll(3) === 0) reader.ack(roll(60))
      if (reader.group.stats().snapshot !== null) shares++
    }
    hub.committed(log.newest())
    await reader.drained()
    expect(shares).toBeGreaterThan(20)
    expect(sorted(reader.state)).toEqual(sorted(there))
    expect(reader.odd).toEqual([])
  })

  test('while it waits in the middle of an account, that changes there, and others come', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 900)
    trim()
    openGroups()
    const reader = join('g', 'snapshot')
    await eventually(() => reader.waiting.length > 300)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(reader.state.size).toBeLessThan(900)
    for (const did of DIDS.slice(1, 4)) change(did, COLLECTIONS[0]!, 'new')
    hub.committed(log.newest())
    await eventually(() => reader.state.has(path(DIDS[3]!, COLLECTIONS[0]!, 'new')))
    expect(reader.group.stats().snapshot).not.toBe(null)
    // The last record of what was given among them: what is behind the place, and what is not, differ by one.
    const keys = [...there.keys()].filter((key) => key.startsWith(DIDS[0]!)).toSorted()
    const end = keys.findLastIndex((key) => reader.state.has(key))
    for (const key of keys.slice(end - 10, end + 10)) change(DIDS[0]!, COLLECTIONS[0]!, key.split('/')[2]!)
    hub.committed(log.newest())
    await reader.drained()
    expect(sorted(reader.state)).toEqual(sorted(there))
    expect(reader.odd).toEqual([])
  })

  test('the account that it is at is not read apart, however much of it waits', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 900)
    trim()
    openGroups()
    const reader = join('g', 'snapshot')
    await eventually(() => reader.waiting.length > 300)
    reader.group.fail(reader.waiting[0]!, 'not taken')
    change(DIDS[0]!, COLLECTIONS[0]!, 'k0')
    hub.committed(log.newest())
    await eventually(() => reader.group.stats().behind === 0)
    expect(reader.group.stats()).toMatchObject({ parked: 0, failing: 1, snapshot: expect.any(Number) })
  })

  test('goes on where it was after a restart', async () => {
    const roll = dice(9)
    for (const did of DIDS) fill(did, COLLECTIONS[0]!, 150)
    trim()
    openGroups()
    let reader = join('g', 'snapshot')
    const state = new Map<string, number>()
    for (let round = 0; round < 6; round++) {
      await eventually(() => reader.waiting.length > 0)
      reader.ack(100 + roll(100))
      change(DIDS[roll(12)]!, COLLECTIONS[0]!, `k${roll(150)}`)
      hub.committed(log.newest())
      await reader.group.flush()
      for (const [key, n] of reader.state) state.set(key, n)
      expect(reader.group.stats().snapshot).toBeLessThan(1)
      await restart()
      reader = join('g', 'oldest')
      // What it had is not sent at once: it may be acknowledged still.
      now += 2000
    }
    now += 2000
    await eventually(() => {
      now += 1000
      reader.ack()
      const { snapshot, unacked } = reader.group.stats()
      return snapshot === null && unacked === 0
    })
    for (const [key, n] of reader.state) state.set(key, n)
    expect(sorted(state)).toEqual(sorted(there))
    // Not from the beginning each time.
    expect(reader.seen).toBeLessThan(1500)
  })

  test('is given again after a restart what it did not acknowledge, but what is gone by then', async () => {
    for (const did of DIDS.slice(0, 3)) fill(did, COLLECTIONS[0]!, 2)
    openGroups()
    const before = join('g', 'snapshot')
    await eventually(() => before.waiting.length === 9)
    before.ack(4)
    await before.group.flush()
    const numbers = ({ waiting }: Reader): number[] =>
      waiting.map(({ event }) => event.seq).toSorted((a, b) => a - b)
    const left = numbers(before)
    await restart()
    const again = join('g', 'snapshot')
    now += 2000
    await eventually(() => again.waiting.length === 5)
    // What exports brought, and what is said of accounts, goes side by side.
    expect(numbers(again)).toEqual(left)
    expect(again.identities).toEqual(before.identities.slice(-again.identities.length))
    await again.group.flush()
    tables.account(DIDS[2]!, 'deleted')
    await tables.applier.purgeDeleted(new AbortController().signal)
    await restart()
    const rest = join('g', 'snapshot')
    now += 2000
    hub.committed(log.newest())
    await eventually(() => rest.waiting.length > 1)
    expect(rest.identities.filter((did) => did === DIDS[2])).toEqual([DIDS[2]])
    expect([...rest.state.keys()].every((key) => key.startsWith(DIDS[1]!))).toBe(true)
    expect(rest.group.stats().lost).toBe(0)
  })

  test('slices have as much as was asked for, and end among accounts that have nothing', () => {
    for (const did of DIDS) fill(did, COLLECTIONS[0]!, 3)
    openGroups()
    const snapshots = createSnapshotReader(tables.db, () => now)
    const lengths: number[] = []
    const seqs: number[] = []
    for (let place: SnapshotPlace | null = snapshots.begin(0); place !== null;) {
      const { events, next } = snapshots.slice(place, 5)
      lengths.push(events.length)
      seqs.push(...events.map(({ seq }) => seq))
      place = next
    }
    // Twelve accounts, each with three records.
    expect(lengths.slice(0, 9)).toEqual(Array(9).fill(5))
    expect([seqs.length, new Set(seqs).size]).toEqual([48, 48])
    for (let i = 0; i < 600; i++) tables.identity(`did:plc:${String(i).padStart(24, 'm')}` as Did, null)
    const first = snapshots.slice(snapshots.begin(0), 10_000)
    expect(first.events.length).toBeLessThanOrEqual(256 + 36)
    expect(first.next).not.toBe(null)
  })

  test('holds a slice of it and what waits, however large it is', async () => {
    for (const did of DIDS.slice(0, 4)) fill(did, COLLECTIONS[0]!, 1000)
    openGroups()
    const reader = join('g', 'snapshot')
    await eventually(() => reader.waiting.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(reader.waiting.length).toBeLessThan(300 + 256)
    expect(reader.group.stats().unacked).toBeLessThan(300 + 256)
    await reader.drained()
    expect(reader.state.size).toBe(4000)
  })
})

describe('one that lost events', () => {
  test('is given the whole index, and what goes while it is; it says when, and how far it is', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 700)
    fill(DIDS[2]!, COLLECTIONS[0]!, 3)
    openGroups()
    const before = join('g', 'all')
    await before.drained()
    before.group.detach(before)
    for (let i = 0; i < 300; i++) change(DIDS[0]!, COLLECTIONS[0]!, `k${i}`)
    change(DIDS[1]!, COLLECTIONS[0]!, 'new')
    await restart()
    trim()
    await restart()
    now += 1000
    const reader = join('g', 'oldest')
    for (const [key, n] of before.state) reader.state.set(key, n)
    await eventually(() => reader.seen > 0)
    const { lost, lostAt, snapshot } = reader.group.stats()
    expect([lost, lostAt, snapshot]).toEqual([300, now, expect.any(Number)])
    expect(reader.waiting.length).toBeLessThan(700)
    expect(lines.join()).toContain('300 numbers are gone from the log before they were read: the whole index')
    // Before its turn: what it has from before and is gone is told at once, and what is said of the account; all else when its turn comes.
    tables.identity(DIDS[2]!, 'new.example.com')
    change(DIDS[2]!, COLLECTIONS[0]!, 'k1')
    hub.committed(log.newest())
    await eventually(() => reader.identities.includes(DIDS[2]!))
    for (const { event } of reader.waiting) if (event.did === DIDS[2]) reader.group.ack(event.seq)
    change(DIDS[2]!, COLLECTIONS[0]!, 'k2', true)
    hub.committed(log.newest())
    await eventually(() => !reader.state.has(path(DIDS[2]!, COLLECTIONS[0]!, 'k2')))
    expect(reader.group.stats().snapshot).not.toBe(null)
    const changed = (): number =>
      reader.told.filter((key) => key === path(DIDS[2]!, COLLECTIONS[0]!, 'k1')).length
    expect(changed()).toBe(0)
    await reader.drained()
    expect(changed()).toBe(1)
    expect(sorted(reader.state)).toEqual(sorted(there))
    await reader.group.flush()
    await restart()
    expect(groups.get('g')!.stats()).toMatchObject({ lost: 300, lostAt: now, snapshot: null })
  })

  test('is not, where it asked for nothing of what was', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 5)
    openGroups()
    const before = join('g', 'live')
    before.group.detach(before)
    await before.group.flush()
    for (let i = 0; i < 4; i++) change(DIDS[0]!, COLLECTIONS[0]!, `k${i}`)
    trim()
    await restart()
    const reader = join('g', 'all')
    await eventually(() => reader.seen === 1)
    expect(reader.group.stats()).toMatchObject({ lost: 3, snapshot: null })
  })

  test('numbers of one snapshot are not those of another', async () => {
    fill(DIDS[0]!, COLLECTIONS[0]!, 5)
    openGroups()
    const reader = join('g', 'snapshot')
    await eventually(() => reader.waiting.length === 6)
    const first = reader.waiting.map(({ event }) => event.seq)
    await reader.drained()
    reader.group.beginSnapshot()
    await eventually(() => reader.waiting.length === 6)
    const second = reader.waiting.map(({ event }) => event.seq)
    expect(new Set([...first, ...second]).size).toBe(12)
    expect([...first, ...second].every((seq) => isOfSnapshot(seq) && Number.isSafeInteger(seq))).toBe(true)
    await reader.drained()
    // One that is begun while nobody is there is there after a restart.
    reader.group.detach(reader)
    await reader.group.flush()
    reader.group.beginSnapshot()
    await restart()
    expect(groups.get('g')!.stats().snapshot).toBe(0)
  })
})
