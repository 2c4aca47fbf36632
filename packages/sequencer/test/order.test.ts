// Order, edges and what arrives in the middle of something else.
import { setTimeout as sleep } from 'node:timers/promises'
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createMemoryEventLog, createSequencer, type LogChange, type SequencedFrame } from '../src/index.ts'
import { createPages } from '../src/pages.ts'
import { createMeter } from '../src/stats.ts'
import { createTail } from '../src/tail.ts'
import { createWatchers } from '../src/watchers.ts'
import { bodyOf, event } from './log-conformance.ts'

const quiet = { everyMs: 0 }
const filled = (count: number, options: Parameters<typeof createMemoryEventLog>[0] = {}) => {
  const log = createMemoryEventLog(options)
  for (let i = 0; i < count; i++) log.append(undefined, event(`did:a:${i % 2}`, i))
  return log
}
const open = (stream: AsyncIterable<SequencedFrame>): AsyncIterator<SequencedFrame> =>
  stream[Symbol.asyncIterator]()
async function take(reader: AsyncIterator<SequencedFrame>, count: number): Promise<(number | null)[]> {
  const seqs: (number | null)[] = []
  for (let i = 0; i < count; i++) seqs.push((await reader.next()).value!.seq as number | null)
  return seqs
}
const settle = (): Promise<void> => sleep(5)
const logged = (seq: number, size = 10) => ({ seq, frame: new Uint8Array(size) })

describe('cursors', () => {
  it('may be the newest and no more, the one before the oldest and no less', async () => {
    const log = filled(6)
    const size = log.read(0, { count: 1, bytes: 1 })[0]!.frame.length
    expect(log.remove({ maxBytes: size * 3 })).toBe(3)
    await using sequencer = createSequencer({ log, retention: quiet })
    expect(await take(open(sequencer.events(3)), 3)).toEqual([4, 5, 6])
    expect(await take(open(sequencer.events(2)), 4)).toEqual([null, 4, 5, 6])
    expect(await take(open(sequencer.events(0)), 2)).toEqual([null, 4])
    await expect(open(sequencer.events(7)).next()).rejects.toMatchObject({
      code: 'FutureCursor',
      message: 'cursor is ahead; cursor=7 newest=6',
    })
    const newest = open(sequencer.events(6))
    const next = newest.next()
    await settle()
    log.append(undefined, event('did:a:1'))
    expect((await next).value?.seq).toBe(7)
  })

  it('that are outdated say so first, also when something is removed before the notice is taken', async () => {
    const log = filled(8)
    const size = log.read(0, { count: 1, bytes: 1 })[0]!.frame.length
    log.remove({ maxBytes: size * 4 })
    let gate: Promise<void> | null = null
    const late = {
      ...log,
      bounds: async () => {
        const bounds = log.bounds()
        await gate
        return bounds
      },
    }
    await using sequencer = createSequencer({ log: late, retention: quiet })
    const reader = open(sequencer.events(1))
    const first = reader.next()
    const second = reader.next()
    expect(bodyOf((await first).value!)).toEqual({
      $type: '#info',
      name: 'OutdatedCursor',
      message: 'Requested cursor exceeded limit. Possibly missing events',
    })
    expect((await second).value!.seq).toBe(5)
    // Removed while the cursor is being looked up: the notice stands, what was removed does not come.
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    const other = open(sequencer.events(1))
    const notice = other.next()
    await settle()
    log.remove({ did: 'did:a:0' })
    gate = null
    resolve()
    expect((await notice).value!.seq).toBeNull()
    expect(await take(other, 2)).toEqual([6, 8])
  })
})

