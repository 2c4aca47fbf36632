// Many who want the same thing of a PDS at the same instant.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { RACES } from '../hostile/races.ts'
import { startWorld, type World } from '../hostile/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
  world.mark({ handles: 30 })
})
afterAll(() => world?.[Symbol.asyncDispose]())

const ROUNDS = process.env['AVOCET_HOSTILE'] === '1' ? 10 : 1

test.each(RACES)('$what', async ({ right, run }) => {
  for (let round = 0; round < ROUNDS; round++) {
    expect(await run(world)).toBe(right)
  }
  await world.goesOn()
})

test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined())
