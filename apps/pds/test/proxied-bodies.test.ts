import type { Did } from '@avocet/syntax'
import { expect, test } from 'vitest'

import { createBodies } from '../src/proxy/bodies.ts'

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => `did:web:${name}.example` as Did)
const limits = { each: 100, perAccount: 150, total: 250, idleMs: 1000 }

/** A body that has sent `bytes` and not ended, until it is told to. */
function slow(bytes: number): { stream: ReadableStream<Uint8Array>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let sent = false
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (sent) {
          await promise
          controller.close()
          return
        }
        sent = true
        controller.enqueue(new Uint8Array(bytes))
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, end: resolve }
}

const size = (body: Uint8Array): Promise<number> => Promise.resolve(body.length)
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

test('a body is held whole, up to the bound', async () => {
  const bodies = createBodies(limits)
  const whole = (bytes: number): ReadableStream<Uint8Array> => {
    const { stream, end } = slow(bytes)
    end()
    return stream
  }
  for (const bytes of [0, 99, 100]) await expect(bodies.hold(alice!, whole(bytes), size)).resolves.toBe(bytes)
  await expect(bodies.hold(alice!, whole(101), size)).rejects.toMatchObject({ code: 'blob-too-large' })
  // Nothing of it stays counted.
  await expect(bodies.hold(alice!, whole(100), size)).resolves.toBe(100)
})

test('one account that sends slowly takes its own share, and no more', async () => {
  const bodies = createBodies(limits)
  const [first, second, third] = [slow(100), slow(50), slow(1)]
  const running = [first, second].map(({ stream }) => bodies.hold(alice!, stream, size))
  await turns()
  await expect(bodies.hold(alice!, third.stream, size)).rejects.toMatchObject({ code: 'too-many-at-once' })
  const other = slow(100)
  const others = bodies.hold(bob!, other.stream, size)
  await turns()
  // 250 bytes are held now.
  await expect(bodies.hold(carol!, slow(1).stream, size)).rejects.toMatchObject({ code: 'busy' })
  for (const { end } of [first, second, other]) end()
  await expect(Promise.all([...running, others])).resolves.toEqual([100, 50, 100])
  const again = slow(100)
  again.end()
  await expect(bodies.hold(carol!, again.stream, size)).resolves.toBe(100)
})

test('the bytes count while the service works, and not after it failed', async () => {
  const bodies = createBodies(limits)
  const { stream, end } = slow(100)
  end()
  const work = Promise.withResolvers<number>()
  const running = bodies.hold(alice!, stream, () => work.promise)
  await turns()
  await turns()
  await expect(bodies.hold(alice!, slow(51).stream, size)).rejects.toMatchObject({ code: 'too-many-at-once' })
  work.reject(new Error('upstream'))
  await expect(running).rejects.toThrow('upstream')
  const next = slow(100)
  next.end()
  await expect(bodies.hold(alice!, next.stream, size)).resolves.toBe(100)
})

test('a sender who stops, or leaves, is let go, and nothing stays counted', async () => {
  const bodies = createBodies({ ...limits, idleMs: 20 })
  await expect(bodies.hold(alice!, slow(100).stream, size)).rejects.toMatchObject({ code: 'body-too-slow' })
  const broken = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error('aborted')) })
  await expect(bodies.hold(alice!, broken, size)).rejects.toMatchObject({ code: 'invalid-request' })
  const { stream, end } = slow(100)
  end()
  await expect(bodies.hold(alice!, stream, size)).resolves.toBe(100)
})
