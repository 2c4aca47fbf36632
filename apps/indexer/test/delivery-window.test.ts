// What waits for a consumer: order of an account, bounds, and what is given up. Times are made up.

import { describe, expect, test } from 'vitest'
import {
  createWindow,
  type Entry,
  type Owner,
  type Window,
  type WindowLimits,
} from '../src/delivery/window.ts'
import type { LogEvent } from '../src/stream/log-reader.ts'

const LIMITS: WindowLimits = {
  pending: 8,
  tries: 3,
  backoffMs: (failures) => failures * 100,
  stalledMs: 10_000,
}
const owner = (): Owner => ({ wake() {}, overdue() {}, failed() {}, inFlight: 0 })
const event = (seq: number, did: string, isLive: boolean, kind = 'commit'): LogEvent =>
  ({ seq, did, isLive, kind }) as LogEvent
const add = (window: Window, did: string, ...seqs: number[]): void => {
  // Negative ones were read from an export.
  for (const seq of seqs) window.add(event(Math.abs(seq), did, seq > 0), null)
}
const takeAll = (window: Window, who: Owner, dueAt = Infinity): number[] => {
  const taken: number[] = []
  for (let entry = window.take(who, dueAt); entry !== null; entry = window.take(who, dueAt))
    taken.push(entry.event.seq)
  return taken
}

describe('the order of an account', () => {
  test('what happened waits for all before it, and all behind it wait; others do not', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    add(window, 'a', -1, -2, 3, -4, -5, 6, 7)
    add(window, 'b', 8, 9)
    expect(takeAll(window, who)).toEqual([1, 2, 8])
    expect(who.inFlight).toBe(3)
    expect(window.ack(2)).toBe(true)
    expect(takeAll(window, who)).toEqual([])
    window.ack(1)
    expect(takeAll(window, who)).toEqual([3])
    window.ack(3)
    expect(takeAll(window, who)).toEqual([4, 5])
    window.ack(4)
    window.ack(8)
    expect(takeAll(window, who)).toEqual([9])
    window.ack(5)
    expect(takeAll(window, who)).toEqual([6])
    window.ack(6)
    expect(takeAll(window, who)).toEqual([7])
    window.ack(7)
    window.ack(9)
    expect([window.size, window.inFlight, who.inFlight]).toEqual([0, 0, 0])
  })

  test('what is said of an account goes beside what was there', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    window.add(event(1, 'a', true, 'identity'), null)
    window.add(event(2, 'a', true, 'account'), null)
    add(window, 'a', 3)
    expect(takeAll(window, who)).toEqual([1, 2])
  })

  test('events of one account are taken together where nothing else is in between', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    add(window, 'a', 1, 2, 3)
    add(window, 'b', -4, -5, 6)
    const first = window.take(who, 0)!
    const second = window.takeBehind(first, who, 0)!
    expect([first.event.seq, second.event.seq]).toEqual([1, 2])
    const fourth = window.take(who, 0)!
    expect(fourth.event.seq).toBe(4)
    // The fifth is not taken yet: the sixth must not come before it.
    expect(window.takeBehind(fourth, who, 0)).toBeNull()
    expect(window.take(who, 0)!.event.seq).toBe(5)
    expect(window.takeBehind(fourth, who, 0)!.event.seq).toBe(6)
    window.giveBack([first, second])
    expect(window.take(who, 0)!.event.seq).toBe(1)
    expect(window.takeBehind(first, who, 0)!.event.seq).toBe(2)
    window.fail(first, 0)
    // What failed is waited for.
    expect(window.takeBehind(first, who, 0)).toBeNull()
  })

  test('what is given back comes first, in its order', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    for (const [i, did] of ['a', 'b', 'c', 'd'].entries()) add(window, did, i + 1)
    const taken = [window.take(who, 0)!, window.take(who, 0)!, window.take(who, 0)!]
    window.giveBack(taken)
    expect(who.inFlight).toBe(0)
    expect(takeAll(window, who)).toEqual([1, 2, 3, 4])
  })
})

test('who leaves gives back what is theirs, and no more', () => {
  const [window, who, other] = [createWindow(LIMITS), owner(), owner()]
  add(window, 'a', 1)
  add(window, 'b', 2)
  window.take(who, Infinity)
  window.take(other, Infinity)
  window.giveBackAll(who, 100)
  expect([who.inFlight, other.inFlight, window.inFlight]).toEqual([0, 1, 1])
  window.due(100)
  expect(takeAll(window, other)).toEqual([1])
})

