import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import {
  follow,
  streamUrl,
  XrpcClientError,
  type FollowOptions,
  type Link,
  type Wire,
} from '../src/stream.ts'
import { listenWs } from './http.ts'

/** Waits for something, long enough for a busy machine. */
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 15_000 })

const quick = { minMs: 5, maxMs: 20 }

/** A wire of texts. */
function texts(options: Partial<Wire<string>> = {}): Wire<string> {
  return {
    name: 'path=/texts',
    connect: (base) => ({ url: streamUrl(base, 'texts', new URLSearchParams()), text: true }),
    decode: (frame) => (typeof frame === 'string' ? frame : `${frame.length} bytes`),
    passing: () => false,
    ...options,
  }
}

async function take(wire: Wire<string>, options: FollowOptions, n: number): Promise<string[]> {
  const seen: string[] = []
  for await (const text of follow(wire, { backoff: quick, ...options })) {
    seen.push(text)
    if (seen.length === n) break
  }
  return seen
}

describe('a stream of any kind', () => {
  it('takes text and bytes, and sends text', async () => {
    const heard: string[] = []
    await using server = await listenWs((ws) => {
      ws.on('message', (data: Buffer) => {
        heard.push(data.toString())
        ws.send('héllo')
        ws.send(Buffer.alloc(7))
      })
    })
    const opened = (link: Link): void => expect(link.send('hi')).toBe(true)
    expect(await take(texts({ opened }), { service: server.url }, 2)).toEqual(['héllo', '7 bytes'])
    expect(heard).toEqual(['hi'])
  })

  it('ends a connection that sends text which is no UTF-8', async () => {
    await using server = await listenWs((ws) => ws.send(Buffer.from([0xff]), { binary: false }))
    await expect(take(texts(), { service: server.url, reconnect: false }, 1)).rejects.toMatchObject({
      code: 'network',
    })
  })

  it('connects anew at once when told to, after what arrived was read', async () => {
    let link: Link | undefined
    const disconnects: number[] = []
    await using server = await listenWs((ws, _, count) => {
      for (const n of [1, 2, 3]) ws.send(`${count}.${n}`)
    })
    const stream = follow(texts({ opened: (open) => (link = open) }), {
      service: server.url,
      backoff: { minMs: 60_000 },
      onDisconnect: ({ code }) => disconnects.push(code),
    })
    const seen: unknown[] = []
    for await (const text of stream) {
      seen.push(text)
      if (text === '1.2') {
        await new Promise((resolve) => setTimeout(resolve, 50))
        link!.restart()
        expect(link!.send('late')).toBe(false)
      }
      if (text === '2.1') break
    }
    expect(seen).toEqual(['1.1', '1.2', '1.3', '2.1'])
    expect(disconnects).toEqual([])
  })

  it('leaves a service that is quiet for too long, but not one that the reader keeps waiting', async () => {
    await using quiet = await listenWs((ws) => ws.send('quiet'))
    await using other = await listenWs((ws) => ws.send('other'))
    const reasons: string[] = []
    const onDisconnect = ({ reason }: { reason: string }): void => void reasons.push(reason)
    const service = [quiet.url, other.url]
    expect(await take(texts(), { service, idleMs: 400, onDisconnect }, 2)).toEqual(['quiet', 'other'])
    expect(reasons).toEqual(['no messages'])
    const big = 'x'.repeat(1000)
    await using busy = await listenWs((ws) => [1, 2, 3].forEach(() => ws.send(big)))
    const stream = follow(texts(), { service: busy.url, idleMs: 400, maxBufferedBytes: 500, onDisconnect })
    await stream.next()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(busy.sockets.clients.size).toBe(1)
    await stream.next()
    await stream.next()
    await stream.return()
    expect(reasons).toEqual(['no messages'])
  })

  it('gives up where too large a frame would come again, when the wire says so', async () => {
    await using server = await listenWs((ws) => ws.send(Buffer.alloc(2000)))
    const options = { service: [server.url, server.url], maxFrameBytes: 1000 }
    await expect(take(texts({ repeats: true }), options, 1)).rejects.toMatchObject({ code: 'too-large' })
  })

  it('tries at most three other targets in a row', async () => {
    let asked = 0
    const http = createServer((_, response) => response.writeHead(400).end())
    http.on('upgrade', (_, socket) => {
      asked += 1
      socket.end('HTTP/1.1 400 No\r\ncontent-length: 17\r\n\r\n{"error":"NotIt"}')
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as { port: number }
    const errors: string[] = []
    const refused = ({ error }: XrpcClientError): boolean => errors.push(error) > 0
    await expect(take(texts({ refused }), { service: `http://127.0.0.1:${port}` }, 1)).rejects.toMatchObject({
      code: 'response',
      status: 400,
    })
    expect(asked).toBe(4)
    expect(errors.length).toBe(3)
    http.close()
  })

  it('leaves a service that reads nothing of what is sent', async () => {
    const sockets: WebSocket[] = []
    await using server = await listenWs((ws) => {
      sockets.push(ws)
      ws.pause()
    })
    let link: Link | undefined
    const stream = follow(texts({ opened: (open) => (link = open) }), {
      service: server.url,
      reconnect: false,
    })
    const next = stream.next()
    await eventually(() => link !== undefined).toBe(true)
    const text = 'x'.repeat(100_000)
    let sent = 0
    while (link!.send(text)) sent += 1
    // What may wait here, and what the kernels take.
    expect(sent).toBeGreaterThan(10)
    expect(sent).toBeLessThan(200)
    await expect(next).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('does not read'),
    })
  })
})
