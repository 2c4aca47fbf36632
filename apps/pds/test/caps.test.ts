import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { createGate, REPO_HOST_LIMITS } from '@avocet/repo-server'
import { failure, startNetwork, type TestNetwork } from './network.ts'

const start = async (config: object): Promise<TestNetwork> => {
  const net = await startNetwork({ config: { rateLimitsEnabled: true, ...config } })
  onTestFinished(() => net[Symbol.asyncDispose]())
  return net
}

/** Subscribes from an address, in front of which stands a front server. */
async function subscribe(net: TestNetwork, from: string): Promise<'open' | 'refused'> {
  const url = `${net.pds.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos`
  const socket = new WebSocket(url, { headers: { 'x-forwarded-for': from } } as never)
  onTestFinished(() => socket.close())
  return new Promise((resolve) => {
    socket.addEventListener('open', () => resolve('open'))
    socket.addEventListener('error', () => resolve('refused'))
  })
}

test('one address gets five subscriptions of the firehose, all together get their total', async () => {
  const net = await start({ subscribers: 8 })
  for (let i = 0; i < 5; i++) expect(await subscribe(net, '203.0.113.1')).toBe('open')
  expect(await subscribe(net, '203.0.113.1')).toBe('refused')
  for (let i = 0; i < 3; i++) expect(await subscribe(net, '2001:db8::1')).toBe('open')
  expect(await subscribe(net, '198.51.100.1')).toBe('refused')
})

test('a gate counts by account, by address and in total, and lets go on every way out', async () => {
  const gate = createGate('things', { total: 4, perAccount: 2, perAddress: 3 })
  const open: (() => void)[] = []
  const enter = (did: string, address: string | null): Promise<string> =>
    new Promise((resolve) => {
      const task = (): Promise<void> => {
        resolve('in')
        return new Promise((leave) => open.push(leave))
      }
      gate.run({ did, address }, task).catch((error: { code: string }) => resolve(error.code))
    })
  expect(await enter('a', '203.0.113.1')).toBe('in')
  expect(await enter('a', '203.0.113.1')).toBe('in')
  expect(await enter('a', '203.0.113.2')).toBe('too-many-at-once')
  expect(await enter('b', '203.0.113.1')).toBe('in')
  expect(await enter('c', '203.0.113.1')).toBe('too-many-at-once')
  // A refusal by address took no place of the account.
  expect(await enter('c', null)).toBe('in')
  expect(await enter('d', null)).toBe('busy')
  open.shift()!()
  await new Promise(setImmediate)
  expect(await enter('a', null)).toBe('in')
  for (const leave of open.splice(0)) leave()
  await new Promise(setImmediate)
  for (let i = 0; i < 10; i++) {
    await expect(gate.run({ did: 'a', address: null }, () => Promise.reject(new Error('x')))).rejects.toThrow(
      'x',
    )
  }
  expect(await enter('a', null)).toBe('in')
})

test.each([
  ['uploads', REPO_HOST_LIMITS.uploads, { total: 400, perAccount: 8, perAddress: 20 }],
  ['imports', REPO_HOST_LIMITS.imports, { total: 8, perAccount: 1, perAddress: 2 }],
  ['exports', REPO_HOST_LIMITS.exports, { total: 64, perAccount: 16, perAddress: 16 }],
])('%s: so many of an account, of a network and in all', async (what, limits, expected) => {
  const { total, perAccount, perAddress } = expected
  const end = Promise.withResolvers<void>()
  const gate = createGate(what, limits)
  const held: Promise<void>[] = []
  const hold = (did: string | null, address: string | null): void =>
    void held.push(gate.run({ did, address }, () => end.promise))
  const refusal = (did: string | null, address: string | null): Promise<string> =>
    gate.run({ did, address }, () => Promise.resolve('in')).catch((error: { code: string }) => error.code)

  for (let n = 0; n < perAccount; n++) {
    expect(await refusal('a', null)).toBe('in')
    hold('a', null)
  }
  expect(await refusal('a', null)).toBe('too-many-at-once')
  for (let n = 0; n < perAddress; n++) {
    expect(await refusal(null, '203.0.113.1')).toBe('in')
    hold(null, '203.0.113.1')
  }
  expect(await refusal(null, '203.0.113.1')).toBe('too-many-at-once')
  for (let n = held.length; n < total; n++) {
    expect(await refusal(`other ${n}`, null)).toBe('in')
    hold(`other ${n}`, null)
  }
  expect(await refusal('one more', null)).toBe('busy')
  end.resolve()
  await Promise.all(held)
  expect(await refusal('one more', null)).toBe('in')
})

