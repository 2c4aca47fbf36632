import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Subscription } from '@avocet/lexicon'
import { encodeErrorFrame, encodeFrame } from '@avocet/xrpc'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { type DisconnectInfo, type StreamMessage, subscribe, XrpcClientError } from '../src/index.ts'
import { catalog, json, listen, listenWs } from './http.ts'

const nsid = 'com.example.count'
const schema = catalog.method(nsid) as Subscription
const number = (seq: number): Uint8Array => encodeFrame('#number', { seq })
const quick = { minMs: 5, maxMs: 20 }
const cursorOf = (url: string | undefined): number =>
  Number(new URL(url ?? '', 'http://x').searchParams.get('cursor') ?? 0)

async function failure(messages: AsyncIterable<unknown>): Promise<XrpcClientError> {
  try {
    for await (const _ of messages);
  } catch (error) {
    return error as XrpcClientError
  }
  throw new Error('no failure')
}

describe('messages', () => {
  it('are typed by a schema, plain without, raw when asked', async () => {
    await using server = await listenWs((ws) => {
      ws.send(number(1))
      ws.close(1000)
    })
    const options = { service: server.url, reconnect: false }
    const plain: StreamMessage[] = []
    for await (const message of subscribe({ ...options, nsid })) plain.push(message)
    expect(plain).toEqual([{ type: '#number', body: { seq: 1 }, service: server.url }])
    const typed: StreamMessage[] = []
    for await (const message of subscribe({ ...options, schema, validate: true })) typed.push(message)
    expect(typed[0]!.body).toEqual({ $type: 'com.example.count#number', seq: 1 })
    const raw: Uint8Array[] = []
    for await (const frame of subscribe({ ...options, nsid, raw: true })) raw.push(frame)
    expect(Buffer.from(raw[0]!)).toEqual(Buffer.from(number(1)))
  })

  it('sends path, parameters and headers', async () => {
    let seen: [string | undefined, unknown] | undefined
    await using server = await listenWs((ws, message) => {
      seen = [message.url, message.headers['x-test']]
      ws.close()
    })
    const service = `${server.url.replace('http', 'ws')}/base/`
    const messages = subscribe({
      service,
      nsid,
      params: () => ({ cursor: 5, gone: null }),
      headers: { 'x-test': '1' },
      reconnect: false,
    })
    await failure(messages)
    expect(seen).toEqual(['/base/xrpc/com.example.count?cursor=5', '1'])
  })

  it('passes over unknown operations, throws for what is no frame', async () => {
    const frames = [
      Uint8Array.from([0xa2, 0x61, 0x74, 0x60, 0x62, 0x6f, 0x70, 0x05, 0xa0]),
      number(1),
      new Uint8Array([1]),
    ]
    await using server = await listenWs((ws) => frames.forEach((frame) => ws.send(frame)))
    const messages = subscribe({ service: server.url, nsid })
    expect((await messages.next()).value).toMatchObject({ body: { seq: 1 } })
    await expect(messages.next()).rejects.toMatchObject({ code: 'invalid-frame' })
    expect((await messages.next()).done).toBe(true)
  })

  it('throws for an invalid message when it checks', async () => {
    await using server = await listenWs((ws) => ws.send(encodeFrame('#number', { seq: 'x' })))
    expect(await failure(subscribe({ service: server.url, schema, validate: true }))).toMatchObject({
      code: 'invalid-response',
    })
  })

  it('bounds frames, and takes no text', async () => {
    await using big = await listenWs((ws) => ws.send(new Uint8Array(2000)))
    const ends: string[] = []
    const onDisconnect = ({ code, reason }: DisconnectInfo): void => void ends.push(`${code} ${reason}`)
    const stop = new AbortController()
    const reading = subscribe({
      service: big.url,
      nsid,
      maxFrameBytes: 1000,
      onDisconnect,
      backoff: quick,
      signal: stop.signal,
    }).next()
    await expect.poll(() => ends.length).toBeGreaterThan(1)
    stop.abort()
    expect((await reading).done).toBe(true)
    // At a cursor it would come again, for ever.
    const params = (): { cursor: number } => ({ cursor: 1 })
    const service = [big.url, big.url]
    const repeated = subscribe({ service, nsid, maxFrameBytes: 1000, params, backoff: quick })
    expect(await failure(repeated)).toMatchObject({ code: 'too-large' })
    await using text = await listenWs((ws) => ws.send('hello'))
    expect(await failure(subscribe({ service: text.url, nsid, reconnect: false }))).toMatchObject({
      code: 'network',
    })
  })
})

