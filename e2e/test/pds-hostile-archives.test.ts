// Archives that lie, handed to a PDS as the repository of an account that moves there.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { ARCHIVES } from '../hostile/archives.ts'
import { startWorld, type World } from '../hostile/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
  const { server, mallory } = world
  await server.call('com.atproto.server.deactivateAccount', {
    token: mallory.accessJwt,
    input: {},
  })
  world.mark()
})
afterAll(() => world?.[Symbol.asyncDispose]())

test.each(ARCHIVES)('$what', async ({ right, run }) => {
  expect(await run(world)).toBe(right)
  await world.goesOn()
})

test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined())
