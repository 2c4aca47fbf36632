// A service that the server hands calls on to, and that lies in its answers: the AppView that is configured stands for all.
import { createServer, type AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Liar } from '../hostile/lie-kinds.ts'
import { LIES, SLOW_LIES } from '../hostile/lies.ts'
import { startLyingService, type LyingService } from '../hostile/lying-service.ts'
import { startWorld, type World } from '../hostile/world.ts'

/** A service inside: what counts is whether anybody connects. */
let visits = 0
const inside = createServer((socket) => {
  visits += 1
  socket.destroy()
})
await new Promise<void>((resolve) => inside.listen(0, resolve))

let world: World
let service: LyingService
let rev = ''
const liar: Liar = {
  add: (lie) => service.add(lie),
  insidePort: (inside.address() as AddressInfo).port,
  rev: () => rev,
}
beforeAll(async () => {
  service = await startLyingService()
  world = await startWorld({
    PDS_BSKY_APP_VIEW_URL: service.url,
    PDS_BSKY_APP_VIEW_DID: 'did:web:appview.example.com',
    // The service is on loopback.
    PDS_DISABLE_SSRF_PROTECTION: 'true',
  })
  const { server, mallory } = world
  const post = async (text: string): Promise<string> => {
    const record = { $type: 'app.bsky.feed.post', text, createdAt: '2026-01-01T00:00:00.000Z' }
    const input = { repo: mallory.did, collection: 'app.bsky.feed.post', record }
    const { body } = await server.call('com.atproto.repo.createRecord', { token: mallory.accessJwt, input })
    return body.commit.rev as string
  }
  rev = await post('what the service knows')
  await post('what it does not know')
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await service?.[Symbol.asyncDispose]()
  inside.close()
})

describe('a service that lies', () => {
  beforeAll(() => world.mark())
  test.each(LIES(liar))('$what', async ({ right, run }) => {
    expect(await run(world)).toBe(right)
    expect(visits).toBe(0)
    await world.goesOn()
  })
  test('leaves the server standing', () => expect(world.stands()).resolves.toBeUndefined())
})

describe('a service that takes its time', () => {
  const slow = SLOW_LIES(liar)
  const answers = new Map<string, Promise<string>>()
  beforeAll(() => {
    world.mark()
    for (const { what, run } of slow) answers.set(what, run(world))
  })
  test('leaves room for others', () => expect(world.goesOn()).resolves.toBeUndefined())
  test.each(slow)('$what', async ({ what, right }) => {
    expect(await answers.get(what)).toBe(right)
  })
  test('leaves the server standing', () => expect(world.stands()).resolves.toBeUndefined())
})
