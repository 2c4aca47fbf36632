import { once } from 'node:events'
import { connect } from 'node:net'
import { encodeFrame } from '@avocet/xrpc'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createRouter, type RequestReport } from '../src/index.ts'
import { serve } from '../src/node/index.ts'
import { catalog } from './methods.ts'

/** A live stream that goes to all, each at its own pace, from a log. */
function createLog(): {
  publish(frame: Uint8Array): void
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>
} {
  const frames: Uint8Array[] = []
  const waiting = new Set<() => void>()
  return {
    publish(frame) {
      frames.push(frame)
      for (const wake of waiting) wake()
      waiting.clear()
    },
    async *read(signal) {
      for (let at = 0; ; at += 1) {
        while (at === frames.length) {
          if (signal.aborted) return
          await new Promise<void>((resolve) => {
            waiting.add(resolve)
            signal.addEventListener('abort', () => resolve(), { once: true })
          })
        }
        yield frames[at]!
      }
    },
  }
}

it('cuts off a subscriber that stops reading, within its bytes, while 100 others lose nothing', async () => {
  const total = 300
  const size = 32 * 1024
  const bufferedBytes = 256 * 1024
  const log = createLog()
  const reports: RequestReport[] = []
  const router = createRouter({
    catalog,
    limits: { bufferedBytes, drainMs: 1500 },
    onRequest: (report) => reports.push(report),
  }).add('com.example.count', { handler: ({ signal }) => log.read(signal) })
  await using server = await serve({ router })

  const counts = Array.from({ length: 100 }, () => 0)
  const readers = counts.map((_, i) => {
    const ws = new WebSocket(`${server.url}/xrpc/com.example.count`)
    ws.on('message', () => {
      counts[i]! += 1
    })
    return ws
  })
  await Promise.all(readers.map((ws) => once(ws, 'open')))

  // One that shakes hands and then never reads again.
  const deaf = connect(server.port, '127.0.0.1')
  deaf.on('error', () => {})
  deaf.write(
    'GET /xrpc/com.example.count HTTP/1.1\r\nHost: x\r\nUser-Agent: deaf\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(deaf, 'data')
  deaf.pause()
  const subscriber = router.subscribers().find((each) => each.userAgent === 'deaf')!

  let highest = 0
  let heap = 0
  for (let n = 0; n < total; n++) {
    log.publish(encodeFrame('#number', { n, data: new Uint8Array(size) }))
    highest = Math.max(highest, subscriber.bufferedBytes)
    heap = Math.max(heap, process.memoryUsage().external)
    // A stream, not a burst.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => counts.every((count) => count === total), { timeout: 20_000 }).toBe(true)
  await expect.poll(() => reports.length, { timeout: 10_000 }).toBe(1)
  expect(reports[0]).toMatchObject({ method: 'WS', status: 400, error: 'ConsumerTooSlow' })
  // One frame may go over the bound, no more.
  expect(highest).toBeLessThanOrEqual(bufferedBytes + size + 1024)
  expect(highest).toBeGreaterThan(bufferedBytes)
  expect(subscriber.frames).toBeLessThan(total)
  expect(router.subscribers().length).toBe(100)
  deaf.destroy()
  for (const ws of readers) ws.terminate()
}, 60_000)

it('holds back for a slow reader, and cuts nobody off who goes on reading', async () => {
  const total = 300
  const router = createRouter({ catalog, limits: { bufferedBytes: 100_000, drainMs: 5000 } }).add(
    'com.example.count',
    {
      handler: async function* () {
        for (let n = 0; n < total; n++) yield encodeFrame('#number', { n, data: new Uint8Array(50_000) })
      },
    },
  )
  await using server = await serve({ router })
  const ws = new WebSocket(`${server.url}/xrpc/com.example.count`)
  let count = 0
  ws.on('message', () => {
    count += 1
    if (count % 20 === 0) {
      ws.pause()
      setTimeout(() => ws.resume(), 20)
    }
  })
  const [code] = (await once(ws, 'close')) as [number]
  expect([code, count]).toEqual([1000, total])
}, 30_000)
