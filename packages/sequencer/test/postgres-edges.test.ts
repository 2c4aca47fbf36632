// What the log in Postgres does beside its events: listening, telling, looking again, and what is left of it when it is closed.
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openEventLog, type PostgresEventLog, type PostgresEventLogOptions } from '../src/postgres/index.ts'
import { createAnnouncer, createListener } from '../src/postgres/listener.ts'
import { event } from './log-conformance.ts'
import { held } from './support/held.ts'

const server = await startPostgres()
const NEVER = 3_600_000
const ALL = { count: 1000, bytes: 1e9 }

describe.skipIf(server === null)('postgres', () => {
  let schemas = 0
  let db: PostgresDatabase
  afterAll(() => server?.close())
  beforeEach(async () => {
    const schema = `edges_${process.pid}_${schemas++}`
    await using first = openDatabase({ url: server!.url, poolSize: 1 })
    await first.query(`CREATE SCHEMA ${schema}`)
    db = openDatabase({ url: server!.url, schema })
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(ends.splice(0).map((end) => end()))
    await db.close()
  })
  const ends: (() => Promise<void>)[] = []
  /** A transaction of the log that is under way, to the end of the test at most. */
  const hold = async (log: PostgresEventLog, n: number): ReturnType<typeof held> => {
    const one = await held(db, log, n)
    ends.push(() => one.end(false))
    return one
  }
  const append = (log: PostgresEventLog, n = 0): Promise<number> =>
    db.transaction((tx) => log.append(tx, event('did:a:1', n)))

  describe('who listens', () => {
    type Connect = PostgresDatabase['pool']['connect']
    const listenerOf = (connect: () => ReturnType<Connect>, reconnectMs: number) => {
      const heard: (string | null)[] = []
      const errors: unknown[] = []
      const listener = createListener(
        { ...db, pool: { connect } } as PostgresDatabase,
        'edges',
        (payload) => heard.push(payload),
        { reconnectMs, onError: (error) => errors.push(error) },
      )
      return { listener, heard, errors }
    }

    it('hears of a connection that is cut before it listens, and makes another', async () => {
      let cut = 0
      const { listener, heard, errors } = listenerOf(async () => {
        const client = await db.pool.connect()
        if (cut++ > 0) return client
        const query = client.query.bind(client)
        client.query = ((sql: string) => {
          const answer = query(sql)
          const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
          connection.stream.destroy()
          return answer
        }) as typeof client.query
        return client
      }, 1)
      listener.start()
      await expect.poll(() => heard, { timeout: 8000 }).toEqual([null])
      expect(errors).toMatchObject([{ message: 'Connection terminated unexpectedly' }])
      await listener.close()
    })

    it('does not begin when it was closed while it connected', async () => {
      const gate = Promise.withResolvers<void>()
      const { listener, heard } = listenerOf(async () => {
        await gate.promise
        return db.pool.connect()
      }, NEVER)
      listener.start()
      const closed = listener.close()
      gate.resolve()
      await closed
      expect([heard, db.pool.totalCount]).toEqual([[], 0])
    })

    it('tells nobody what fails after it was closed', async () => {
      const gate = Promise.withResolvers<void>()
      const { listener, errors } = listenerOf(async () => {
        await gate.promise
        throw new Error('refused')
      }, NEVER)
      listener.start()
      const closed = listener.close()
      gate.resolve()
      await closed
      expect(errors).toEqual([])
    })

    it('does not wait for its next try when it is closed', async () => {
      const { listener, errors } = listenerOf(() => Promise.reject(new Error('refused')), NEVER)
      listener.start()
      await expect.poll(() => errors.length).toBe(1)
      await listener.close()
    })
  })

  describe('who tells', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
    afterEach(() => void vi.useRealTimers())
    const announcerOf = (answer: () => Promise<unknown> = async () => []) => {
      const sent: unknown[] = []
      const errors: unknown[] = []
      const query = async (_: string, values: readonly unknown[]): Promise<never[]> => {
        sent.push(values[1])
        await answer()
        return []
      }
      const announcer = createAnnouncer(
        { ...db, query } as PostgresDatabase,
        'edges',
        (change) => change,
        50,
        (error) => errors.push(error),
      )
      return { announcer, sent, errors }
    }

    it('does so once in an interval, of a removal rather than of an append', async () => {
      const { announcer, sent } = announcerOf()
      await vi.advanceTimersByTimeAsync(1000)
      announcer.announce('append')
      await vi.advanceTimersByTimeAsync(0)
      expect(sent).toEqual(['append'])
      for (const change of ['append', 'remove', 'append'] as const) announcer.announce(change)
      await vi.advanceTimersByTimeAsync(49)
      expect(sent).toEqual(['append'])
      await vi.advanceTimersByTimeAsync(1)
      expect(sent).toEqual(['append', 'remove'])
      await announcer.close()
      expect(sent).toEqual(['append', 'remove'])
    })

    it('sends what waits when it is closed, and leaves no timer', async () => {
      const { announcer, sent } = announcerOf()
      announcer.announce('append')
      await vi.advanceTimersByTimeAsync(0)
      announcer.announce('remove')
      await announcer.close()
      expect([sent, vi.getTimerCount()]).toEqual([['append', 'remove'], 0])
    })

    it('sends nothing twice when it is closed while it sends', async () => {
      const gate = Promise.withResolvers<void>()
      const { announcer, sent } = announcerOf(() => gate.promise)
      announcer.announce('append')
      await vi.advanceTimersByTimeAsync(0)
      announcer.announce('remove')
      // Its time has come, and the one before it is still under way.
      await vi.advanceTimersByTimeAsync(50)
      const closed = announcer.close()
      gate.resolve()
      await closed
      expect(sent).toEqual(['append', 'remove'])
    })

    it('says when it could not, and goes on', async () => {
      const failure = new Error('refused')
      const { announcer, sent, errors } = announcerOf(() => Promise.reject(failure))
      for (let n = 0; n < 2; n++) {
        announcer.announce('append')
        await vi.advanceTimersByTimeAsync(50)
      }
      await announcer.close()
      expect([sent, errors]).toEqual([
        ['append', 'append'],
        [failure, failure],
      ])
    })
  })

  const watched = async (options: PostgresEventLogOptions = {}, on = db) => {
    const log = await openEventLog(on, { pollMs: NEVER, ...options })
    const heard: string[] = []
    log.watch((change) => heard.push(change))
    // It listens from here on.
    await expect.poll(() => heard, { timeout: 8000 }).toEqual(['remove'])
    return { log, heard }
  }

  it('wakes its own watchers after each append, whatever the clock shows', async () => {
    const clock = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + 10_000_000)
    const { log, heard } = await watched({ notifyMs: NEVER })
    for (let n = 0; n < 5; n++) {
      const before = heard.length
      await append(log, n)
      await expect.poll(() => heard.slice(before), { timeout: 8000 }).toContain('append')
    }
    await log.close()
  })

  it('hears nothing where it looks and nothing changed', async () => {
    const { log, heard } = await watched({ pollMs: 5 })
    await sleep(100)
    expect(heard).toEqual(['remove'])
    await log.close()
  })

  it('looks for a number that is under way after 5 ms, then less often, up to 100', async () => {
    const { log, heard } = await watched({ notifyMs: NEVER })
    await hold(log, 1)
    await append(log, 2)
    const set = vi.spyOn(globalThis, 'setTimeout')
    const waits = (): unknown[] => set.mock.calls.map((call) => call[1]).filter((ms) => WAITS.includes(ms!))
    const WAITS = [5, 10, 20, 40, 80, 100]
    for (let n = 1; n <= 7; n++) {
      const before = heard.length
      expect(await log.read(0, ALL)).toEqual([])
      await expect.poll(() => heard.length, { timeout: 8000, interval: 1 }).toBeGreaterThan(before)
      expect(waits()).toHaveLength(n)
    }
    expect(waits()).toEqual([...WAITS, 100])
    set.mockRestore()
    await log.close()
  })

  it('asks for nothing under way where no number is missing', async () => {
    let looks = 0
    const query: PostgresDatabase['query'] = (sql, values) => {
      if (sql.includes('event_horizon')) looks++
      return db.query(sql, values)
    }
    await using log = await openEventLog({ ...db, query })
    for (let n = 0; n < 6; n++) await append(log, n)
    for (const after of [0, 2, 4]) {
      const page = await log.read(after, { count: 2, bytes: 1e9 })
      expect(page.map(({ seq }) => seq)).toEqual([after + 1, after + 2])
    }
    expect(looks).toBe(0)
  })

  it('counts bytes once, also where another process has counted further', async () => {
    const gate = Promise.withResolvers<void>()
    let isLate = false
    const query: PostgresDatabase['query'] = async (sql, values) => {
      const wait = isLate && sql.includes('event_horizon')
      const rows = await db.query(sql, values)
      if (wait) {
        isLate = false
        await gate.promise
      }
      return rows
    }
    await using log = await openEventLog(db)
    await using other = await openEventLog({ ...db, query })
    for (let n = 0; n < 3; n++) await append(log, n)
    isLate = true
    const late = other.remove({ maxBytes: 1e9 })
    await expect.poll(() => isLate, { timeout: 8000 }).toBe(false)
    await append(log, 3)
    expect(await log.remove({ maxBytes: 1e9 })).toBe(0)
    gate.resolve()
    expect(await late).toBe(0)
    await append(log, 4)
    await log.remove({ maxBytes: 1e9 })
    const [row] = await db.query(
      'SELECT bytes, counted, (SELECT sum(size) FROM event) AS sizes FROM event_log WHERE id = 1',
    )
    expect(row).toEqual({ bytes: row!['sizes'], counted: '5', sizes: row!['sizes'] })
  })

  describe('that is closed', () => {
    it('ends who waits for a transaction', async () => {
      const log = await openEventLog(db)
      await hold(log, 1)
      const outcome = Promise.allSettled([log.bounds()])
      await log.close()
      expect(await outcome).toMatchObject([{ status: 'rejected', reason: { code: 'closed' } }])
    })

    it('tells other processes what waits', async () => {
      const reader = await watched()
      const log = await openEventLog(db, { notifyMs: NEVER })
      await append(log, 1)
      await expect.poll(() => reader.heard.slice(1), { timeout: 8000 }).toEqual(['append'])
      await append(log, 2)
      await log.close()
      await expect.poll(() => reader.heard.slice(1), { timeout: 8000 }).toEqual(['append', 'append'])
      await reader.log.close()
    })

    it('tells its watchers nothing, asks for nothing, and leaves nothing with its database', async () => {
      const asked: string[] = []
      const hooks = new Set<unknown>()
      const on: PostgresDatabase = {
        ...db,
        query: (sql, values) => (asked.push(sql), db.query(sql, values)),
        beforeClose: (fn) => (hooks.add(fn), () => void hooks.delete(fn)),
      }
      const { log, heard } = await watched({ pollMs: 300, notifyMs: NEVER }, on)
      expect(hooks.size).toBe(1)
      // A missing number is looked for soon, changes of others later, and one more append is to be told in a moment.
      await hold(log, 1)
      await append(log, 2)
      await log.read(0, ALL)
      log.appended()
      log.appended()
      const told = heard.length
      await log.close()
      const questions = asked.length
      await sleep(500)
      expect([heard.length, asked.length, hooks.size]).toEqual([told, questions, 0])
    })
  })
})