describe('acks', () => {
  test('count for what was sent, once', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    add(window, 'a', 1, 2)
    expect(window.ack(1)).toBe(false)
    expect(window.ack(99)).toBe(false)
    takeAll(window, who)
    expect(window.ack(2)).toBe(false)
    expect(window.ack(1)).toBe(true)
    expect(window.ack(1)).toBe(false)
    expect(window.size).toBe(1)
  })

  test('count for what was sent before a restart, and for what is put off', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    window.add(event(1, 'a', true), null, { tries: 1, wasSent: true })
    window.add(event(2, 'b', true), null, { tries: 0, wasSent: false })
    expect(window.failing).toBe(1)
    expect([window.ack(2), window.ack(1)]).toEqual([false, true])
    expect(window.failing).toBe(0)
    add(window, 'c', 3)
    takeAll(window, who, 50)
    const [late] = window.due(60)
    window.fail(late!, 60)
    expect(window.ack(3)).toBe(true)
    expect(window.due(10_000)).toEqual([])
    expect(takeAll(window, who)).toEqual([2])
  })
})

describe('what fails', () => {
  const failing = (window: Window, who: Owner, seq: number, now: number): boolean => {
    const entry = window.take(who, Infinity)!
    expect(entry.event.seq).toBe(seq)
    return window.fail(entry, now)
  }

  test('is put off longer each time, and given up when others are taken meanwhile', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    const [other, third] = [owner(), owner()]
    add(window, 'a', 1, 2)
    expect(failing(window, who, 1, 0)).toBe(false)
    expect([window.due(99), takeAll(window, who)]).toEqual([[], []])
    window.due(100)
    add(window, 'b', 3)
    takeAll(window, other)
    window.giveBackAll(other, 100)
    window.ack(3)
    window.due(100)
    expect(failing(window, third, 1, 100)).toBe(false)
    // Nothing was taken since: that failure says nothing of this event.
    window.due(300)
    expect(failing(window, who, 1, 300)).toBe(false)
    add(window, 'b', 4)
    expect(takeAll(window, who)).toEqual([4])
    window.ack(4)
    window.due(600)
    expect(failing(window, who, 1, 600)).toBe(true)
    expect(takeAll(window, who)).toEqual([2])
    expect(window.failing).toBe(0)
  })

  test('is given up after a day that nobody was there', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    add(window, 'a', 1)
    const began = Date.parse('2026-01-02')
    for (const ms of [0, 1100, 2200, 3300, 4400, 5500, 6600, 7700, 8800, 9999]) {
      window.due(began + ms)
      expect(failing(window, who, 1, began + ms)).toBe(false)
    }
    window.due(began + 20_000)
    expect(failing(window, who, 1, began + 10_000)).toBe(true)
  })

  test('makes room sooner when it is most of what waits', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    for (let seq = 1; seq <= 7; seq++) add(window, `did:${seq}`, seq)
    const entries = Array.from({ length: 6 }, () => window.take(who, Infinity)!)
    for (const entry of entries) expect(window.fail(entry, 0)).toBe(false)
    window.take(who, Infinity)
    window.ack(7)
    window.due(100)
    const dead = Array.from({ length: 6 }, () => window.fail(window.take(who, Infinity)!, 100))
    // Two of six leave four of eight: half of the room is enough.
    expect(dead).toEqual([true, true, false, false, false, false])
  })

  test('tells how much of one account waits, and whether it moves', () => {
    const [window, who] = [createWindow(LIMITS), owner()]
    add(window, 'a', -1, -2, -3)
    expect(window.load('a')).toEqual({ size: 3, isHeavy: false })
    window.fail(window.take(who, 0)!, 0)
    expect(window.load('a')).toEqual({ size: 3, isHeavy: true })
    add(window, 'b', 4, 5, -6)
    expect(window.load('b')).toEqual({ size: 3, isHeavy: true })
    expect(window.load('c')).toEqual({ size: 0, isHeavy: false })
  })
})

test('thousands are taken in order, once each, while more come', () => {
  const [window, who] = [createWindow(LIMITS), owner()]
  const taken: number[] = []
  let seq = 0
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 200; i++) add(window, `did:${seq % 300}`, -++seq)
    for (let i = 0; i < 150; i++) taken.push(window.take(who, 0)!.event.seq)
  }
  taken.push(...takeAll(window, who))
  expect(taken).toEqual(Array.from({ length: 8000 }, (_, i) => i + 1))
})

