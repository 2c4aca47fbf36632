import { expect, test } from 'vitest'

import { readPaced } from '../src/import-source.ts'

const PACE = { windowMs: 150, windowBytes: 100, totalMs: 600 }

/** A body of chunks of `size` bytes, one every `everyMs`, without end; tells whether it was closed. */
function dripping(
  size: number,
  everyMs: number,
): { body: ReadableStream<Uint8Array>; isClosed: () => boolean } {
  let closed = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, everyMs))
        if (!closed) controller.enqueue(new Uint8Array(size))
      },
      cancel() {
        closed = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, isClosed: () => closed }
}

async function readAll(source: AsyncIterable<Uint8Array>, pauseMs = 0): Promise<number> {
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return size
}
const outcome = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'ended',
    (error: { code?: string }) => error.code,
  )

test('a body that drips is closed, one that keeps the pace goes on until its time is up', async () => {
  const slow = dripping(1, 20)
  const began = performance.now()
  expect(await outcome(readAll(readPaced(slow.body, PACE, new AbortController().signal)))).toBe(
    'import-too-slow',
  )
  expect(performance.now() - began).toBeLessThan(500)
  expect(slow.isClosed()).toBe(true)

  const steady = dripping(60, 20)
  const start = performance.now()
  const running = readPaced(steady.body, PACE, new AbortController().signal)
  expect(await outcome(readAll(running))).toBe('import-too-slow')
  expect(performance.now() - start).toBeGreaterThan(500)
})

test('time that the reader takes is not held against the sender', async () => {
  let left = 8
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => (left-- > 0 ? controller.enqueue(new Uint8Array(10)) : controller.close()),
  })
  const pace = { windowMs: 100, windowBytes: 1000, totalMs: 5000 }
  expect(await readAll(readPaced(body, pace, new AbortController().signal), 40)).toBe(80)
})

test('a signal ends it at once and closes the source', async () => {
  const { body, isClosed } = dripping(1000, 10_000)
  const controller = new AbortController()
  const reading = outcome(
    readAll(readPaced(body, { ...PACE, windowMs: 60_000, totalMs: 60_000 }, controller.signal)),
  )
  setTimeout(() => controller.abort(Object.assign(new Error('stop'), { code: 'stopped' })), 20)
  expect(await reading).toBe('stopped')
  expect(isClosed()).toBe(true)
})