describe('the head', () => {
  it('reads on where a page was cut by its bytes', async () => {
    const log = createMemoryEventLog()
    await using sequencer = createSequencer({ log, retention: quiet, page: { count: 500, bytes: 1 } })
    const reader = open(sequencer.events(undefined))
    const first = reader.next()
    await settle()
    for (let i = 0; i < 20; i++) log.append(undefined, event('did:a:1', i))
    expect((await first).value?.seq).toBe(1)
    expect(await take(reader, 19)).toEqual(Array.from({ length: 19 }, (_, i) => i + 2))
  })

  it.each([
    ['count', () => ({ count: 5, bytes: 1e9 })],
    ['bytes', (size: number) => ({ count: 500, bytes: size * 5 })],
    ['bytes, which the next frame would exceed', (size: number) => ({ count: 500, bytes: size * 5 + 1 })],
  ])('reads on where a page was full by its %s, though nobody tells it again', async (_what, limit) => {
    const log = createMemoryEventLog()
    let tell = (_change: LogChange): void => {}
    const silent = { ...log, watch: (listen: typeof tell) => ((tell = listen), () => {}) }
    log.append(undefined, event('did:a:1'))
    const size = log.read(0, { count: 1, bytes: 1 })[0]!.frame.length
    await using sequencer = createSequencer({ log: silent, retention: quiet, page: limit(size) })
    const reader = open(sequencer.events(1))
    const first = reader.next()
    await settle()
    for (let i = 0; i < 12; i++) log.append(undefined, event('did:a:1', i))
    tell('append')
    expect((await first).value?.seq).toBe(2)
    const rest = Promise.race([take(reader, 11), sleep(2000, null)])
    expect(await rest).toEqual(Array.from({ length: 11 }, (_, i) => i + 3))
  })

  it('misses no change that comes while it reads, at whichever step', async () => {
    for (const steps of Array.from({ length: 12 }, (_, i) => i)) {
      const log = createMemoryEventLog()
      const late = {
        ...log,
        read: async (...args: Parameters<typeof log.read>) => {
          const page = log.read(...args)
          await Promise.resolve()
          return page
        },
      }
      await using sequencer = createSequencer({ log: late, retention: quiet })
      const reader = open(sequencer.events(undefined))
      const first = reader.next()
      await settle()
      log.append(undefined, event('did:a:1', 0))
      for (let i = 0; i < steps; i++) await Promise.resolve()
      log.append(undefined, event('did:a:1', 1))
      expect((await first).value?.seq).toBe(1)
      const second = await Promise.race([reader.next(), sleep(1000, null)])
      expect(second?.value?.seq, `${steps} steps`).toBe(2)
    }
  })

  it('begins anew after a time without readers', async () => {
    const log = filled(5)
    let read = 0
    const counted = {
      ...log,
      read: (...args: Parameters<typeof log.read>) => {
        const page = log.read(...args)
        read += page.length
        return page
      },
    }
    await using sequencer = createSequencer({ log: counted, retention: quiet })
    const first = open(sequencer.events(5))
    const pending = first.next()
    await settle()
    await first.return!()
    await pending
    for (let i = 0; i < 1000; i++) log.append(undefined, event('did:a:1', i))
    read = 0
    const second = open(sequencer.events(undefined))
    const next = second.next()
    await settle()
    expect([read, sequencer.stats().tailBytes, sequencer.stats().newest]).toEqual([0, 0, 1005])
    log.append(undefined, event('did:a:1'))
    expect((await next).value?.seq).toBe(1006)
  })

  it('cuts off a reader more than maxLag behind, not one exactly so far, and counts only that one', async () => {
    const log = createMemoryEventLog()
    await using sequencer = createSequencer({ log, retention: quiet, maxLag: 10 })
    const at = async (behind: number): Promise<string> => {
      const reader = open(sequencer.events(undefined))
      const first = reader.next()
      await settle()
      log.append(undefined, event('did:a:1'))
      await first
      for (let i = 0; i < behind; i++) log.append(undefined, event('did:a:1', i))
      await settle()
      return reader.next().then(
        () => reader.return!().then(() => 'ok'),
        (error: { code: string; message: string }) => `${error.code} ${error.message.split(';')[0]}`,
      )
    }
    expect(await at(10)).toBe('ok')
    expect(sequencer.stats().dropped).toBe(0)
    expect(await at(11)).toBe('ConsumerTooSlow reader fell behind')
    expect(sequencer.stats()).toMatchObject({ dropped: 1, subscribers: [] })
  })

  it('allows 100 000 behind unless it is told otherwise', async () => {
    const log = createMemoryEventLog()
    // The log in memory counts on from any number, so a gap of this size takes two events.
    const jump = { newest: 0 }
    const gapped = {
      ...log,
      bounds: () => ({ oldest: 1, newest: jump.newest }),
      read: (after: number) => (after < jump.newest ? [logged(jump.newest)] : []),
    }
    for (const [distance, code] of [
      [100_000, 'ok'],
      [100_001, 'ConsumerTooSlow'],
    ] as const) {
      jump.newest = 1
      await using sequencer = createSequencer({ log: gapped, retention: quiet })
      const reader = open(sequencer.events(0))
      expect((await reader.next()).value?.seq).toBe(1)
      const waiting = reader.next()
      await settle()
      jump.newest = 2
      log.append(undefined, event('did:a:1'))
      expect((await waiting).value?.seq).toBe(2)
      jump.newest = 2 + distance
      log.append(undefined, event('did:a:1'))
      await settle()
      const outcome = await reader.next().then(
        () => 'ok',
        (error: { code: string }) => error.code,
      )
      expect(outcome).toBe(code)
    }
  })
})