describe.each(['as Tap takes them, two at a group', 'as a webhook takes them, in batches'])(
  'whatever happens, %s',
  (how) => {
    const isBatched = how.includes('batches')
    test.each([1, 2, 3, 4])('seed %i', (seed) => {
      let state = seed
      const roll = (most: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % most
      }
      const window = createWindow({ ...LIMITS, pending: 40 })
      const owners = isBatched ? [owner()] : [owner(), owner()]
      const alive = new Map<number, Entry>()
      let [seq, now] = [0, 0]
      const some = <T>(list: readonly T[]): T | undefined => list[roll(list.length)]
      const inState = (wanted: Entry['state']): Entry[] =>
        [...alive.values()].filter((entry) => entry.state === wanted)
      const done = (entry: Entry): void => {
        alive.delete(entry.event.seq)
        expect(entry.state).toBe('gone')
      }
      const fail = (entry: Entry): void => {
        if (window.fail(entry, now)) done(entry)
      }
      const take = (who: Owner, behind?: Entry): Entry | null => {
        const entry = behind ? window.takeBehind(behind, who, now + 50) : window.take(who, now + 50)
        if (behind === undefined && entry === null) expect(inState('ready')).toEqual([])
        if (entry !== null) expect([entry.state, alive.get(entry.event.seq)]).toEqual(['sent', entry])
        return entry
      }
      const steps: readonly (() => void)[] = [
        () => {
          const made = event(++seq, some(['a', 'b', 'c'])!, roll(2) === 0)
          window.add(made, null, ...(roll(6) === 0 ? [{ tries: roll(2), wasSent: roll(2) === 0 }] : []))
          alive.set(seq, window.get(seq)!)
        },
        () => {
          const [who] = [some(owners)!]
          let entry = take(who)
          for (let more = isBatched ? roll(4) : 0; more > 0 && entry !== null; more--)
            entry = take(who, entry)
        },
        () => {
          const entry = some([...alive.values()])
          if (entry === undefined) return
          expect(window.ack(entry.event.seq)).toBe(entry.wasSent)
          if (entry.wasSent) done(entry)
          expect(window.ack(entry.event.seq)).toBe(false)
        },
        () => {
          const entry = some(inState('sent'))
          if (entry === undefined || roll(3) > 0) return
          window.drop(entry)
          done(entry)
        },
        () => {
          const sent = inState('sent')
          if (isBatched && sent.length > 1) window.giveBack(sent)
          else if (sent.length > 0) fail(some(sent)!)
        },
        () => {
          // As after a restart: who comes back may acknowledge what it had.
          const had = inState('ready').filter(() => roll(3) === 0)
          if (roll(3) > 0) return
          window.giveBack(had, now + roll(100))
          expect(had.every((entry) => entry.state === 'later')).toBe(true)
        },
        () => {
          // A webhook leaves only when the process ends.
          if (!isBatched && roll(4) === 0) window.giveBackAll(some(owners)!, now + roll(100))
        },
        () => {
          now += roll(60)
          const overdue = window.due(now)
          const wanted = inState('sent').filter(({ dueAt }) => dueAt <= now)
          expect(new Set(overdue)).toEqual(new Set(wanted))
          expect(inState('later').every(({ dueAt }) => dueAt > now)).toBe(true)
          if (!isBatched) for (const entry of overdue) fail(entry)
        },
      ]
      /** What follows from what there is. */
      const check = (): void => {
        const all = [...alive.values()]
        const sent = inState('sent')
        expect([window.size, window.failing, window.inFlight, window.accounts]).toEqual([
          all.length,
          all.filter(({ failures }) => failures > 0).length,
          sent.length,
          new Set(all.map(({ event: { did } }) => did)).size,
        ])
        expect(owners.map(({ inFlight }) => inFlight)).toEqual(
          owners.map((who) => sent.filter((entry) => entry.owner === who).length),
        )
        const odd: string[] = []
        for (const did of ['a', 'b', 'c']) {
          const lane = all.filter((entry) => entry.event.did === did)
          const live = lane.filter((entry) => entry.event.isLive).length
          const { size, isHeavy } = window.load(did)
          const wasHeavy = live * 2 > lane.length || lane.some(({ failures }) => failures > 0)
          if (size !== lane.length || isHeavy !== wasHeavy) odd.push(`load of ${did}`)
          for (const [i, entry] of lane.entries()) {
            const before = lane.slice(0, i)
            const isFree = entry.event.isLive ? i === 0 : !before.some((other) => other.event.isLive)
            if (!(isBatched && entry.state === 'sent') && (entry.state !== 'blocked') !== isFree)
              odd.push(`${entry.event.seq} is ${entry.state}`)
          }
        }
        expect(odd).toEqual([])
      }
      for (let i = 0; i < 300; i++) {
        some(steps)!()
        check()
      }
      now += 1e6
      window.due(now)
      const who = owners[0]!
      while (alive.size > 0) {
        for (const entry of inState('sent')) window.ack(entry.event.seq)
        for (const [number, entry] of alive) if (entry.state === 'gone') alive.delete(number)
        window.due(now)
        while (take(who) !== null);
        check()
      }
      expect(window.size).toBe(0)
    })
  },
)
