// The lanes by themselves: whose turn it is, and what is given up.

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { createLanes, type Lanes, type LanesOptions, type Task } from '../src/lanes.ts'

const [a, b] = ['did:web:a.example', 'did:web:b.example'] as const satisfies Did[]

function oneAtATime(bounds: { maxLaneBytes?: number } = {}): Lanes {
  return createLanes({
    concurrency: 1,
    maxBytes: 1000,
    maxLaneBytes: 1000,
    maxParkedBytes: 1000,
    onFault(error) {
      throw error
    },
    ...bounds,
  })
}

describe('lanes', () => {
  it('a long one takes its next turn behind those that wait', async () => {
    const lanes = oneAtATime()
    const order: string[] = []
    const task = (name: string): Task => ({
      source: 's',
      bytes: 1,
      run: async () => void order.push(name),
      drop: () => {},
    })
    for (const name of ['a1', 'a2', 'a3']) lanes.push(a, task(name))
    lanes.push(b, task('b1'))
    await lanes.idle()
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  it('what waits behind the network is given up, but nothing of a source that waits itself', async () => {
    const lanes = oneAtATime({ maxLaneBytes: 10 })
    const gate = Promise.withResolvers<void>()
    const network = Promise.withResolvers<void>()
    const order: string[] = []
    const task = (name: string, patient: boolean, run: () => Promise<void> = async () => {}): Task => ({
      source: 's',
      bytes: 20,
      patient,
      async run() {
        order.push(name)
        await run()
      },
      drop: (why) => void order.push(`${name} ${why}`),
    })
    // Holds the only turn until all the others are there.
    lanes.push(
      b,
      task('held', true, () => gate.promise),
    )
    lanes.push(
      a,
      task('first', true, () => lanes.aside(a, network.promise)),
    )
    lanes.push(a, task('patient', true))
    lanes.push(a, task('live', false))
    gate.resolve()
    await expect.poll(() => order, { timeout: 8000 }).toEqual(['held', 'first', 'live shed'])
    network.resolve()
    await lanes.idle()
    expect(order).toEqual(['held', 'first', 'live shed', 'patient'])
  })

  it('a lane that waits for the network leaves its turn to the next at once', async () => {
    const lanes = oneAtATime()
    const network = Promise.withResolvers<void>()
    const order: string[] = []
    const task = (name: string, run: () => Promise<void>): Task => ({
      source: 's',
      bytes: 1,
      async run() {
        order.push(name)
        await run()
      },
      drop: () => {},
    })
    lanes.push(
      a,
      task('a', async () => {
        // The other comes meanwhile.
        await Promise.resolve()
        await lanes.aside(a, network.promise)
      }),
    )
    lanes.push(
      b,
      task('b', async () => {}),
    )
    await expect.poll(() => order, { timeout: 8000 }).toEqual(['a', 'b'])
    network.resolve()
    await lanes.idle()
    expect([lanes.active, lanes.waiting, lanes.bytes]).toEqual([0, 0, 0])
  })
})

/** Lanes with their bounds, and tasks that end when they are told. */
function bounded(bounds: Partial<LanesOptions> = {}) {
  const faults: unknown[] = []
  const lanes = createLanes({
    concurrency: 2,
    maxBytes: 100,
    maxLaneBytes: 20,
    maxParkedBytes: 30,
    onFault: (error) => void faults.push(error),
    ...bounds,
  })
  const order: string[] = []
  const push = (did: Did, name: string, bytes: number, more: Partial<Task> = {}): boolean =>
    lanes.push(did, {
      source: 's',
      bytes,
      run: () => void order.push(name),
      drop: (why) => void order.push(`${name} ${why}`),
      ...more,
    })
  /** A task that waits for the network until the function is called. */
  const waiting = async (did: Did, name: string, bytes: number, source = 's'): Promise<() => void> => {
    const network = Promise.withResolvers<void>()
    const run = async (): Promise<void> => {
      order.push(name)
      await lanes.aside(did, network.promise)
    }
    push(did, name, bytes, { source, run })
    await expect.poll(() => order, { timeout: 8000 }).toContain(name)
    return network.resolve
  }
  return { lanes, faults, order, push, waiting }
}
const lane = (i: number): Did => `did:web:${i}.example`

describe('bounds of lanes', () => {
  it('so many run at once, and as one ends the next begins', async () => {
    const { lanes } = bounded()
    const ends: (() => void)[] = []
    const results = [0, 1, 2].map((i) =>
      lanes.run(lane(i), () => new Promise<number>((resolve) => ends.push(() => resolve(i)))),
    )
    expect([ends.length, lanes.active, lanes.waiting]).toEqual([2, 2, 1])
    ends[0]!()
    await expect.poll(() => ends.length, { timeout: 8000 }).toBe(3)
    expect([lanes.active, lanes.waiting]).toEqual([2, 0])
    for (const end of ends) end()
    expect(await Promise.all(results)).toEqual([0, 1, 2])
    await lanes.idle()
    expect(lanes.active).toBe(0)
  })

  it('a source has room below its share, and not at it; another has its own', async () => {
    const { lanes, push } = bounded({ concurrency: 1 })
    const gate = Promise.withResolvers<void>()
    push(a, 'held', 60, { run: () => gate.promise })
    push(b, 'small', 39)
    expect(lanes.room('s')).toBe(null)
    push(b, 'last', 1)
    expect(lanes.bytes).toBe(100)
    const room = lanes.room('s')
    expect(room).not.toBe(null)
    expect(lanes.room('t')).toBe(null)
    gate.resolve()
    await room
    await lanes.idle()
    expect([lanes.bytes, lanes.room('s')]).toEqual([0, null])
  })

  it('who waits for room is woken when the consumer stops, and nobody waits after that', async () => {
    const { lanes, push } = bounded()
    push(a, 'held', 100, { run: () => new Promise(() => {}) })
    const room = lanes.room('s')
    lanes.release()
    await room
    expect(lanes.room('s')).toBe(null)
  })

  it.each([
    ['all that a lane may', 10, true],
    ['one byte more', 11, false],
  ])('a lane that waits for the network takes %s', async (_what, bytes, taken) => {
    const { lanes, order, push, waiting } = bounded()
    const end = await waiting(a, 'first', 10)
    expect(push(a, 'next', bytes)).toBe(taken)
    expect(lanes.waiting).toBe(taken ? 1 : 0)
    // A source that waits itself is always taken, and what has no bytes.
    expect(push(a, 'patient', 1000, { patient: true })).toBe(true)
    end()
    await lanes.idle()
    expect(order).toEqual(['first', ...(taken ? ['next'] : []), 'patient'])
    expect([lanes.bytes, lanes.active, lanes.waiting]).toEqual([0, 0, 0])
  })

  it.each([
    ['as much as they may', 10, true],
    ['one byte more', 11, false],
  ])('all lanes of a source that wait for the network take %s', async (_what, bytes, taken) => {
    const { lanes, push, waiting } = bounded()
    const ends = [await waiting(a, 'a', 15), await waiting(b, 'b', 5), await waiting(lane(0), 't', 10, 't')]
    expect(push(b, 'next', bytes)).toBe(taken)
    for (const end of ends) end()
    await lanes.idle()
    // Nobody waits any more: all is taken again.
    const again = await waiting(a, 'again', 10)
    expect(push(a, 'other', 10)).toBe(true)
    again()
    await lanes.idle()
    expect(lanes.bytes).toBe(0)
  })

  it.each([
    [20, 0, true],
    [21, 0, false],
    [10, 20, true],
    [10, 21, false],
  ])('a task of %i bytes may keep them while %i wait already: %s', async (bytes, parked, keeps) => {
    const { lanes, push, waiting } = bounded()
    const end = parked > 0 ? await waiting(b, 'parked', parked) : () => {}
    const kept: boolean[] = []
    push(a, 'asking', bytes, { run: () => void kept.push(lanes.mayKeep(a)) })
    push(lane(0), 'patient', 1000, {
      patient: true,
      run: () => void kept.push(lanes.mayKeep(lane(0))),
    })
    await expect.poll(() => kept, { timeout: 8000 }).toEqual([keeps, true])
    end()
    await lanes.idle()
    expect(lanes.bytes).toBe(0)
  })

  it('what may not be kept is counted off at once', async () => {
    const { lanes, push } = bounded()
    const gate = Promise.withResolvers<void>()
    const run = async (): Promise<void> => {
      expect(lanes.mayKeep(a)).toBe(false)
      await gate.promise
    }
    push(a, 'large', 100, { run })
    expect([lanes.bytes, lanes.room('s')]).toEqual([0, null])
    gate.resolve()
    await lanes.idle()
    expect(lanes.bytes).toBe(0)
  })

  it.each([
    ['its lane', { maxLaneBytes: 20 }],
    ['its source', { maxLaneBytes: 1000, maxParkedBytes: 20 }],
  ])('what was there before the wait is shed from its end, until the rest fits %s', async (_what, bounds) => {
    const { lanes, order, push } = bounded({ concurrency: 1, ...bounds })
    const gate = Promise.withResolvers<void>()
    push(b, 'held', 0, { run: () => gate.promise })
    const network = Promise.withResolvers<void>()
    push(a, 'first', 8, { run: () => lanes.aside(a, network.promise) })
    for (const name of ['1', '2', '3']) push(a, name, 6)
    push(a, 'empty', 0)
    gate.resolve()
    await expect.poll(() => order, { timeout: 8000 }).toEqual(['3 shed'])
    expect([lanes.bytes, lanes.waiting]).toEqual([20, 3])
    expect(push(a, 'more', 0)).toBe(true)
    network.resolve()
    await lanes.idle()
    expect(order).toEqual(['3 shed', '1', '2', 'empty', 'more'])
  })

  it('a task that throws is told, and its lane goes on', async () => {
    const { lanes, faults, order, push } = bounded()
    push(a, 'bad', 1, {
      run() {
        throw new Error('now')
      },
    })
    push(a, 'worse', 1, { run: () => Promise.reject(new Error('later')) })
    push(a, 'good', 1)
    await lanes.idle()
    expect(faults.map(String)).toEqual(['Error: now', 'Error: later'])
    expect([order, lanes.bytes]).toEqual([['good'], 0])
    await expect(lanes.run(a, () => Promise.reject(new Error('own')))).rejects.toThrow('own')
    expect(faults).toHaveLength(2)
  })

  it('what waits is dropped when the consumer stops, and what runs goes on to its end', async () => {
    const { lanes, order, push } = bounded({ concurrency: 1 })
    const gate = Promise.withResolvers<void>()
    push(a, 'runs', 5, {
      async run() {
        await gate.promise
        order.push('ran')
      },
    })
    push(a, 'a', 5)
    push(b, 'b', 5)
    const run = lanes.run(b, async () => 'never')
    lanes.clear()
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    expect([order, lanes.waiting, lanes.bytes]).toEqual([['a stopped', 'b stopped'], 0, 5])
    gate.resolve()
    await lanes.idle()
    expect([order.at(-1), lanes.bytes, lanes.active]).toEqual(['ran', 0, 0])
  })

  it('long lanes and many of them keep their order', async () => {
    const { lanes, order, push } = bounded({ concurrency: 1 })
    const gate = Promise.withResolvers<void>()
    push(b, 'held', 0, { run: () => gate.promise })
    for (let i = 0; i < 600; i++) push(a, `a${i}`, 0)
    for (let i = 0; i < 2500; i++) push(lane(i), `${i}`, 0)
    gate.resolve()
    await lanes.idle()
    expect(order.filter((name) => name.startsWith('a'))).toEqual(
      Array.from({ length: 600 }, (_, i) => `a${i}`),
    )
    expect(order.filter((name) => !name.startsWith('a'))).toEqual(
      Array.from({ length: 2500 }, (_, i) => `${i}`),
    )
    expect([lanes.waiting, lanes.active]).toEqual([0, 0])
  })
})