describe('reconnecting', () => {
  it('resumes at the cursor of the reader: no gap, no repeat', async () => {
    const total = 300
    // Sends ahead of the reader and breaks off at an odd place each time.
    await using server = await listenWs((ws, message, count) => {
      const from = cursorOf(message.url)
      for (let seq = from + 1; seq <= Math.min(total, from + 40 + count); seq++) ws.send(number(seq))
      setTimeout(() => ws.terminate(), 10)
    })
    let cursor = 0
    const got: number[] = []
    const connects: number[] = []
    const messages = subscribe({
      service: server.url,
      nsid,
      backoff: quick,
      params: () => ({ cursor }),
      onConnect: () => connects.push(cursor),
    })
    for await (const { body } of messages) {
      // A slow reader, so that connections break while messages wait.
      if (got.length % 7 === 0) await sleep(3)
      cursor = body['seq'] as number
      got.push(cursor)
      if (cursor === total) break
    }
    expect(got).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    expect(connects.length).toBeGreaterThan(4)
  })

  it('survives a network that goes away and comes back', async () => {
    const serve = (ws: WebSocket, message: IncomingMessage): void => {
      ws.send(number(cursorOf(message.url) + 1))
    }
    const first = await listenWs(serve)
    let cursor = 0
    const ends: DisconnectInfo[] = []
    await using messages = subscribe({
      service: first.url,
      nsid,
      backoff: quick,
      params: () => ({ cursor }),
      onDisconnect: (info) => ends.push(info),
    })
    cursor = (await messages.next()).value!.body['seq'] as number
    const next = messages.next()
    await first[Symbol.asyncDispose]()
    await expect.poll(() => ends.length).toBeGreaterThan(3)
    expect(ends.at(-1)!.attempt).toBeGreaterThan(1)
    await using second = await listenWs(serve, first.port)
    expect(second.port).toBe(first.port)
    expect((await next).value!.body).toEqual({ seq: 2 })
  })

  it('goes on to the next service when one does not answer', async () => {
    const gone = await listenWs(() => {})
    await gone[Symbol.asyncDispose]()
    await using good = await listenWs((ws) => ws.send(number(1)))
    const tried: string[] = []
    await using messages = subscribe({
      service: [gone.url, good.url],
      nsid,
      backoff: quick,
      params: ({ service }) => {
        tried.push(service)
        return {}
      },
    })
    expect((await messages.next()).value!.service).toBe(good.url)
    expect(tried).toEqual([gone.url, good.url])
  })

  it('throws a refusal that will last, waits out one that will not', async () => {
    await using refusing = await listen((_, response) => json(response, {}))
    // node:http answers an upgrade it does not know like any request.
    const lasting = await listen((_, response) =>
      json(response, { error: 'MethodNotImplemented', message: 'no' }, 501),
    )
    expect(await failure(subscribe({ service: lasting.url, nsid }))).toMatchObject({
      code: 'response',
      status: 501,
      error: 'MethodNotImplemented',
    })
    await lasting[Symbol.asyncDispose]()
    await using limited = await listen((_, response) =>
      json(response, { error: 'RateLimitExceeded' }, 429, { 'retry-after': '7' }),
    )
    const ends: DisconnectInfo[] = []
    const stop = new AbortController()
    const reading = subscribe({
      service: limited.url,
      nsid,
      signal: stop.signal,
      onDisconnect: (info) => ends.push(info),
    }).next()
    await expect.poll(() => ends.length).toBe(1)
    expect(ends[0]).toMatchObject({ status: 429, attempt: 1 })
    expect(ends[0]!.delayMs).toBeGreaterThanOrEqual(7000)
    stop.abort()
    expect((await reading).done).toBe(true)
    expect(await failure(subscribe({ service: limited.url, nsid, reconnect: false }))).toMatchObject({
      status: 429,
    })
    expect(refusing.seen).toEqual([])
  })

  it('throws error frames, but takes up again what was only too slow', async () => {
    await using server = await listenWs((ws, _, count) => {
      ws.send(count === 1 ? encodeErrorFrame('ConsumerTooSlow') : number(count))
      if (count === 2) {
        ws.send(encodeErrorFrame('FutureCursor', 'Cursor in the future.'))
        ws.close(1008)
      }
    })
    const ends: DisconnectInfo[] = []
    const messages = subscribe({
      service: server.url,
      nsid,
      backoff: quick,
      onDisconnect: (info) => ends.push(info),
    })
    expect((await messages.next()).value!.body).toEqual({ seq: 2 })
    expect(ends[0]!.reason).toBe('ConsumerTooSlow')
    await expect(messages.next()).rejects.toMatchObject({ code: 'stream', error: 'FutureCursor' })
    await using raw = await listenWs((ws) => ws.send(encodeErrorFrame('FutureCursor')))
    expect(await failure(subscribe({ service: raw.url, nsid, raw: true }))).toMatchObject({
      error: 'FutureCursor',
    })
  })

  it('gives up a connection without a sign of life', async () => {
    let pings = 0
    await using server = await listenWs((ws, _, count) => {
      if (count > 1) ws.send(number(count))
      else ws.removeAllListeners('ping')
      ws.on('ping', () => (pings += 1))
      if (count === 1) {
        // Deaf: reads nothing, so answers no ping.
        ws.pause()
      }
    })
    const ends: string[] = []
    await using messages = subscribe({
      service: server.url,
      nsid,
      backoff: quick,
      livenessMs: 100,
      onDisconnect: ({ reason }) => ends.push(reason),
    })
    expect((await messages.next()).value!.body).toEqual({ seq: 2 })
    expect(ends).toEqual(['no sign of life'])
    // A quiet connection that answers pings is kept.
    const next = messages.next()
    await sleep(400)
    expect(ends.length).toBe(1)
    expect(pings).toBeGreaterThan(2)
    await messages.return()
    expect((await next).done).toBe(true)
  })
})

