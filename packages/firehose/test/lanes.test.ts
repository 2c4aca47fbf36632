// The lanes by themselves: whose turn it is, and what is given up.

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { createLanes, type Lanes, type Task } from '../src/lanes.ts'

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
    await expect.poll(() => order).toEqual(['held', 'first', 'live shed'])
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
    await expect.poll(() => order).toEqual(['a', 'b'])
    network.resolve()
    await lanes.idle()
    expect([lanes.active, lanes.waiting, lanes.bytes]).toEqual([0, 0, 0])
  })
})
