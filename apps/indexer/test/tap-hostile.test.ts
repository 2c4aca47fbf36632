// Consumers who lie, shout, do not read or do not answer: they are let go, and others notice nothing.

import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { encodeAck, parseTapEvent } from '@avocet/tap/wire'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { GroupStats, Indexer, IndexerConfig } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

let host: Host
let indexer: Indexer
const heard: Heard[] = []
const raw: Duplex[] = []
afterEach(async () => {
  for (const each of heard.splice(0)) each.close()
  for (const each of raw.splice(0)) each.destroy()
  await indexer.close()
  await host[Symbol.asyncDispose]()
})

const start = async (config: Partial<IndexerConfig> = {}): Promise<void> => {
  host = await startHost()
  indexer = await startIndexer(host, { tap: { password: null, ackMs: 30_000 }, backfill: false, ...config })
}
const channel = async (query = ''): Promise<Heard> => {
  const each = listen(indexer.url!, `/channel${query}`)
  heard.push(each)
  await eventually(() => each.socket.readyState === 1)
  return each
}
/** One that acknowledges all that it gets. */
const honest = async (query = ''): Promise<Heard> => {
  const each = await channel(query)
  each.socket.on('message', (data: Buffer) => {
    const event = parseTapEvent(data.toString())
    if (event.ok) each.socket.send(encodeAck(event.value.id))
  })
  return each
}
const statsOf = (name: string): GroupStats =>
  indexer.status().consumers.find((each) => each.name === `tap/${name}`)!
const created = (rkey: string, text = rkey) =>
  ({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(text) }) as const
const idOf = (frame: unknown): number => (JSON.parse(String(frame)) as { id: number }).id

describe('acks', () => {
  test('for what was never sent, and messages that are none, change nothing', async () => {
    await start()
    const alice = await host.createAccount('alice')
    const each = await channel()
    await host.write(alice, [created('a')])
    await host.write(alice, [created('b')])
    await eventually(() => each.frames.length === 1 && statsOf('default').unacked === 2)
    const id = idOf(each.frames[0])
    // The second waits behind the first: its number can be guessed.
    for (const text of [
      encodeAck(id + 1),
      encodeAck(0),
      encodeAck(Number.MAX_SAFE_INTEGER),
      '{"type":"ack","id":-1}',
      '{"type":"ack","id":1e308}',
      `{"type":"ack","id":"${id}"}`,
      '{"type":"nack"}',
      'null',
      '{',
      '[['.repeat(200),
    ])
      each.socket.send(text)
    each.socket.send(encodeAck(id))
    await eventually(() => each.frames.length === 2)
    expect(statsOf('default').unacked).toBe(1)
    expect(idOf(each.frames[1])).toBe(id + 1)
  })

  test('of another group count for nobody here', async () => {
    await start()
    const alice = await host.createAccount('alice')
    const [one, two] = [await channel('?group=one'), await channel('?group=two')]
    await host.write(alice, [created('a')])
    await eventually(() => one.frames.length === 1 && two.frames.length === 1)
    one.socket.send(encodeAck(idOf(two.frames[0])))
    await eventually(() => statsOf('one').unacked === 0)
    expect(statsOf('two').unacked).toBe(1)
  })

  test('by the hundred thousand end their connection, and not that of others', async () => {
    await start()
    const alice = await host.createAccount('alice')
    const [loud, other] = [await channel('?group=loud'), await honest('?group=other')]
    for (let i = 0; i < 200_000; i++) loud.socket.send(encodeAck(i))
    const { code } = await loud.closed()
    expect(code).toBe(1008)
    await host.write(alice, [created('a')])
    await eventually(() => other.frames.length === 1 && statsOf('other').unacked === 0)
  })

  test('of many kilobytes, and binary ones, end their connection', async () => {
    await start()
    const [large, huge, binary] = [await channel(), await channel(), await channel()]
    large.socket.send(`{"type":"ack","id":1,"x":"${'x'.repeat(2000)}"}`)
    expect((await large.closed()).code).toBe(1009)
    huge.socket.send('x'.repeat(2 * 1024 * 1024))
    expect((await huge.closed()).code).toBe(1009)
    binary.socket.send(Buffer.from(encodeAck(1)))
    expect((await binary.closed()).code).toBe(1003)
  })
})

