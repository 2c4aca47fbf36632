// The parts of the node:http adapter by themselves: what is left of a refused body, whether a caller went, how requests are named.
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRouter } from '../src/index.ts'
import { writeAnswer } from '../src/node/answer.ts'
import { NodeCall } from '../src/node/call.ts'

const messageOf = (fields: object): IncomingMessage & { destroyed: boolean } => {
  const message = Object.assign(new EventEmitter(), {
    method: 'POST',
    complete: false,
    destroyed: false,
    rawHeaders: [],
    headers: {},
    socket: Object.assign(new EventEmitter(), { destroyed: false }),
    destroy: () => void (message.destroyed = true),
    resume: () => {},
    ...fields,
  })
  return message as unknown as IncomingMessage & { destroyed: boolean }
}
const responseOf = (): ServerResponse & { headers: Record<string, unknown> } => {
  const response = Object.assign(new EventEmitter(), {
    headers: {},
    writableFinished: false,
    writeHead: (_status: number, headers: object) => void (response.headers = headers),
    end: () => {
      response.writableFinished = true
      response.emit('finish')
    },
  })
  return response as unknown as ServerResponse & { headers: Record<string, unknown> }
}

describe('what comes of a body after its answer', () => {
  afterEach(() => vi.useRealTimers())
  const refuse = (fields: object = {}): IncomingMessage & { destroyed: boolean } => {
    const message = messageOf(fields)
    const response = responseOf()
    writeAnswer(message, response, { status: 413, headers: {}, body: 'no' }, () => {})
    return message
  }
  const piece = new Uint8Array(1024 * 1024)

  it('is dropped, up to 16 megabytes', () => {
    const message = refuse()
    for (let i = 0; i < 16; i++) message.emit('data', piece)
    expect(message.destroyed).toBe(false)
    message.emit('data', new Uint8Array(1))
    expect(message.destroyed).toBe(true)
    message.emit('close')
  })

  it('is waited for five seconds, and not when it came to its end', () => {
    vi.useFakeTimers()
    const [slow, done] = [refuse(), refuse()]
    done.emit('end')
    vi.advanceTimersByTime(4999)
    expect(slow.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect([slow.destroyed, done.destroyed]).toEqual([true, false])
  })

  it('ends the connection, unless all of it was there', () => {
    const headersOf = (fields: object): unknown => {
      const response = responseOf()
      const message = messageOf(fields)
      writeAnswer(message, response, { status: 200, headers: {}, body: 'x' }, () => {})
      message.emit('close')
      return response.headers['connection']
    }
    expect([headersOf({}), headersOf({ complete: true }), headersOf({ method: 'GET' })]).toEqual([
      'close',
      undefined,
      undefined,
    ])
  })
})

it('a caller went away when the connection ended before the answer did', () => {
  for (const [isFinished, isGone] of [
    [false, true],
    [true, false],
  ]) {
    const response = Object.assign(responseOf(), { writableFinished: isFinished })
    const { signal } = new NodeCall(messageOf({}), response, '/xrpc/a', null)
    expect(signal.aborted).toBe(false)
    response.emit('close')
    expect(signal.aborted).toBe(isGone)
  }
})

it.each([
  ['a-b_c.1', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['a b', false],
  ['a/b', false],
])('a request that names itself %s keeps the name: %s', async (name, isKept) => {
  const request = new Request('http://x/xrpc/_health', { headers: { 'x-request-id': name } })
  const response = await createRouter().fetch(request)
  expect(response.headers.get('x-request-id') === name).toBe(isKept)
})
