// What a PDS asks for because a stranger named it: nothing inside its own network, by any door or spelling.
import { createServer, type AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { DOORS, ENDPOINTS, INNER_NAMES, ODD_ENDPOINTS } from '../hostile/outbound.ts'
import { startWorld, type Attack, type World } from '../hostile/world.ts'

/** A service inside: what counts is whether anybody connects. */
let visits = 0
const inside = createServer((socket) => {
  visits += 1
  socket.destroy()
})
await new Promise<void>((resolve) => inside.listen(0, resolve))
const { port } = inside.address() as AddressInfo

let world: World
beforeAll(async () => {
  world = await startWorld({
    PDS_BSKY_APP_VIEW_URL: 'https://appview.example.com',
    PDS_BSKY_APP_VIEW_DID: 'did:web:appview.example.com',
  })
  for (const [name, answers] of INNER_NAMES) world.server.dns.hosts.set(name, answers)
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  inside.close()
})

const GROUPS: readonly (readonly [string, readonly Attack[]])[] = [
  ['services that are inside', ENDPOINTS(port)],
  ['services that are nowhere', ODD_ENDPOINTS(port)],
  ['other doors', DOORS(port)],
]

describe.each(GROUPS)('%s', (_, attacks) => {
  beforeAll(() => world.mark())
  test.each(attacks)('$what', async ({ right, run }) => {
    expect([await run(world), visits]).toEqual([right, 0])
    await world.goesOn()
  })
  test('leave the server standing', () => expect(world.stands()).resolves.toBeUndefined())
})
