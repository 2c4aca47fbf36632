// What is sent to one subscriber: as fast as it takes it, each message encoded once, and an end that everybody hears of.
import { createCatalog, type Subscription } from '@avocet/lexicon'
import { decodeFrame, XrpcError } from '@avocet/xrpc'
import { describe, expect, it } from 'vitest'
import { defaultLimits, type Limits } from '../src/limits.ts'
import { createFrameEncoders, type FrameEncoder } from '../src/frames.ts'
import { type FrameSocket, pump, type StreamEnd } from '../src/subscription.ts'
import { Turns } from '../src/turns.ts'
import { socketOf } from './frame-socket.ts'

const catalog = createCatalog([
  {
    lexicon: 1,
    id: 'com.example.sub',
    defs: {
      main: { type: 'subscription', message: { schema: { type: 'union', refs: ['#tick'] } } },
      tick: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    },
  } as never,
])
const schema = catalog.method('com.example.sub') as Subscription
const tick = (n: number): object => ({ $type: '#tick', n })
const encoderOf = (): FrameEncoder => createFrameEncoders(schema, true)['xrpc.v0.cbor']

/** Items one after the other, and whether they were let go. */
function itemsOf(
  next: (n: number) => unknown,
): AsyncIterable<unknown> & { pulled: number; returned: number } {
  const items = {
    pulled: 0,
    returned: 0,
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const value = await next(items.pulled++)
        return value === undefined ? { done: true as const, value } : { done: false as const, value }
      },
      return: async () => {
        items.returned++
        return { done: true as const, value: undefined }
      },
    }),
  }
  return items
}
const run = (
  socket: FrameSocket,
  items: AsyncIterable<unknown>,
  limits: Partial<Limits> = {},
  explain: (error: unknown) => XrpcError | undefined = () => undefined,
): Promise<StreamEnd> =>
  pump(
    () => items,
    socket,
    { ...defaultLimits, ...limits },
    encoderOf(),
    () => {},
    explain,
    new Turns(),
  )
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describe('a subscriber', () => {
  it('who leaves ends the iterator, though that waits for nothing but the next event', async () => {
    const socket = socketOf()
    const items = itemsOf((n) => (n === 0 ? tick(0) : new Promise(() => {})))
    const ended = run(socket, items)
    await moment()
    socket.leave()
    expect(await ended).toEqual({ status: 101, error: undefined })
    expect([items.pulled, items.returned, socket.sent.length]).toEqual([2, 1, 1])
  })

  it('who was gone before it began is sent nothing', async () => {
    const socket = socketOf()
    socket.leave()
    const items = itemsOf(tick)
    await run(socket, items)
    expect([items.pulled, socket.sent]).toEqual([0, []])
  })

  it('who takes nothing is waited for, then cut off as too slow', async () => {
    const socket = socketOf()
    const size = encoderOf().item(tick(0)).length
    const items = itemsOf(tick)
    const ended = run(socket, items, { bufferedBytes: 3 * size, drainMs: 40 })
    await moment()
    // Three are as much as may wait, the fourth is too much.
    expect([items.pulled, socket.sent.length]).toEqual([4, 4])
    expect(await ended).toEqual({ status: 400, error: 'ConsumerTooSlow' })
    expect([socket.closed, items.returned]).toEqual([[1008, 'ConsumerTooSlow'], 1])
  })

  it('who takes it in time goes on', async () => {
    const socket = socketOf()
    const items = itemsOf((n) => (n < 6 ? tick(n) : undefined))
    const ended = run(socket, items, { bufferedBytes: 1, drainMs: 1000 })
    const taking = setInterval(() => socket.takeAll(), 2)
    expect(await ended).toEqual({ status: 101, error: undefined })
    clearInterval(taking)
    expect([socket.sent.length, socket.closed]).toEqual([6, [1000, '']])
  })

  it('is cut off at once where there is no time for it', async () => {
    const ended = run(socketOf(), itemsOf(tick), { bufferedBytes: 1, drainMs: 0 })
    expect(await ended).toEqual({ status: 400, error: 'ConsumerTooSlow' })
  })
})

describe('a stream that fails', () => {
  it.each<[string, XrpcError | undefined, number, string]>([
    ['of the subscriber’s fault', new XrpcError(400, 'FutureCursor', 'ahead'), 1008, 'FutureCursor'],
    ['of the server’s fault', new XrpcError(503, 'ServiceUnavailable', 'later'), 1011, 'ServiceUnavailable'],
    ['for what nobody may know', undefined, 1011, 'InternalServerError'],
  ])('%s says so and closes', async (_case, explained, code, name) => {
    const socket = socketOf()
    const failing = itemsOf(() => {
      throw new Error('secret')
    })
    expect(await run(socket, failing, {}, () => explained)).toMatchObject({ error: name })
    expect(socket.closed).toEqual([code, name])
    const frame = decodeFrame(socket.sent[0]!)
    expect(frame).toMatchObject({ ok: true, value: { error: name } })
    expect(JSON.stringify(frame)).not.toContain('secret')
  })
})

it('a message is encoded once, however many get it', () => {
  const encode = encoderOf().item
  const message = tick(1)
  expect(encode(message)).toBe(encode(message))
  expect(encode(tick(1))).not.toBe(encode(message))
  const bytes = new Uint8Array([1])
  expect(encode(bytes)).toBe(bytes)
  for (const wrong of ['text', null, {}, { $type: '#tick', n: 'x' }])
    expect(() => encode(wrong)).toThrow('message')
})
