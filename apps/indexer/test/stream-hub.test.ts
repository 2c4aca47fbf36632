// Subscribers of the log: each gets every number once, in order, whatever the others do.

import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHub, type Hub, type Sink, type Subscription } from '../src/stream/hub.ts'
import { listEvents } from '../src/stream/list-events.ts'
import { createLogReader, type LogReader } from '../src/stream/log-reader.ts'
import { createShapes } from '../src/stream/shapes.ts'
import { eventually } from './support/indexer.ts'
import { opOf, openTables, type Tables } from './support/tables.ts'

const ADA = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' as Did
const BOB = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' as Did
const SHAPES = createShapes(null)
const SHAPE = SHAPES.objects

let tables: Tables
let log: LogReader
let hub: Hub
beforeEach(() => {
  tables = openTables()
  log = createLogReader(tables.db)
})
afterEach(() => {
  hub.close()
  tables[Symbol.dispose]()
})

/** So many events, not durable yet. */
let written = 0
const write = (count: number, did = ADA): void => {
  const ops = Array.from({ length: count }, () => {
    const text = `n${++written}`
    return opOf('create', `com.example.note/${text}`, { $type: 'com.example.note', text })
  })
  tables.resync(did, ops)
}
const upTo = (count: number, from = 1): number[] => Array.from({ length: count }, (_, i) => from + i)

type Heard = {
  readonly seqs: number[]
  readonly passed: number[]
  readonly told: unknown[]
  subscription: Subscription
  /** How many more it takes. */
  room: number
}
const hear = (
  from: number,
  sink: Partial<Sink> = {},
  options: Partial<Parameters<Hub['subscribe']>[0]> = {},
): Heard => {
  const heard = { seqs: [], passed: [], told: [], room: Infinity } as unknown as Heard
  heard.subscription = hub.subscribe({
    from,
    test: () => true,
    shape: SHAPE,
    ...options,
    sink: {
      ready: () => heard.room > 0,
      send(_, { event }) {
        heard.room--
        heard.seqs.push(event.seq)
      },
      passed: (seq) => void heard.passed.push(seq),
      outdated: () => heard.told.push('outdated') > 0,
      failed: (error) => void heard.told.push(error),
      ended: () => void heard.told.push('ended'),
      ...sink,
    },
  })
  return heard
}

test('what was and what happens are one sequence, wherever one begins', async () => {
  write(1500)
  hub = createHub(log)
  const all = [1, 512, 700, 1500, 1501].map((from) => hear(from))
  const none = hear(1, {}, { test: ({ seq }) => seq % 1000 === 0 })
  await eventually(() => all[0]!.seqs.length === 1500)
  // More at once than those at the tail are given at once.
  write(3000, BOB)
  hub.committed(log.newest())
  await eventually(() => all.every(({ seqs }) => seqs.at(-1) === 4500))
  write(1)
  hub.committed(log.newest())
  await eventually(() => all.every(({ seqs }) => seqs.at(-1) === 4501))
  expect(hub.tip).toBe(4502)
  for (const [i, from] of [1, 512, 700, 1500, 1501].entries()) {
    expect(all[i]!.seqs).toEqual(upTo(4502 - from, from))
    expect(all[i]!.subscription.next).toBe(4502)
    expect(all[i]!.passed).toEqual(all[i]!.passed.toSorted((a, b) => a - b))
  }
  await eventually(() => none.passed.at(-1) === 4501)
  expect(none.seqs).toEqual([1000, 2000, 3000, 4000])
  expect([...all, none].flatMap(({ told }) => told)).toEqual([])
})

test('nobody is told of what is not durable', async () => {
  write(5)
  hub = createHub(log)
  const one = hear(1)
  await eventually(() => one.passed.at(-1) === 5)
  write(5)
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect([one.seqs, hub.tip]).toEqual([upTo(5), 6])
  hub.committed(8)
  await eventually(() => one.passed.at(-1) === 8)
  hub.committed(7)
  expect(hub.tip).toBe(9)
  hub.committed(10)
  await eventually(() => one.passed.at(-1) === 10)
  expect(one.seqs).toEqual(upTo(10))
})