describe('readers', () => {
  it('pass a hole at the end of the log without asking for it again and again', async () => {
    const log = filled(10)
    await using sequencer = createSequencer({ log, retention: quiet, tailBytes: 1 })
    for (const did of ['did:a:0', 'did:a:1']) log.remove({ did })
    const reader = open(sequencer.events(2))
    const next = reader.next()
    await settle()
    expect(sequencer.stats().coldReads).toBeLessThan(5)
    log.append(undefined, event('did:a:1', 99))
    expect((await next).value?.seq).toBe(11)
    expect(sequencer.stats().coldReads).toBeLessThan(5)
  })

  it('are answered in the order of their calls, also when one comes just as an event does', async () => {
    const log = createMemoryEventLog()
    let between = (): void => {}
    await using sequencer = createSequencer({ log, retention: quiet, now: () => (between(), 0) })
    const reader = open(sequencer.events(undefined))
    const nexts = [reader.next()]
    await settle()
    // The clock is looked at when the event is there, and who waits is not told yet.
    between = () => {
      between = () => {}
      nexts.push(reader.next())
    }
    for (let i = 0; i < 2; i++) log.append(undefined, event('did:a:1', i))
    await settle()
    expect((await Promise.all(nexts)).map((step) => step.value?.seq)).toEqual([1, 2])
  })

  it('are answered in the order of their calls, and leave nothing on the signal when they end', async () => {
    const log = filled(5)
    await using sequencer = createSequencer({ log, retention: quiet })
    const abort = new AbortController()
    const reader = open(sequencer.events(0, abort.signal))
    const steps = Array.from({ length: 5 }, () => reader.next())
    expect((await Promise.all(steps)).map(({ value }) => (value as SequencedFrame).seq)).toEqual([
      1, 2, 3, 4, 5,
    ])
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    await reader.return!()
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    expect(sequencer.stats()).toMatchObject({ dropped: 0, subscribers: [] })
  })

  it('are described as they are', async () => {
    const log = filled(4)
    let time = 5_000
    await using sequencer = createSequencer({ log, retention: quiet, now: () => time })
    const reader = open(sequencer.events(1))
    expect(await take(reader, 2)).toEqual([2, 3])
    time = 6_000
    const other = open(sequencer.events(undefined))
    const waiting = other.next()
    await settle()
    const bytes = log.read(1, { count: 2, bytes: 1e6 }).reduce((sum, { frame }) => sum + frame.length, 0)
    expect(sequencer.stats().subscribers).toEqual([
      { id: 1, since: 5_000, position: 3, lag: 1, cold: true, events: 2, bytes },
      { id: 2, since: 6_000, position: 4, lag: 0, cold: false, events: 0, bytes: 0 },
    ])
    log.append(undefined, event('did:a:1'))
    await waiting
    expect(sequencer.stats()).toMatchObject({ newest: 5, events: 1 })
  })
})

