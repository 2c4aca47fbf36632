// Subscribers who do not read, who are too many, and who ask for too much: they are let go, and others notice nothing.

import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { createDoors } from '../src/stream/doors.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

const V2 = '/xrpc/network.bsky.jetstream.subscribeEvents'

let host: Host | undefined
let indexer: Indexer | undefined
const heard: Heard[] = []
const raw: Duplex[] = []
afterEach(async () => {
  for (const each of heard.splice(0)) each.close()
  for (const each of raw.splice(0)) each.destroy()
  await indexer?.close()
  await host?.[Symbol.asyncDispose]()
  indexer = host = undefined
})

const hear = (path: string): Heard => {
  const each = listen(indexer!.url!, path)
  heard.push(each)
  return each
}
/** Asks for a stream, and reads nothing of it. */
const stall = (path: string): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(indexer!.url!)
    const socket = connect(Number(port), '127.0.0.1', () => {
      const key = Buffer.from('the sample nonce').toString('base64')
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
      )
      socket.once('readable', () => resolve(socket))
    })
    raw.push(socket)
    socket.once('error', reject)
  })
const created = (rkey: string, text: string) =>
  ({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(text) }) as const

describe('subscribers', () => {
  test('are counted in all and for each address, and free their place', () => {
    const doors = createDoors({ subscribers: 4, perAddress: 2 })
    const first = doors.enter('1.1.1.1') as () => void
    expect(typeof doors.enter('1.1.1.1')).toBe('function')
    expect(doors.enter('1.1.1.1')).toBe('address-full')
    expect(typeof doors.enter('2001:db8::1')).toBe('function')
    expect(typeof doors.enter('2001:db8::2')).toBe('function')
    expect(doors.enter('3.3.3.3')).toBe('full')
    first()
    first()
    expect(doors.enter('2001:db8::3')).toBe('address-full')
    expect(typeof doors.enter('1.1.1.1')).toBe('function')
    expect(doors.enter('3.3.3.3')).toBe('full')
    const open = createDoors({ subscribers: 100, perAddress: 0 })
    for (let i = 0; i < 100; i++) expect(typeof open.enter('1.1.1.1')).toBe('function')
    expect(open.enter('1.1.1.1')).toBe('full')
  })

  test('past the bounds are refused in the words of their wire', async () => {
    host = await startHost()
    indexer = await startIndexer(host, { streams: { subscribers: 3, perAddress: 2 } })
    const two = [hear('/subscribe'), hear(V2)]
    await Promise.all(two.map((each) => eventually(() => each.socket.readyState === 1)))
    expect(await refused(indexer!.url!, '/subscribe')).toEqual({
      status: 429,
      type: 'text/plain; charset=utf-8',
      body: 'there are too many subscribers of this address',
    })
    const { status, body } = await refused(indexer!.url!, V2)
    expect([status, JSON.parse(body).error]).toEqual([429, 'RateLimitExceeded'])
    // What is refused for another reason takes no place, and who leaves gives theirs back.
    for (let i = 0; i < 5; i++) expect((await refused(indexer!.url!, `${V2}?kinds=x`)).status).toBe(400)
    two[0]!.close()
    await eventually(async () => {
      const again = hear('/subscribe')
      return (await Promise.race([again.closed(), eventually(() => again.socket.readyState === 1)])) === true
    })
    expect((await refused(indexer!.url!, '/elsewhere')).status).toBe(404)
  })

  test('who do not read are let go, hold little memory, and hold up nobody', async () => {
    host = await startHost()
    indexer = await startIndexer(host, {
      streams: { subscribers: 21, perAddress: 0 },
      slowSubscriberMs: 400,
    })
    const reader = hear(`${V2}?cursor=1&kinds=commit`)
    const stalled = await Promise.all(
      Array.from({ length: 20 }, (_, i) => stall(i % 2 === 0 ? '/subscribe?cursor=1' : `${V2}?cursor=1`)),
    )
    // Text that grows six times as large in JSON: some 60 MB for each of them.
    for (let i = 0; i < 30; i++) {
      // An account each: what waits of one is bounded.
      const account = await host.createAccount(`a${i}`)
      await host.write(account, [created('3kaaaaaaaaa2a', '\u0001'.repeat(300_000))])
    }
    const frames = await reader.json(30)
    expect(frames.map(({ payload }) => payload.seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
    // Their places are free again: others get all of them.
    expect(stalled).toHaveLength(20)
    await eventually(async () => {
      const others = stalled.map(() => hear('/subscribe'))
      const opened = (each: Heard): Promise<unknown> => eventually(() => each.socket.readyState === 1)
      const entered = await Promise.all(others.map((each) => Promise.race([opened(each), each.closed()])))
      for (const each of others) each.close()
      return entered.every((how) => how === true)
    }, 30_000)
    expect(reader.socket.readyState).toBe(1)
    expect(indexer.status().totals.creates).toBe(30)
  })

  test('who replay all of the log for nothing do not hold up what happens', async () => {
    host = await startHost()
    indexer = await startIndexer(host, { streams: { subscribers: 300, perAddress: 0 } })
    const ada = await host.createAccount('ada')
    const names = Array.from({ length: 8000 }, (_, i) => `n${i}`)
    for (let i = 0; i < names.length; i += 200)
      await host.write(
        ada,
        names.slice(i, i + 200).map((name) => created(name, name)),
      )
    await eventually(() => indexer!.status().totals.records === names.length, 20_000)
    const tail = hear(`${V2}?kinds=commit`)
    await eventually(() => tail.socket.readyState === 1)
    for (let i = 0; i < 200; i++) hear(`${V2}?cursor=1&collections=com.example.n${i}&kinds=commit`)
    const began = performance.now()
    await host.write(ada, [created('now', 'now')])
    await tail.json(1)
    expect(performance.now() - began).toBeLessThan(3000)
    const one = await hear(`${V2}?cursor=1&kinds=commit`).json(names.length + 1)
    expect(one).toHaveLength(names.length + 1)
  })
})
