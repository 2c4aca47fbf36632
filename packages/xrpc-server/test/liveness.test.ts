// Which subscribers are taken for dead: those to and from whom nothing moves.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeFrame } from '@avocet/xrpc'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { createRouter } from '../src/index.ts'
import { createUpgrader, serve } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const pingMs = 100

/** A subscriber who answers no ping, of a stream that says a frame of so many bytes every five milliseconds while it may. */
async function subscriber(frameBytes: number, mayTalk: () => boolean) {
  const frame = encodeFrame('#number', { n: 1, filler: new Uint8Array(frameBytes) })
  const router = createRouter({ catalog, limits: { bufferedBytes: 1 << 30 } })
  router.add('com.example.count', {
    handler: async function* ({ signal }) {
      while (!signal.aborted) {
        if (mayTalk()) yield frame
        await sleep(5)
      }
    },
  })
  const server = await serve({ router, pingMs })
  const ws = new WebSocket(`${server.url}/xrpc/com.example.count`, { autoPong: false })
  onTestFinished(async () => {
    ws.terminate()
    await server.close()
  })
  await once(ws, 'open')
  return { ws, isServed: () => router.subscribers().length === 1 }
}

it('one that takes what it is sent is not, however late it answers', async () => {
  let talking = true
  const { isServed } = await subscriber(1000, () => talking)
  await sleep(6 * pingMs)
  expect(isServed()).toBe(true)
  // From now on it is sent pings alone, which prove nothing.
  talking = false
  await expect.poll(isServed, { timeout: 5000 }).toBe(false)
})

it('one that says something is not, though it is no answer', async () => {
  const { ws, isServed } = await subscriber(0, () => false)
  for (let i = 0; i < 30; i++) {
    ws.send('still here')
    await sleep(pingMs / 5)
  }
  expect(isServed()).toBe(true)
  await expect.poll(isServed, { timeout: 5000 }).toBe(false)
})

it('one that takes nothing is, though more and more is sent to it', async () => {
  const { ws, isServed } = await subscriber(200_000, () => true)
  ws.pause()
  await expect.poll(isServed, { timeout: 10_000 }).toBe(false)
})

it('pings alone keep no process running', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = timers()
  const upgrader = createUpgrader(createRouter())
  expect(timers()).toBe(before)
  await upgrader.close()
})