describe('ending', () => {
  it('closes the connection with the iterator', async () => {
    await using server = await listenWs((ws) => ws.send(number(1)))
    for await (const _ of subscribe({ service: server.url, nsid })) break
    await expect.poll(() => server.sockets.clients.size).toBe(0)
    const waiting = subscribe({ service: server.url, nsid })
    await waiting.next()
    const pending = waiting.next()
    await waiting.return()
    expect((await pending).done).toBe(true)
    await expect.poll(() => server.sockets.clients.size).toBe(0)
  })

  it('ends with its signal, while connecting too', async () => {
    await using server = await listenWs((ws) => ws.send(number(1)))
    const stop = new AbortController()
    const messages = subscribe({ service: server.url, nsid, signal: stop.signal })
    await messages.next()
    const pending = messages.next()
    stop.abort()
    expect((await pending).done).toBe(true)
    expect((await subscribe({ service: server.url, nsid, signal: stop.signal }).next()).done).toBe(true)
    await using deaf = await listen(() => {})
    const later = new AbortController()
    const connecting = subscribe({ service: deaf.url, nsid, signal: later.signal }).next()
    setTimeout(() => later.abort(), 30)
    expect((await connecting).done).toBe(true)
  })
})

describe('a slow reader', () => {
  const frame = encodeFrame('#number', { seq: 1, data: new Uint8Array(10_000) })

  it('pauses the socket: what waits stays within the bound', async () => {
    let sent = 0
    const total = 3000
    await using server = await listenWs((ws) => {
      const more = (): void => {
        if (sent === total) return
        sent += 1
        ws.send(frame, more)
      }
      more()
    })
    await using messages = subscribe({ service: server.url, nsid, raw: true, maxBufferedBytes: 100_000 })
    await messages.next()
    await sleep(300)
    const ahead = sent
    // The kernel's buffers hold some megabytes on top of our bound; all 30 MB would be there without it.
    expect(ahead).toBeLessThan(total / 2)
    for (let taken = 1; taken < total; taken++)
      expect((await messages.next()).value!.length).toBe(frame.length)
    expect(sent).toBe(total)
  })

  it('throws when it prefers that', async () => {
    await using server = await listenWs((ws) => {
      for (let i = 0; i < 100; i++) ws.send(frame)
    })
    const messages = subscribe({ service: server.url, nsid, overflow: 'error', maxBufferedBytes: 100_000 })
    await messages.next()
    await sleep(100)
    await expect(messages.next()).rejects.toMatchObject({ code: 'overflow' })
    await expect.poll(() => server.sockets.clients.size).toBe(0)
  })
})