describe('the window', () => {
  it('is 72 hours unless it is told otherwise, to the millisecond', async () => {
    let time = 0
    const log = createMemoryEventLog({ now: () => time })
    log.append(undefined, event('did:a:1'))
    await using sequencer = createSequencer({ log, retention: quiet, now: () => time })
    time = 72 * 3_600_000
    expect(await sequencer.prune()).toBe(0)
    time++
    expect(await sequencer.prune()).toBe(1)
  })

  it('moves on no more once closed', async () => {
    let time = 0
    const log = createMemoryEventLog({ now: () => time })
    log.append(undefined, event('did:a:1'))
    const sequencer = createSequencer({ log, now: () => time, retention: { maxAgeMs: 1, everyMs: 2 } })
    await sequencer.close()
    time = 100
    await sleep(20)
    expect(log.bounds()).toEqual({ oldest: 1, newest: 1 })
    expect(await log.read(0, { count: 1, bytes: 1 })).toHaveLength(1)
  })

  it('tells of a failure and goes on', async () => {
    const errors: unknown[] = []
    const failure = new Error('disk')
    const log = {
      ...createMemoryEventLog(),
      remove: () => {
        throw failure
      },
    }
    await using sequencer = createSequencer({
      log,
      retention: { everyMs: 2 },
      onError: (error) => errors.push(error),
    })
    await expect.poll(() => errors.length).toBeGreaterThan(1)
    expect(errors[0]).toBe(failure)
    await expect(sequencer.prune()).rejects.toBe(failure)
  })
})

describe('pages', () => {
  const limit = { count: 10, bytes: 1e6 }
  const controlled = () => {
    const waiting: {
      after: number
      resolve: (events: { seq: number; frame: Uint8Array }[]) => void
      reject: (error: unknown) => void
    }[] = []
    const log = {
      ...createMemoryEventLog(),
      read: (after: number) =>
        new Promise<{ seq: number; frame: Uint8Array }[]>((resolve, reject) =>
          waiting.push({ after, resolve, reject }),
        ),
    }
    return { waiting, pages: createPages(log, limit) }
  }
  const run = (after: number, count = 10) => Array.from({ length: count }, (_, i) => logged(after + 1 + i))

  it('are read once for those who come together, and give each the rest', async () => {
    const { waiting, pages } = controlled()
    const reads = [0, 0, 4, 9].map((after) => pages.read(after))
    expect(waiting.map(({ after }) => after)).toEqual([0])
    waiting[0]!.resolve(run(0))
    const seqs = (await Promise.all(reads)).map((events) => events.map(({ seq }) => seq))
    expect(seqs.map(([first]) => first)).toEqual([1, 1, 5, 10])
    expect(seqs.map((all) => all.at(-1))).toEqual([10, 10, 10, 10])
    expect(pages.reads()).toBe(1)
    // The end of a page is the start of the next one.
    void pages.read(10)
    expect(waiting.map(({ after }) => after)).toEqual([0, 10])
  })

  it('that fail do so for those who asked, not for those who waited for them', async () => {
    const { waiting, pages } = controlled()
    const asked = pages.read(0)
    const waited = pages.read(3)
    waiting[0]!.reject(new Error('disk'))
    await expect(asked).rejects.toThrow('disk')
    await settle()
    expect(waiting.map(({ after }) => after)).toEqual([0, 3])
    waiting[1]!.resolve(run(3))
    expect(await waited).toHaveLength(10)
    const again = pages.read(0)
    waiting[2]!.resolve(run(0))
    expect(await again).toHaveLength(10)
  })

  it('that are empty are not kept, and those who came meanwhile look again', async () => {
    const { waiting, pages } = controlled()
    const [first, second] = [pages.read(5), pages.read(5)]
    waiting[0]!.resolve([])
    expect(await first).toEqual([])
    await settle()
    expect(waiting).toHaveLength(2)
    waiting[1]!.resolve(run(5, 1))
    expect(await second).toHaveLength(1)
  })

  it('are four at most, and none after a removal', async () => {
    const log = filled(100)
    const pages = createPages(log, limit)
    for (const after of [0, 10, 20, 30, 40]) await pages.read(after)
    expect(pages.reads()).toBe(5)
    for (const after of [10, 20, 30, 40, 45]) await pages.read(after)
    expect(pages.reads()).toBe(5)
    await pages.read(0)
    expect(pages.reads()).toBe(6)
    pages.forget()
    await pages.read(0)
    expect(pages.reads()).toBe(7)
  })
})

