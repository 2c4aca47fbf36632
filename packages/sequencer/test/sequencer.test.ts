import { describe, expect, it } from 'vitest'
import { createMemoryEventLog, createSequencer, type SequencedFrame, type Sequencer } from '../src/index.ts'
import { bodyOf, event } from './log-conformance.ts'

const quiet = { everyMs: 0 }

async function take(stream: AsyncIterable<SequencedFrame>, count: number): Promise<(number | null)[]> {
  const seqs: (number | null)[] = []
  if (count === 0) return seqs
  for await (const { seq } of stream) {
    seqs.push(seq)
    if (seqs.length === count) break
  }
  return seqs
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('sequencer', () => {
  it('reads the log once for cold readers that come together, wherever they begin', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 400; i++) log.append(undefined, event('did:a:1', i))
    let reads = 0
    const counted = {
      ...log,
      read: (after: number, limit: { count: number; bytes: number }) => {
        reads++
        return log.read(after, limit)
      },
    }
    const page = { count: 20, bytes: 1e6 }
    await using sequencer = createSequencer({ log: counted, page, tailBytes: 1, retention: quiet })
    const cursors = Array.from({ length: 100 }, (_, i) => i % 20)
    const all = await Promise.all(cursors.map((cursor) => take(sequencer.events(cursor), 400 - cursor)))
    for (const [i, cursor] of cursors.entries()) {
      expect(all[i]).toEqual(Array.from({ length: 400 - cursor }, (_, n) => cursor + n + 1))
    }
    // Alone, one of them needs 20 and a few at the head; on their own a hundred would need 2000.
    expect(reads).toBeLessThan(80)
    expect(sequencer.stats().coldReads).toBeLessThan(80)
  })

  it('that is closed watches its log no more', async () => {
    const log = createMemoryEventLog()
    let watching = 0
    const watch: typeof log.watch = (listen) => {
      watching++
      const unwatch = log.watch(listen)
      return () => {
        watching--
        unwatch()
      }
    }
    const sequencer = createSequencer({ log: { ...log, watch }, retention: quiet })
    expect(watching).toBe(1)
    await sequencer.close()
    expect(watching).toBe(0)
  })

  it('hands out no event of a shared page after its removal', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 40; i++) log.append(undefined, event(i % 2 === 0 ? 'did:a:1' : 'did:b:1', i))
    await using sequencer = createSequencer({
      log,
      page: { count: 20, bytes: 1e6 },
      tailBytes: 1,
      retention: quiet,
    })
    expect(await take(sequencer.events(0), 3)).toEqual([1, 2, 3])
    log.remove({ did: 'did:a:1' })
    expect(await take(sequencer.events(0), 3)).toEqual([2, 4, 6])
    expect(await take(sequencer.events(5), 2)).toEqual([6, 8])
  })

  it('without a cursor: only what comes after', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 3; i++) log.append(undefined, event('did:a:1', i))
    await using sequencer = createSequencer({ log, retention: quiet })
    const iterator = sequencer.events(undefined)[Symbol.asyncIterator]()
    const next = iterator.next()
    await settle()
    log.append(undefined, event('did:a:1', 3))
    expect((await next).value?.seq).toBe(4)
    await iterator.return!()
  })

  it('hands over from the log to live without gap or repeat, whatever the page and tail sizes', async () => {
    for (const [count, tailBytes] of [
      [1, 1],
      [3, 200],
      [7, 1000],
      [500, 1e6],
    ] as const) {
      const log = createMemoryEventLog()
      for (let i = 0; i < 40; i++) log.append(undefined, event('did:a:1', i))
      await using sequencer = createSequencer({
        log,
        page: { count, bytes: 1e6 },
        tailBytes,
        retention: quiet,
      })
      const readers = [0, 5, 39, 40].map((cursor) => take(sequencer.events(cursor), 60 - cursor))
      for (let i = 0; i < 20; i++) {
        log.append(undefined, event('did:a:1', 40 + i))
        if (i % 3 === 0) await settle()
      }
      for (const [i, cursor] of [0, 5, 39, 40].entries()) {
        expect(await readers[i]).toEqual(Array.from({ length: 60 - cursor }, (_, n) => cursor + n + 1))
      }
    }
  })

  it('hands over without gap on a log that answers late', async () => {
    const log = createMemoryEventLog()
    const late = {
      ...log,
      read: async (...args: Parameters<typeof log.read>) => {
        const page = log.read(...args)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
        return page
      },
    }
    await using sequencer = createSequencer({
      log: late,
      page: { count: 5, bytes: 1e6 },
      tailBytes: 400,
      retention: quiet,
    })
    const readers = Array.from({ length: 8 }, () => take(sequencer.events(0), 200))
    for (let i = 0; i < 200; i++) {
      log.append(undefined, event('did:a:1', i))
      if (i % 20 === 0) await settle()
    }
    const expected = Array.from({ length: 200 }, (_, n) => n + 1)
    for (const reader of readers) expect(await reader).toEqual(expected)
  })

  it('a cursor above the newest is FutureCursor', async () => {
    const log = createMemoryEventLog()
    log.append(undefined, event('did:a:1'))
    await using sequencer = createSequencer({ log, retention: quiet })
    await expect(take(sequencer.events(2), 1)).rejects.toMatchObject({ code: 'FutureCursor' })
    expect(sequencer.stats().subscribers).toEqual([])
  })

  it('a cursor below the window: #info OutdatedCursor, then from the oldest', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 5; i++) log.append(undefined, event('did:a:1', i))
    const size = log.read(0, { count: 1, bytes: 1 })[0]!.frame.length
    await using sequencer = createSequencer({ log, retention: { maxBytes: size * 2, everyMs: 0 } })
    expect(await sequencer.prune()).toBe(3)
    const frames: SequencedFrame[] = []
    for await (const frame of sequencer.events(1)) {
      frames.push(frame)
      if (frames.length === 3) break
    }
    expect(bodyOf(frames[0]!)).toMatchObject({ $type: '#info', name: 'OutdatedCursor' })
    expect(frames.map((f) => f.seq)).toEqual([null, 4, 5])
    // The edge itself is not outdated.
    expect(await take(sequencer.events(3), 2)).toEqual([4, 5])
  })

  it('a reader that fell behind the head is cut off; one that catches up is not', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 100; i++) log.append(undefined, event('did:a:1', i))
    await using sequencer = createSequencer({ log, retention: quiet, maxLag: 10, tailBytes: 1e6 })
    expect(await take(sequencer.events(0), 100)).toHaveLength(100)
    const slow = sequencer.events(98)[Symbol.asyncIterator]()
    expect((await slow.next()).value?.seq).toBe(99)
    expect((await slow.next()).value?.seq).toBe(100)
    const live = slow.next()
    log.append(undefined, event('did:a:1', 100))
    expect((await live).value?.seq).toBe(101)
    for (let i = 0; i < 12; i++) log.append(undefined, event('did:a:1', i))
    await settle()
    await expect(slow.next()).rejects.toMatchObject({ code: 'ConsumerTooSlow' })
    expect((await slow.next()).done).toBe(true)
    expect(sequencer.stats().dropped).toBe(1)
  })

  it('reads the log once for all readers at the head, and every reader gets the same bytes', async () => {
    const log = createMemoryEventLog()
    let reads = 0
    const counted = {
      ...log,
      read: (...args: Parameters<typeof log.read>) => {
        reads++
        return log.read(...args)
      },
    }
    await using sequencer = createSequencer({ log: counted, retention: quiet })
    const streams = Array.from({ length: 50 }, () => sequencer.events(undefined)[Symbol.asyncIterator]())
    const firsts = streams.map((stream) => stream.next())
    await settle()
    reads = 0
    log.append(undefined, event('did:a:1'))
    const frames = (await Promise.all(firsts)).map((step) => step.value!.frame)
    expect(new Set(frames).size).toBe(1)
    // A page that is not full was the last.
    expect(reads).toBe(1)
    expect(sequencer.stats()).toMatchObject({ events: 1, newest: 1 })
    expect(sequencer.stats().subscribers).toHaveLength(50)
    for (const stream of streams) await stream.return!()
    expect(sequencer.stats().subscribers).toHaveLength(0)
  })

  it('a removed account is not sent any more, also to those who lag in the tail', async () => {
    const log = createMemoryEventLog()
    await using sequencer = createSequencer({ log, retention: quiet })
    const slow = sequencer.events(undefined)[Symbol.asyncIterator]()
    const first = slow.next()
    await settle()
    log.append(undefined, event('did:a:0', 0))
    await first
    for (let i = 0; i < 6; i++) log.append(undefined, event(`did:a:${i % 2}`, i))
    await settle()
    log.remove({ did: 'did:a:1' })
    const rest: number[] = []
    for (let i = 0; i < 3; i++) rest.push((await slow.next()).value!.seq!)
    expect(rest).toEqual([2, 4, 6])
    log.append(undefined, event('did:a:9'))
    expect((await slow.next()).value?.seq).toBe(8)
  })

  it('a removed account is not sent any more, also to those in the middle of a page or of a read', async () => {
    const log = createMemoryEventLog()
    for (let i = 0; i < 8; i++) log.append(undefined, event(`did:a:${i % 2}`, i))
    let gate: Promise<void> | null = null
    const late = {
      ...log,
      read: async (...args: Parameters<typeof log.read>) => {
        const page = log.read(...args)
        await gate
        return page
      },
    }
    await using sequencer = createSequencer({ log: late, retention: quiet, page: { count: 2, bytes: 1e6 } })
    const [paged, reading] = [0, 0].map(() => sequencer.events(0)[Symbol.asyncIterator]())
    expect((await paged!.next()).value?.seq).toBe(1)
    for (const seq of [1, 2]) expect((await reading!.next()).value?.seq).toBe(seq)
    const { promise, resolve: open } = Promise.withResolvers<void>()
    const head = sequencer.events(undefined)[Symbol.asyncIterator]()
    const live = head.next()
    await settle()
    gate = promise
    const first = reading!.next()
    log.append(undefined, event('did:a:1', 8))
    log.append(undefined, event('did:a:0', 9))
    await settle()
    // The page is held by one reader, the reads of the others are on their way.
    log.remove({ did: 'did:a:1' })
    gate = null
    open()
    expect((await first).value?.seq).toBe(3)
    expect((await live).value?.seq).toBe(10)
    for (const [reader, rest] of [
      [paged!, [3, 5, 7, 10]],
      [reading!, [5, 7, 10]],
    ] as const) {
      for (const seq of rest) expect((await reader.next()).value?.seq).toBe(seq)
    }
  })

  it('ends when the signal aborts, when returned, when closed', async () => {
    const log = createMemoryEventLog()
    const sequencer: Sequencer = createSequencer({ log, retention: quiet })
    const abort = new AbortController()
    const aborted = sequencer.events(0, abort.signal)[Symbol.asyncIterator]().next()
    const returned = sequencer.events(0)[Symbol.asyncIterator]()
    const waiting = returned.next()
    const closed = sequencer.events(0)[Symbol.asyncIterator]().next()
    await settle()
    abort.abort()
    expect(await aborted).toEqual({ done: true, value: undefined })
    await returned.return!()
    expect((await waiting).done).toBe(true)
    const outcome = Promise.allSettled([closed])
    await sequencer.close()
    expect(await outcome).toMatchObject([{ status: 'rejected', reason: { code: 'closed' } }])
    await expect(take(sequencer.events(0), 1)).rejects.toMatchObject({ code: 'closed' })
    expect(await take(sequencer.events(0, AbortSignal.abort()), 1)).toEqual([])
  })

  it('a failing log is told, and the next change tries again', async () => {
    const log = createMemoryEventLog()
    let failing = false
    const errors: unknown[] = []
    const flaky = {
      ...log,
      read: (...args: Parameters<typeof log.read>) => {
        if (failing) throw new Error('disk')
        return log.read(...args)
      },
    }
    await using sequencer = createSequencer({ log: flaky, retention: quiet, onError: (e) => errors.push(e) })
    const stream = sequencer.events(0)[Symbol.asyncIterator]()
    const first = stream.next()
    await settle()
    failing = true
    log.append(undefined, event('did:a:1'))
    await settle()
    expect(errors).toHaveLength(1)
    failing = false
    log.append(undefined, event('did:a:1'))
    expect((await first).value?.seq).toBe(1)
    expect((await stream.next()).value?.seq).toBe(2)
  })

  it('prunes by itself', async () => {
    let time = 0
    const log = createMemoryEventLog({ now: () => time })
    log.append(undefined, event('did:a:1'))
    time = 100_000
    await using sequencer = createSequencer({
      log,
      now: () => time,
      retention: { maxAgeMs: 1000, everyMs: 5 },
    })
    expect(sequencer.stats().eventsPerSecond).toBe(0)
    await expect.poll(() => log.bounds()).toEqual({ oldest: 2, newest: 1 })
  })
})
