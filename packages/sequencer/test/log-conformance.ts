// What every event log must do. Each implementation's test file runs this over a store of its own.

import { decodeFrame } from '@avocet/xrpc'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSequencer } from '../src/index.ts'
import type { EventLog, LoggedEvent, NewEvent } from '../src/index.ts'

/** One log, and what only its store knows how to do. */
export type LogFixture<Tx> = {
  readonly log: EventLog<Tx>
  /** Runs the steps in one transaction and gives their results; a throw rolls all of it back. */
  transaction<T>(...steps: ((tx: Tx) => T | Promise<T>)[]): Promise<T[]>
  /** Whether a throw rolls back (the log in memory has no transactions). */
  readonly transactional: boolean
  /** The same store opened anew, as after a restart of the process; null when it keeps nothing. */
  reopen(): Promise<EventLog<Tx> | null>
  close(): Promise<void>
  /** Moves the clock the log stamps events with. */
  setTime(ms: number): void
}

export const event = (did: string, n = 0, type: `#${string}` = '#commit'): NewEvent => ({
  did,
  type,
  body: { did, n, time: '2026-01-01T00:00:00.000Z' },
})

const ALL = { count: 10_000, bytes: 1e9 }

export function bodyOf(logged: { frame: Uint8Array }): Record<string, unknown> {
  const frame = decodeFrame(logged.frame)
  if (!frame.ok || frame.value.kind !== 'message') throw new Error('frame cannot be read')
  return { ...frame.value.body, $type: frame.value.type }
}