describe('the tail', () => {
  it('holds its size, to the byte, and at least the newest', () => {
    const tail = createTail(30)
    tail.reset(100)
    for (const seq of [101, 102, 103]) tail.push(logged(seq))
    expect([tail.from(), tail.end(), tail.bytes()]).toEqual([100, 103, 30])
    tail.push(logged(104, 1))
    expect([tail.from(), tail.bytes()]).toEqual([101, 21])
    tail.push(logged(105, 500))
    expect([tail.from(), tail.end(), tail.bytes()]).toEqual([104, 105, 500])
  })

  it('knows where each of its events is, from the edge on', () => {
    const tail = createTail(1000)
    tail.reset(10)
    for (const seq of [12, 13, 17]) tail.push(logged(seq))
    expect(tail.indexAfter(9)).toBe(-1)
    const at = (after: number): number | undefined => tail.at(tail.indexAfter(after))?.seq
    expect([10, 11, 12, 13, 16, 17, 20].map(at)).toEqual([12, 12, 13, 17, 17, undefined, undefined])
    const index = tail.indexAfter(13)
    tail.reset(20)
    expect(tail.at(index)).toBeNull()
    expect([tail.from(), tail.end(), tail.bytes(), tail.indexAfter(19)]).toEqual([20, 20, 0, -1])
  })

  it('keeps the place of a reader however many events go by', () => {
    const tail = createTail(100)
    let index = tail.indexAfter(0)
    for (let seq = 1; seq <= 10_000; seq++) {
      tail.push(logged(seq))
      expect(tail.at(index)?.seq).toBe(seq)
      index++
      if (seq > 20) {
        expect(tail.at(index - 10)?.seq).toBe(seq - 9)
        expect(tail.at(index - 11)).toBeNull()
        expect(tail.indexAfter(seq - 10)).toBe(index - 10)
      }
    }
    expect(tail.at(index)).toBeUndefined()
  })
})

describe('rates', () => {
  it('are over the last minute, or the time since the start', () => {
    let time = 10_000
    const meter = createMeter(() => time)
    meter.add(6, 600)
    expect(meter.rates()).toEqual({ eventsPerSecond: 6, bytesPerSecond: 600 })
    time += 2_000
    expect(meter.rates()).toEqual({ eventsPerSecond: 2, bytesPerSecond: 200 })
    time += 57_000
    meter.add(54, 0)
    expect(meter.rates()).toEqual({ eventsPerSecond: 1, bytesPerSecond: 10 })
    time += 1_000
    expect(meter.rates()).toEqual({ eventsPerSecond: 0.9, bytesPerSecond: 0 })
    time += 3_600_000
    expect(meter.rates()).toEqual({ eventsPerSecond: 0, bytesPerSecond: 0 })
  })
})

it('a watcher is told until it is taken out', () => {
  const watchers = createWatchers()
  const told: string[] = []
  const stop = watchers.add((change) => void told.push(`a ${change}`))
  watchers.add((change) => void told.push(`b ${change}`))
  watchers.notify('append')
  stop()
  watchers.notify('remove')
  expect(told).toEqual(['a append', 'b append', 'b remove'])
})