test('who takes no more goes on where it was; who left is given nothing', async () => {
  write(2000)
  hub = createHub(log)
  const [slow, other, gone] = [hear(1), hear(1), hear(1)]
  slow.room = 100
  gone.room = 700
  for (let taken = 100; taken <= 1900; taken += 600) {
    await eventually(() => slow.seqs.length === taken)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([slow.seqs.length, slow.subscription.next]).toEqual([taken, taken + 1])
    slow.room = 600
    slow.subscription.resume()
    slow.subscription.resume()
  }
  await eventually(() => slow.passed.at(-1) === 2000 && other.passed.at(-1) === 2000)
  expect([slow.seqs, other.seqs]).toEqual([upTo(2000), upTo(2000)])
  gone.subscription.close()
  gone.room = Infinity
  gone.subscription.resume()
  write(10, BOB)
  hub.committed(log.newest())
  await eventually(() => slow.room === 0 || slow.seqs.length === 2010)
  expect(gone.seqs).toEqual(upTo(700))
})

test('one that throws is told so and ends, and others notice nothing', async () => {
  write(600)
  hub = createHub(log)
  const broken = hear(1, {
    send() {
      throw new Error('broken')
    },
  })
  const other = hear(1)
  await eventually(() => other.seqs.length === 600)
  expect(broken.told).toEqual([new Error('broken')])
  write(5, BOB)
  hub.committed(log.newest())
  await eventually(() => other.seqs.length === 605)
  expect(broken.told).toHaveLength(1)
})

test('who asks for what is gone is told, once, and goes on at what there is, or ends', async () => {
  for (let i = 0; i < 10; i++) write(1)
  tables.db.prepare('DELETE FROM log_rows WHERE seq < 7').run()
  hub = createHub(log)
  const patient = hear(2)
  let asked = 0
  const strict = hear(2, { outdated: () => ++asked < 0 })
  await eventually(() => patient.passed.at(-1) === 10)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect([patient.seqs, patient.told]).toEqual([upTo(4, 7), ['outdated']])
  expect([strict.seqs, asked]).toEqual([[], 1])
  // What stands in memory is given though the log has it no more.
  tables.db.prepare('DELETE FROM log_rows WHERE seq < 9').run()
  const late = hear(7)
  await eventually(() => late.passed.at(-1) === 10)
  expect([late.seqs, late.told]).toEqual([upTo(4, 7), []])
})

test('what is larger than one takes is left out', async () => {
  tables.commit(ADA, [opOf('create', 'com.example.note/a', { $type: 'com.example.note', text: 'x' })])
  tables.commit(ADA, [
    opOf('create', 'com.example.note/b', { $type: 'com.example.note', text: 'x'.repeat(999) }),
  ])
  tables.commit(ADA, [opOf('create', 'com.example.note/c', { $type: 'com.example.note', text: 'x' })])
  hub = createHub(log)
  const sizes: number[] = []
  const any = hear(1, { send: ({ size }) => void sizes.push(size) })
  await eventually(() => any.passed.at(-1) === 3)
  const [small, exact, less] = [1000, sizes[1]!, sizes[1]! - 1].map((maxBytes) => hear(1, {}, { maxBytes }))
  await eventually(() => less!.passed.at(-1) === 3)
  expect([small, exact, less].map((one) => one!.seqs)).toEqual([
    [1, 3],
    [1, 2, 3],
    [1, 3],
  ])
})

test('all end with it, and who comes later ends at once', async () => {
  write(5)
  hub = createHub(log)
  const [one, two] = [hear(1), hear(6)]
  await eventually(() => one.passed.at(-1) === 5)
  hub.close()
  const late = hear(1)
  await eventually(() => late.told.length === 1)
  write(5, BOB)
  hub.committed(log.newest())
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect([one, two, late].map(({ told }) => told)).toEqual([['ended'], ['ended'], ['ended']])
  expect([one, two, late].map(({ seqs }) => seqs)).toEqual([upTo(5), [], []])
})

test('a question waits for what it wants, and for nothing else', async () => {
  hub = createHub(log)
  let isAnswered = false
  const answer = listEvents({
    query: new URLSearchParams({ cursor: '1', wait: '30', dids: BOB }),
    signal: new AbortController().signal,
    hub,
    log,
    shapes: SHAPES,
    onError: (error) => expect.fail(String(error)),
  }).finally(() => (isAnswered = true))
  await new Promise((resolve) => setTimeout(resolve, 30))
  write(1)
  hub.committed(log.newest())
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(isAnswered).toBe(false)
  write(1, BOB)
  hub.committed(log.newest())
  expect(await (await answer).json()).toMatchObject({
    events: [{ seq: 2, did: BOB }],
    cursor: 3,
    caughtUp: true,
  })
})