export function describeEventLog<Tx>(name: string, open: () => Promise<LogFixture<Tx>>): void {
  describe(`event log: ${name}`, () => {
    let fixture: LogFixture<Tx>
    beforeEach(async () => {
      fixture = await open()
      fixture.setTime(1_000_000)
    })
    afterEach(() => fixture.close())

    const append = (...events: NewEvent[]): Promise<number[]> =>
      fixture.transaction(...events.map((item) => (tx: Tx) => fixture.log.append(tx, item)))
    const appendEach = async (...events: NewEvent[]): Promise<number[]> => {
      const seqs: number[] = []
      for (const item of events) seqs.push(...(await append(item)))
      return seqs
    }
    const readAll = async (after = 0, log = fixture.log): Promise<LoggedEvent[]> => await log.read(after, ALL)

    it('is empty at first', async () => {
      expect(await fixture.log.bounds()).toEqual({ oldest: 1, newest: 0 })
      expect(await readAll()).toEqual([])
    })

    it('numbers events from 1 and stores the whole frame with its seq', async () => {
      expect(await appendEach(event('did:a:1', 7), event('did:a:2', 8, '#identity'))).toEqual([1, 2])
      const [first, second] = await readAll()
      expect(bodyOf(first!)).toEqual({
        $type: '#commit',
        did: 'did:a:1',
        n: 7,
        seq: 1,
        time: '2026-01-01T00:00:00.000Z',
      })
      expect(bodyOf(second!)).toMatchObject({ $type: '#identity', seq: 2, n: 8 })
      expect(await fixture.log.bounds()).toEqual({ oldest: 1, newest: 2 })
    })

    it('gives a page that is below both bounds only as the last one', async () => {
      const sized = (n: number): NewEvent => ({
        ...event('did:a:1'),
        body: { blocks: new Uint8Array(n) },
      })
      await appendEach(...[10, 300, 20, 4000, 1, 900, 30].map(sized))
      for (const bytes of [1, 200, 350, 500, 700, 4500, 6000, 10_000]) {
        const seqs: number[] = []
        for (let isLast = false; !isLast;) {
          const page = await fixture.log.read(seqs.at(-1) ?? 0, { count: 3, bytes })
          const sum = page.reduce((total, { frame }) => total + frame.length, 0)
          seqs.push(...page.map(({ seq }) => seq))
          isLast = page.length < 3 && sum < bytes
          // No more than the frame that fills it is above the bound.
          expect(sum - (page.at(-1)?.frame.length ?? 0)).toBeLessThan(bytes)
        }
        expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7])
      }
    })

    it('pages by count and by bytes, and always gives at least one', async () => {
      await appendEach(...Array.from({ length: 9 }, (_, n) => event('did:a:1', n)))
      const size = (await readAll())[0]!.frame.length
      expect((await fixture.log.read(3, { count: 2, bytes: 1e9 })).map((e) => e.seq)).toEqual([4, 5])
      expect((await fixture.log.read(3, { count: 99, bytes: size * 3 })).map((e) => e.seq)).toEqual([4, 5, 6])
      expect((await fixture.log.read(3, { count: 99, bytes: 1 })).map((e) => e.seq)).toEqual([4])
      expect(await fixture.log.read(9, ALL)).toEqual([])
    })

    it('refuses an event that no reader takes, and the transaction with it', async () => {
      await append(event('did:a:1'))
      const large = { ...event('did:a:1'), body: { blocks: new Uint8Array(5_000_000) } }
      await expect((async () => append(large))()).rejects.toMatchObject({ code: 'frame-too-big' })
      expect(await append(event('did:a:1'))).toEqual([2])
      expect((await readAll()).map((e) => e.seq)).toEqual([1, 2])
    })

    it('forgets what is rolled back, and gives no number twice', async () => {
      if (!fixture.transactional) return
      await appendEach(event('did:a:1'))
      const failed = fixture.transaction(
        (tx) => fixture.log.append(tx, event('did:a:1', 99)),
        () => {
          throw new Error('rolled back')
        },
      )
      await expect(failed).rejects.toThrow('rolled back')
      const [seq] = await appendEach(event('did:a:1', 2))
      const events = await readAll()
      expect(events.map((e) => bodyOf(e)['n'])).toEqual([0, 2])
      expect(events.map((e) => e.seq)).toEqual([1, seq])
      expect(new Set(events.map((e) => e.seq)).size).toBe(2)
    })

    it('goes on counting after a restart, also when the newest events are gone', async () => {
      await appendEach(event('did:a:1'), event('did:a:2'), event('did:a:2'))
      await fixture.log.remove({ did: 'did:a:2' })
      const again = await fixture.reopen()
      if (again === null) return
      expect(await again.bounds()).toEqual({ oldest: 1, newest: 3 })
      expect((await readAll(0, again)).map((e) => e.seq)).toEqual([1])
    })

    it('removes one account, all of it or below a seq, and leaves the others', async () => {
      await appendEach(event('did:a:1'), event('did:a:2'), event('did:a:1'), event('did:a:1'))
      expect(await fixture.log.remove({ did: 'did:a:1', before: 4, limit: 1 })).toBe(1)
      expect(await fixture.log.remove({ did: 'did:a:1', before: 4, limit: 5 })).toBe(1)
      expect((await readAll()).map((e) => e.seq)).toEqual([2, 4])
      expect(await fixture.log.remove({ did: 'did:a:1' })).toBe(1)
      expect((await readAll()).map((e) => e.seq)).toEqual([2])
      expect(await fixture.log.remove({ did: 'did:a:1' })).toBe(0)
      // A hole is not the edge of the window.
      expect(await fixture.log.bounds()).toEqual({ oldest: 1, newest: 4 })
    })

    it('removes all of what it should, in however many steps', async () => {
      for (const limit of [3, 4, 5]) {
        await append(...Array.from({ length: 5 }, (_, n) => event('did:a:1', n)), event('did:a:2'))
        expect(await fixture.log.remove({ did: 'did:a:1', limit })).toBe(limit)
        expect(await fixture.log.remove({ did: 'did:a:1' })).toBe(5 - limit)
      }
      expect(await fixture.log.remove({ maxBytes: 0 })).toBe(3)
      expect(await readAll()).toEqual([])
    })

    it('removal joins the transaction', async () => {
      await appendEach(event('did:a:1'), event('did:a:2'))
      await fixture.transaction(
        (tx) => fixture.log.remove({ did: 'did:a:1', before: 3 }, tx),
        (tx) => fixture.log.append(tx, event('did:a:1', 5, '#account')),
      )
      expect((await readAll()).map((e) => bodyOf(e)['$type'])).toEqual(['#commit', '#account'])
    })

    it('moves the window by age and by size', async () => {
      fixture.setTime(1000)
      await appendEach(event('did:a:1'), event('did:a:1'))
      fixture.setTime(2000)
      await appendEach(event('did:a:1'), event('did:a:1'), event('did:a:1'))
      expect(await fixture.log.remove({ olderThan: 1000 })).toBe(0)
      expect(await fixture.log.remove({ olderThan: 1500 })).toBe(2)
      expect(await fixture.log.bounds()).toEqual({ oldest: 3, newest: 5 })
      const size = (await readAll())[0]!.frame.length
      expect(await fixture.log.remove({ maxBytes: size * 2 })).toBe(1)
      expect((await readAll()).map((e) => e.seq)).toEqual([4, 5])
      expect(await fixture.log.remove({ maxBytes: 0 })).toBe(2)
      expect(await fixture.log.bounds()).toEqual({ oldest: 6, newest: 5 })
      expect(await appendEach(event('did:a:1'))).toEqual([6])
      expect((await readAll()).map((e) => e.seq)).toEqual([6])
    })

    it('tells watchers after appends and removals, once they can be read', async () => {
      const reads: Promise<[string, number]>[] = []
      const unwatch = fixture.log.watch((change) => {
        reads.push(Promise.resolve(readAll()).then((events) => [change, events.length]))
      })
      const seen = async (): Promise<[string, number] | undefined> => (await Promise.all(reads)).at(-1)
      await append(event('did:a:1'))
      // A watcher that has only just begun may be told the worst, that something is gone.
      await expect.poll(async () => (await seen())?.[1]).toBe(1)
      await fixture.log.remove({ did: 'did:a:1' })
      await expect.poll(seen).toEqual(['remove', 0])
      unwatch()
      const count = reads.length
      await append(event('did:a:1'))
      expect(reads.length).toBe(count)
    })

    it('many writers: numbers follow the order of commits, a reader misses none', async () => {
      const read: number[] = []
      const abort = new AbortController()
      await using sequencer = createSequencer({ log: fixture.log, retention: { everyMs: 0 } })
      const reading = (async () => {
        for await (const { seq } of sequencer.events(0, abort.signal)) {
          read.push(seq!)
          if (read.length === 60) break
        }
      })()
      await Promise.all(Array.from({ length: 60 }, (_, n) => append(event(`did:a:${n % 7}`, n))))
      await reading
      expect(read).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    })
  })
}
