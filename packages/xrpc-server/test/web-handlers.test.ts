// The handlers of Bun, Deno and Workers, with stand-ins for what the platforms do; e2e/test/runtimes.test.ts has the platforms themselves.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Call } from '../src/call.ts'
import { createRouter, type Router } from '../src/index.ts'
import type { FrameSocket } from '../src/subscription.ts'
import { bunHandler, type BunServer, type BunSocket } from '../src/web/bun.ts'
import { denoHandler } from '../src/web/deno.ts'
import { workersHandler, type WorkersContext } from '../src/web/workers.ts'
import { catalog } from './methods.ts'

const JSON_STREAM = 'xrpc.v1.json'
const ADDRESS = '192.0.2.1'
const FRAME = Uint8Array.of(1, 2, 3)
const message = JSON.stringify({ $type: 'message', payload: { n: 1, $type: 'com.example.count#number' } })

const query = (): Request => new Request('http://x.example/xrpc/com.example.echo?text=a')
const upgrade = (protocol?: string, signal?: AbortSignal): Request =>
  new Request('http://x.example/xrpc/com.example.count', {
    // In capitals, as some clients write it.
    headers: {
      upgrade: 'WebSocket',
      ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }),
    },
    ...(signal === undefined ? {} : { signal }),
  })

const sample = (): Router =>
  createRouter({ catalog })
    .add('com.example.echo', ({ address }) => ({ text: String(address) }))
    .add('com.example.count', {
      handler: async function* () {
        yield { $type: '#number', n: 1 }
      },
    })

/** A router that hands out what a connection of its would be run on. */
function capturing(): Pick<Router, 'fetch' | 'connect'> & { frames?: FrameSocket; call?: Call } {
  const router: ReturnType<typeof capturing> = {
    fetch: async () => new Response(),
    connect: async (call) => {
      router.call = call
      return {
        ok: true,
        protocol: null,
        run: async (frames: FrameSocket) => {
          router.frames = frames
        },
      } as unknown as Awaited<ReturnType<Router['connect']>>
    },
  }
  return router
}

const isPending = async (work: Promise<unknown>): Promise<boolean> =>
  await Promise.race([work.then(() => false), new Promise<boolean>((done) => setImmediate(() => done(true)))])

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('bunHandler', () => {
  const platform = () => {
    const upgrades: Parameters<BunServer['upgrade']>[1][] = []
    const server: BunServer = {
      requestIP: () => ({ address: ADDRESS }),
      upgrade: (_, options) => {
        upgrades.push(options)
        return true
      },
    }
    return { server, upgrades }
  }
  const socketOf = (data: unknown) => {
    const state = { buffered: 0, result: 1, sent: [] as unknown[], closed: [] as unknown[][], terminated: 0 }
    const socket: BunSocket = {
      data,
      readyState: 1,
      send: (frame) => {
        state.sent.push(frame)
        return state.result
      },
      getBufferedAmount: () => state.buffered,
      close: (...with_) => void state.closed.push(with_),
      terminate: () => void state.terminated++,
    }
    return { socket, state }
  }
  const opened = async () => {
    const router = capturing()
    const handler = bunHandler(router)
    const { server, upgrades } = platform()
    expect(await handler.fetch(upgrade(), server)).toBeUndefined()
    const { socket, state } = socketOf(upgrades[0]!.data)
    handler.websocket.open(socket)
    return { handler, socket, state, frames: router.frames! }
  }

  it('tells who calls, and speaks what was agreed on', async () => {
    const handler = bunHandler(sample())
    const { server, upgrades } = platform()
    expect(await (await handler.fetch(query(), server))!.json()).toEqual({ text: ADDRESS })
    await handler.fetch(upgrade(JSON_STREAM), server)
    expect(upgrades[0]!.headers).toEqual({ 'sec-websocket-protocol': JSON_STREAM })
    const { socket, state } = socketOf(upgrades[0]!.data)
    handler.websocket.open(socket)
    await expect.poll(() => state.sent).toEqual([message])
    await expect.poll(() => state.closed).toEqual([[1000, '']])
    expect(handler.websocket.maxPayloadLength).toBeLessThanOrEqual(64 * 1024)
  })

  it('lets more be sent once all was taken, or the subscriber is gone', async () => {
    const { handler, socket, state, frames } = await opened()
    await frames.drained()
    state.buffered = 5
    const drained = frames.drained()
    handler.websocket.drain(socket)
    expect(await isPending(drained)).toBe(true)
    state.buffered = 0
    handler.websocket.drain(socket)
    await drained
    state.buffered = 5
    const left = frames.drained()
    expect(await isPending(left)).toBe(true)
    handler.websocket.close(socket)
    await left
    expect(frames.signal.aborted).toBe(true)
  })

  it('ends where the platform drops a frame, not where one waits', async () => {
    const { state, frames } = await opened()
    state.result = -1
    frames.send(FRAME)
    expect(frames.signal.aborted).toBe(false)
    state.result = 0
    frames.send(FRAME)
    expect(frames.signal.aborted).toBe(true)
    frames.send(FRAME)
    expect(state.sent).toHaveLength(2)
  })

  it('does not wait for ever for the closing handshake', async () => {
    vi.useFakeTimers()
    const slow = await opened()
    slow.frames.close(1008, 'x'.repeat(500))
    slow.frames.close(1008, 'again')
    expect(slow.state.closed).toEqual([[1008, 'x'.repeat(120)]])
    slow.frames.send(FRAME)
    expect(slow.state.sent).toEqual([])
    vi.advanceTimersByTime(2000)
    expect(slow.state.terminated).toBe(1)
    const quick = await opened()
    quick.frames.close(1000, '')
    quick.handler.websocket.close(quick.socket)
    vi.advanceTimersByTime(5000)
    expect(quick.state.terminated).toBe(0)
  })
})