test('a gate counts an address of IPv6 by its /64', async () => {
  const gate = createGate('things', { total: 9, perAccount: 9, perAddress: 2 })
  const held = Promise.withResolvers<void>()
  const hold = (address: string): Promise<void> => gate.run({ did: null, address }, () => held.promise)
  const running = [hold('2001:db8:0:7::1'), hold('2001:db8:0:7:ffff::2')]
  await expect(hold('2001:db8:0:7::3')).rejects.toMatchObject({ code: 'too-many-at-once' })
  running.push(hold('2001:db8:0:8::1'))
  held.resolve()
  await Promise.all(running)
})

test('an account has eight uploads under way, and another account is not held up', async () => {
  const net = await start({})
  const [alice, bob] = [await net.account(), await net.account()]
  const upload = (token: string) =>
    net.post('com.atproto.repo.uploadBlob', { bytes: new Uint8Array(9), type: 'image/png', token })
  const dripping = Array.from({ length: 8 }, () => {
    const message = request(`${net.pds.url}/xrpc/com.atproto.repo.uploadBlob`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.accessJwt}`,
        'content-type': 'image/png',
        'content-length': '100',
      },
    })
    message.on('error', () => {})
    message.write('x')
    return message
  })
  await expect.poll(() => readdir(join(net.folder, 'blobs', 'temporary'))).toHaveLength(8)
  expect(failure(await upload(alice.accessJwt))).toBe('429 RateLimitExceeded')
  expect((await upload(bob.accessJwt)).status).toBe(200)
  dripping[0]!.destroy()
  await expect.poll(async () => (await upload(alice.accessJwt)).status).toBe(200)
  for (const message of dripping) message.destroy()
})

test('a gate keeps the place of a stream until it ends, fails or is let go, begun or not', async () => {
  const gate = createGate('streams', { total: 1, perAccount: 1, perAddress: 1 })
  const someone = { did: null, address: '203.0.113.1' }
  async function* chunks(count: number): AsyncGenerator<number, void> {
    for (let i = 0; i < count; i++) {
      if (i === 5) throw new Error('the disk')
      yield i
    }
  }
  const open = (count: number): Promise<AsyncIterable<number>> =>
    gate.stream(someone, () => Promise.resolve(chunks(count)))
  const isTaken = (): Promise<boolean> =>
    gate.run({ did: null, address: null }, () => Promise.resolve(false)).catch(() => true)

  const ended = await open(2)
  expect(await isTaken()).toBe(true)
  for await (const chunk of ended) expect(await isTaken()).toBe(chunk < 2)
  expect(await isTaken()).toBe(false)

  for await (const _ of await open(2)) break
  expect(await isTaken()).toBe(false)

  const failing = (await open(6))[Symbol.asyncIterator]()
  for (let i = 0; i < 5; i++) await failing.next()
  expect(await isTaken()).toBe(true)
  await expect(failing.next()).rejects.toThrow('the disk')
  expect(await isTaken()).toBe(false)

  await (await open(1))[Symbol.asyncIterator]().return?.()
  expect(await isTaken()).toBe(false)
  await expect(gate.stream(someone, () => Promise.reject(new Error('none')))).rejects.toThrow('none')
  expect(await isTaken()).toBe(false)
})
