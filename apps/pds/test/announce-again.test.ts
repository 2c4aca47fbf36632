import { afterAll, beforeAll, expect, test } from 'vitest'

import { readFirehose } from './firehose.ts'
import { failure, startNetwork, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({ config: { rateLimitsEnabled: true } })
})
afterAll(() => net[Symbol.asyncDispose]())

test('activating an active account announces it again, so that a relay out of step is put right (B8)', async () => {
  const account = await net.account()
  const before = await readFirehose(net.pds.url, 0, () => false, 300)
  const cursor = before.events.at(-1)!.body.seq as number
  const activate = () => net.post('com.atproto.server.activateAccount', { token: account.accessJwt })
  expect((await activate()).status).toBe(200)
  const { events } = await readFirehose(net.pds.url, cursor, (seen) => seen.length === 3)
  expect(events.map(({ type, body }) => [type, body.did])).toEqual([
    ['#account', account.did],
    ['#identity', account.did],
    ['#sync', account.did],
  ])
  expect(events[0]!.body.active).toBe(true)
  // Each is sent to every subscriber: ten in five minutes are enough to mend a relay.
  for (let call = 2; call <= 10; call++) expect((await activate()).status).toBe(200)
  expect(failure(await activate())).toBe('429 RateLimitExceeded')
})

test('getRepo has a limit of its own and does not count towards the one of all methods (B8)', async () => {
  const account = await net.account()
  const remaining = async (): Promise<number> =>
    Number((await net.get('com.atproto.server.describeServer')).headers.get('ratelimit-remaining'))
  const left = await remaining()
  for (let call = 0; call < 5; call++) {
    const { status, headers } = await net.get('com.atproto.sync.getRepo', { params: { did: account.did } })
    expect([status, headers.get('ratelimit-policy')]).toEqual([200, '6000;w=300;name="export"'])
  }
  expect(await remaining()).toBe(left - 1)
})
