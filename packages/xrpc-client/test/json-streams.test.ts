// JSON event streams (proposal 0015), read from plain servers: what is agreed on is what is taken.
import { encodeFrame } from '@avocet/xrpc'
import type { Subscription } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { subscribe, type StreamMessage } from '../src/index.ts'
import { catalog, listenWs } from './http.ts'

const JSON_STREAM = 'xrpc.v1.json'
const cborSchema = catalog.method('com.example.count') as Subscription
const jsonSchema: Subscription = { ...cborSchema, subprotocol: JSON_STREAM }
const message = (seq: number): string =>
  JSON.stringify({ $type: 'message', payload: { $type: 'com.example.count#number', seq } })

/** A server that picks `protocol` (none: null), whatever is offered, and then sends. */
async function serving(
  protocol: string | null,
  send: (ws: WebSocket) => void,
): Promise<AsyncDisposable & { url: string; offers: string[] }> {
  const offers: string[] = []
  const sockets = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => protocol ?? false,
  })
  await new Promise((resolve) => sockets.once('listening', resolve))
  sockets.on('connection', (ws, request) => {
    offers.push(request.headers['sec-websocket-protocol'] ?? '')
    ws.on('error', () => {})
    send(ws)
  })
  const { port } = sockets.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    offers,
    async [Symbol.asyncDispose]() {
      for (const ws of sockets.clients) ws.terminate()
      await new Promise((resolve) => sockets.close(resolve))
    },
  }
}

async function first(stream: AsyncIterable<StreamMessage<any>>): Promise<StreamMessage<any>> {
  for await (const one of stream) return one
  throw new Error('the stream ended')
}

describe('a stream of JSON', () => {
  it('is what the lexicon declares, or what is asked for', async () => {
    await using server = await serving(JSON_STREAM, (ws) => ws.send(message(7)))
    const service = server.url
    const typed = await first(subscribe({ service, schema: jsonSchema, validate: true }))
    expect(typed).toMatchObject({ type: '#number', body: { $type: 'com.example.count#number', seq: 7 } })
    const asked = await first(subscribe({ service, schema: cborSchema, encoding: 'json' }))
    expect(asked.body).toEqual(typed.body)
    const untyped = await first(subscribe({ service, nsid: 'com.example.count', encoding: 'json' }))
    expect(untyped).toMatchObject({ type: '#number', body: { seq: 7 } })
    expect(server.offers).toEqual([JSON_STREAM, JSON_STREAM, JSON_STREAM])
  })

  it('resumes at the cursor, and keeps the order', async () => {
    let count = 0
    await using server = await serving(JSON_STREAM, (ws) => {
      count += 1
      ws.send(message(count))
      ws.close(1001)
    })
    const seqs: number[] = []
    const stream = subscribe({ service: server.url, schema: jsonSchema, backoff: { minMs: 1, maxMs: 1 } })
    for await (const { body } of stream) {
      seqs.push((body as { seq: number }).seq)
      if (seqs.length === 3) break
    }
    expect(seqs).toEqual([1, 2, 3])
  })

  it('throws an error frame by its name, and passes over frames of a kind it does not know', async () => {
    await using server = await serving(JSON_STREAM, (ws) => {
      ws.send('{"$type":"news"}')
      ws.send('{"$type":"error","error":"FutureCursor","message":"later"}')
    })
    await expect(first(subscribe({ service: server.url, schema: jsonSchema }))).rejects.toMatchObject({
      code: 'stream',
      error: 'FutureCursor',
      message: 'FutureCursor: later',
    })
  })

  it.each([
    ['nonsense', 'nonsense'],
    ['a float', '{"$type":"message","payload":{"$type":"a.b.c#d","n":1.5}}'],
    ['CBOR, though JSON was agreed on', encodeFrame('#number', { seq: 1 })],
  ])('ends with invalid-frame for %s', async (_, frame) => {
    await using server = await serving(JSON_STREAM, (ws) => ws.send(frame))
    await expect(first(subscribe({ service: server.url, schema: jsonSchema }))).rejects.toMatchObject({
      code: 'invalid-frame',
    })
  })

  it('leaves a service that does not agree to it', async () => {
    await using server = await serving(null, (ws) => ws.send(encodeFrame('#number', { seq: 1 })))
    const stream = subscribe({ service: server.url, schema: jsonSchema, reconnect: false })
    await expect(first(stream)).rejects.toMatchObject({ code: 'network' })
  })

  it('is bounded: a frame past maxFrameBytes is not taken', async () => {
    await using server = await serving(JSON_STREAM, (ws) => ws.send(message(7)))
    const limit = { service: server.url, schema: jsonSchema, params: () => ({ cursor: 1 }) } as const
    expect((await first(subscribe({ ...limit, maxFrameBytes: message(7).length }))).body.seq).toBe(7)
    await expect(first(subscribe({ ...limit, maxFrameBytes: message(7).length - 1 }))).rejects.toMatchObject({
      code: 'too-large',
    })
  })
})

describe('a stream of CBOR', () => {
  it('offers nothing where the lexicon declares nothing: services that know no offers go on', async () => {
    await using server = await listenWs((ws, request) => {
      expect(request.headers['sec-websocket-protocol']).toBeUndefined()
      ws.send(encodeFrame('#number', { seq: 1 }))
    })
    expect((await first(subscribe({ service: server.url, schema: cborSchema }))).body).toMatchObject({
      seq: 1,
    })
    expect((await first(subscribe({ service: server.url, schema: cborSchema, encoding: 'cbor' }))).type).toBe(
      '#number',
    )
  })

  it('is asked for by name where the lexicon declares JSON', async () => {
    await using server = await serving('xrpc.v0.cbor', (ws) => ws.send(encodeFrame('#number', { seq: 1 })))
    const read = await first(subscribe({ service: server.url, schema: jsonSchema, encoding: 'cbor' }))
    expect(read.body).toMatchObject({ seq: 1 })
    expect(server.offers).toEqual(['xrpc.v0.cbor'])
  })
})

it('what cannot be is said at once', () => {
  const service = 'http://127.0.0.1:1'
  const odd: Subscription = { ...cborSchema, subprotocol: 'xrpc.v9.smoke' }
  expect(() => subscribe({ service, schema: odd })).toThrow('subprotocol=xrpc.v9.smoke')
  expect(() => subscribe({ service, nsid: 'a.b.c', raw: true, encoding: 'json' } as never)).toThrow(
    'raw frames are CBOR',
  )
})