describe('consumers', () => {
  test('past the bounds are refused, and leave no group behind', async () => {
    await start({ streams: { subscribers: 40, perAddress: 3 } })
    await Promise.all([honest('?group=a'), honest('?group=b'), honest('?group=c')])
    const { status, body } = await refused(indexer.url!, '/channel?group=d')
    expect([status, body]).toEqual([429, 'there are too many subscribers of this address'])
    expect(indexer.status().consumers.map(({ name }) => name)).toEqual(['tap/a', 'tap/b', 'tap/c'])
  })

  test('by the thousand are let in as far as there is room; as many groups as may be', async () => {
    await start({ streams: { subscribers: 100, perAddress: 0 } })
    const sockets = Array.from({ length: 2000 }, (_, i) => {
      const socket = new WebSocket(`${indexer.url!.replace('http', 'ws')}/channel?group=g${i}`)
      socket.on('error', () => {})
      return socket
    })
    const codes = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<number>((resolve) => {
            socket.once('open', () => setTimeout(() => resolve(0), 2000))
            socket.once('close', (code) => resolve(code))
            socket.once('unexpected-response', (_, response) => resolve(response.statusCode!))
          }),
      ),
    )
    const count = (code: number): number => codes.filter((each) => each === code).length
    expect(count(0)).toBe(64)
    expect(count(0) + count(1013) + count(503)).toBe(2000)
    expect(indexer.status().consumers).toHaveLength(64)
    for (const socket of sockets) socket.terminate()
    await eventually(async () => (await refused(indexer.url!, '/channel?group=')).status === 400)
  })

  test(
    'who do not read have few events, which go to another when they leave',
    { timeout: 120_000 },
    async () => {
      await start()
      const accounts = await Promise.all(Array.from({ length: 4 }, (_, i) => host.createAccount(`n${i}`)))
      const socket = await new Promise<Duplex>((resolve, reject) => {
        const { port } = new URL(indexer.url!)
        const made = connect(Number(port), '127.0.0.1', () => {
          const key = Buffer.from('the sample nonce').toString('base64')
          made.write(
            `GET /channel?group=slow HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
          )
          made.once('readable', () => resolve(made))
        })
        raw.push(made)
        made.once('error', reject)
      })
      const other = await honest('?group=other')
      const text = 'x'.repeat(3000)
      for (let i = 0; i < 40; i++)
        for (const account of accounts)
          await host.write(
            account,
            Array.from({ length: 20 }, (_, n) => created(`r${i}n${n}`, text)),
          )
      await eventually(() => other.frames.length === 3200, 60_000)
      expect(statsOf('slow').consumers).toBe(1)
      socket.destroy()
      await eventually(() => statsOf('slow').consumers === 0)
      const next = await honest('?group=slow')
      await eventually(() => next.frames.length === 3200, 60_000)
    },
  )

  test('who do not answer a ping are let go, and their events are given to another', async () => {
    await start({ pingMs: 300 })
    const alice = await host.createAccount('alice')
    const dead = new WebSocket(`${indexer.url!.replace('http', 'ws')}/channel`, { autoPong: false })
    const frames: unknown[] = []
    dead.on('message', (data: Buffer) => frames.push(data.toString()))
    dead.on('error', () => {})
    const gone = new Promise((resolve) => dead.once('close', resolve))
    await eventually(() => dead.readyState === WebSocket.OPEN)
    await host.write(alice, [created('a')])
    await eventually(() => frames.length === 1)
    const alive = await honest()
    await gone
    await eventually(() => alive.frames.length === 1)
    expect(alive.frames[0]).toBe(frames[0])
    // Who answers stays.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
  })
})

describe('accounts', () => {
  test('whose every record is refused do not take the room of others', { timeout: 120_000 }, async () => {
    await start({ tap: { password: null, ackMs: 500, tries: 4 } })
    const [bad, good] = [await host.createAccount('bad'), await host.createAccount('good')]
    const each = await channel()
    const taken: string[] = []
    each.socket.on('message', (data: Buffer) => {
      const event = parseTapEvent(data.toString())
      if (!event.ok || event.value.type !== 'record' || event.value.did === bad.did) return
      taken.push(event.value.rkey)
      each.socket.send(encodeAck(event.value.id))
    })
    // Far more than wait for a consumer.
    for (let i = 0; i < 25; i++)
      await host.write(
        bad,
        Array.from({ length: 200 }, (_, n) => created(`b${i}n${n}`)),
      )
    await eventually(() => statsOf('default').parked === 1, 60_000)
    for (let i = 0; i < 5; i++) await host.write(good, [created(`g${i}`)])
    await eventually(() => taken.length === 5, 60_000)
    await eventually(() => statsOf('default').behind === 0, 60_000)
    expect(statsOf('default').parked).toBe(1)
    expect(statsOf('default').unacked).toBeLessThanOrEqual(66)
    // Of the account that is read apart nothing is lost: once it is taken, it comes in its order to the end.
    const late: string[] = []
    each.socket.on('message', (data: Buffer) => {
      const event = parseTapEvent(data.toString())
      if (!event.ok || event.value.did !== bad.did || event.value.type !== 'record') return
      late.push(event.value.rkey)
      each.socket.send(encodeAck(event.value.id))
    })
    await eventually(() => statsOf('default').unacked === 0 && statsOf('default').parked === 0, 60_000)
    const all = Array.from({ length: 5000 }, (_, i) => `b${Math.floor(i / 200)}n${i % 200}`)
    expect(new Set(late).size + statsOf('default').deadLetters).toBe(5000)
    const place = new Map([...new Set(late)].map((key, i) => [key, i]))
    const commits = all
      .filter((key) => place.has(key))
      .map((key) => [Number(key.slice(1).split('n')[0]), place.get(key)!])
    expect(commits.toSorted((a, b) => a[1]! - b[1]!).map(([commit]) => commit)).toEqual(
      commits.map(([commit]) => commit).toSorted((a, b) => a! - b!),
    )
  })
})