/** A WebSocket as the web platform has it. */
class StandIn extends EventTarget {
  readyState = 0
  bufferedAmount = 0
  readonly sent: unknown[] = []
  readonly closed: unknown[][] = []

  open(): void {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }

  accept(): void {
    this.open()
  }

  send(frame: unknown): void {
    if (this.readyState === 0) throw new DOMException('not open', 'InvalidStateError')
    // One that is closing drops what it is given, without a word.
    if (this.readyState === 1) this.sent.push(frame)
  }

  close(code: number, reason: string): void {
    if (reason.length > 123) throw new SyntaxError('reason is too long')
    this.readyState = 2
    this.closed.push([code, reason])
  }
}

describe('denoHandler', () => {
  const platform = () => {
    const socket = new StandIn()
    const offered: unknown[] = []
    vi.stubGlobal('Deno', {
      upgradeWebSocket: (_: Request, options: unknown) => {
        offered.push(options)
        return { socket, response: new Response('upgraded') }
      },
    })
    return { socket, offered }
  }
  const opened = async () => {
    const { socket } = platform()
    const router = capturing()
    await denoHandler(router)(upgrade())
    socket.open()
    return { socket, frames: router.frames! }
  }

  it('tells who calls, speaks what was agreed on, and sends nothing before the socket is open', async () => {
    const { socket, offered } = platform()
    const handler = denoHandler(sample())
    const info = { remoteAddr: { hostname: ADDRESS } }
    expect(await (await handler(query(), info)).json()).toEqual({ text: ADDRESS })
    expect(await (await handler(query())).json()).toEqual({ text: 'null' })
    expect(await (await handler(upgrade(JSON_STREAM), info)).text()).toBe('upgraded')
    expect(offered).toEqual([{ protocol: JSON_STREAM }])
    expect(socket.sent).toEqual([])
    socket.open()
    await expect.poll(() => socket.sent).toEqual([message])
    await expect.poll(() => socket.closed).toEqual([[1000, '']])
  })

  it('outlives the request, which the platform ends with its answer', async () => {
    platform()
    const router = capturing()
    const request = new AbortController()
    await denoHandler(router)(upgrade(undefined, request.signal))
    request.abort()
    expect(router.call!.signal.aborted).toBe(false)
  })

  it.each(['close', 'error'])('ends with a socket that says %s', async (event) => {
    const { socket, frames } = await opened()
    socket.bufferedAmount = 5
    const drained = frames.drained()
    expect([frames.bufferedBytes, frames.signal.aborted]).toEqual([5, false])
    socket.dispatchEvent(new Event(event))
    expect(frames.signal.aborted).toBe(true)
    await drained
  })

  it('ends where the socket is closing', async () => {
    const { socket, frames } = await opened()
    frames.send(FRAME)
    expect([socket.sent, frames.signal.aborted]).toEqual([[FRAME], false])
    socket.readyState = 2
    frames.send(FRAME)
    expect([socket.sent.length, frames.signal.aborted]).toEqual([1, true])
  })

  it('does not wait for ever for the closing handshake', async () => {
    vi.useFakeTimers()
    const { socket, frames } = await opened()
    frames.close(1011, 'x'.repeat(500))
    expect(socket.closed).toEqual([[1011, 'x'.repeat(120)]])
    expect(frames.signal.aborted).toBe(false)
    vi.advanceTimersByTime(2000)
    expect(frames.signal.aborted).toBe(true)
  })
})

describe('workersHandler', () => {
  it('tells who calls, accepts the socket, and is waited for', async () => {
    const socket = new StandIn()
    const client = {}
    vi.stubGlobal(
      'WebSocketPair',
      class {
        readonly 0 = client
        readonly 1 = socket
      },
    )
    // Of the platform: Node's takes no 101, and no socket.
    vi.stubGlobal(
      'Response',
      class extends Response {
        readonly webSocket: unknown
        constructor(body?: BodyInit | null, init: ResponseInit & { webSocket?: unknown } = {}) {
          super(body, { ...init, status: init.status === 101 ? 299 : (init.status ?? 200) })
          this.webSocket = init.webSocket
        }
      },
    )
    const waited: Promise<unknown>[] = []
    const context: WorkersContext = { waitUntil: (work) => void waited.push(work) }
    const handler = workersHandler(sample())
    const asked = query()
    asked.headers.set('cf-connecting-ip', ADDRESS)
    expect(await (await handler(asked)).json()).toEqual({ text: ADDRESS })
    const answer = await handler(upgrade(JSON_STREAM), {}, context)
    expect(answer.status).toBe(299)
    expect((answer as { webSocket?: unknown }).webSocket).toBe(client)
    expect(answer.headers.get('sec-websocket-protocol')).toBe(JSON_STREAM)
    await expect.poll(() => socket.sent).toEqual([message])
    expect(waited).toHaveLength(1)
    socket.dispatchEvent(new Event('close'))
    await waited[0]
  })
})
