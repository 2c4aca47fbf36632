// Much at once, and much that takes its time: others are answered as before, and memory has a bound.
import { randomBytes } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { FLOODS } from '../hostile/floods.ts'
import { dawdle, DAWDLERS } from '../hostile/slow.ts'
import { startWorld, type World } from '../hostile/world.ts'

/** Hundreds of callers who take megabytes each, or nothing of what they asked for: 1.3 times the most that was measured, 529 MB. */
const BOUNDS = { peak: 690, resident: 690 }

const HEAVY = process.env['AVOCET_HOSTILE'] === '1'

let world: World
beforeAll(async () => {
  world = await startWorld({
    PDS_BSKY_APP_VIEW_URL: 'https://appview.example.com',
    PDS_BSKY_APP_VIEW_DID: 'did:web:appview.example.com',
  })
  // Bob has some megabytes (3, or 11): what is asked for again and again is no trifle. A creation is 3 of his 5000 points an
  // hour, of which he needs some later; a call takes 1 MiB.
  const { server, bob } = world
  const [calls, size] = HEAVY ? [12, 7000] : [8, 3000]
  for (let i = 0; i < calls; i++) {
    const writes = Array.from({ length: 100 }, () => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: 'com.example.page',
      value: { text: randomBytes(size).toString('base64') },
    }))
    const { status } = await server.call('com.atproto.repo.applyWrites', {
      token: bob.accessJwt,
      input: { repo: bob.did, writes },
    })
    if (status !== 200) throw new Error(`bob cannot write; status=${status}`)
  }
}, 120_000)
afterAll(() => world?.[Symbol.asyncDispose]())

describe('floods', () => {
  beforeAll(() => world.mark(BOUNDS))
  test.each(FLOODS)('$what', async ({ right, run }) => {
    expect(await run(world)).toBe(right)
    await world.goesOn()
  })
  test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined(), 60_000)
})

// All kinds at the same time: a server that is waited on has no time between them either.
describe('callers who', () => {
  const ends = new Map<string, Promise<string>>()
  beforeAll(() => {
    world.mark(BOUNDS)
    for (const kind of DAWDLERS) ends.set(kind.what, dawdle(world, kind))
  })
  test('come all at once leave room for others', async () => {
    for (let i = 0; i < 10; i++) {
      await Promise.all([
        expect(world.goesOn()).resolves.toBeUndefined(),
        new Promise((resolve) => setTimeout(resolve, 1000)),
      ])
    }
  })
  test.each(DAWDLERS)('$what', async ({ what, right }) => {
    expect(await ends.get(what)).toBe(right)
  })
  test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined())
})
