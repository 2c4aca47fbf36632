import { migrate, openDatabase, type PostgresDatabase, type Transaction } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, it } from 'vitest'
import { encodeEvent, encodeUnnumbered } from '../src/frame.ts'
import { createSequencer, type NewEvent } from '../src/index.ts'
import { openEventLog, type PostgresEventLog } from '../src/postgres/index.ts'
import { MIGRATIONS } from '../src/postgres/schema.ts'
import { bodyOf, describeEventLog, event } from './log-conformance.ts'
import { held } from './support/held.ts'

const server = await startPostgres()
let schemas = 0

/** A schema of its own. */
async function freshSchema(): Promise<string> {
  const schema = `log_${process.pid}_${schemas++}`
  await using db = openDatabase({ url: server!.url, poolSize: 1 })
  await db.query(`CREATE SCHEMA ${schema}`)
  return schema
}

describe.skipIf(server === null)('postgres', () => {
  afterAll(() => server?.close())

  describeEventLog<Transaction>('postgres', async () => {
    const schema = await freshSchema()
    const url = server!.url
    let time = 0
    const opened: { db: PostgresDatabase; log: PostgresEventLog }[] = []
    const open = async (): Promise<PostgresEventLog> => {
      const db = openDatabase({ url, schema })
      const log = await openEventLog(db, { now: () => time, pruneBatch: 2 })
      opened.push({ db, log })
      return log
    }
    const log = await open()
    const { db } = opened[0]!
    return {
      log,
      transactional: true,
      transaction: (...steps) =>
        db.transaction(async (tx) => {
          const results = []
          for (const step of steps) results.push(await step(tx))
          return results
        }),
      reopen: open,
      close: async () => {
        for (const item of opened) {
          await item.log.close()
          await item.db.close()
        }
      },
      setTime: (ms) => {
        time = ms
      },
    }
  })

  it('another process follows by LISTEN, and finds its way back after its connection is cut', async () => {
    const schema = await freshSchema()
    await using writing = openDatabase({ url: server!.url, schema })
    await using reading = openDatabase({ url: server!.url, schema })
    await using writer = await openEventLog(writing)
    const errors: unknown[] = []
    await using reader = await openEventLog(reading, {
      reconnectMs: 10,
      onError: (error) => errors.push(error),
    })
    await using sequencer = createSequencer({ log: reader, retention: { everyMs: 0 } })
    const stream = sequencer.events(0)[Symbol.asyncIterator]()
    const first = stream.next()
    await writing.transaction((tx) => writer.append(tx, event('did:a:1')))
    expect((await first).value?.seq).toBe(1)
    await writing.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()`,
    )
    await expect.poll(() => errors.length, { timeout: 8000 }).toBeGreaterThan(0)
    const second = stream.next()
    await writing.transaction((tx) => writer.append(tx, event('did:a:1')))
    expect((await second).value?.seq).toBe(2)
    await stream.return!()
  })

  it('removals, prunes and appends side by side do not block each other for ever', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db, { pruneBatch: 3 })
    const append = (n: number): Promise<number> =>
      db.transaction((tx) => log.append(tx, event(`did:a:${n % 5}`, n)))
    for (let n = 0; n < 60; n++) await append(n)
    await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => append(n)),
      log.remove({ did: 'did:a:1' }),
      log.remove({ did: 'did:a:2' }),
      log.remove({ maxBytes: 500 }),
      log.remove({ olderThan: Date.now() + 1000 }),
      db.transaction(async (tx) => {
        await log.append(tx, event('did:a:3'))
        await log.remove({ did: 'did:a:3', before: 30 }, tx)
      }),
    ])
    expect((await log.bounds()).newest).toBe(81)
    await log.remove({ maxBytes: 0 })
    expect(await log.read(0, { count: 100, bytes: 1e9 })).toEqual([])
    expect(await db.query('SELECT bytes FROM event_log')).toEqual([{ bytes: '0' }])
  })

  it('a database closes although a log on it still listens', async () => {
    const db = openDatabase({ url: server!.url, schema: await freshSchema() })
    const log = await openEventLog(db)
    log.watch(() => {})
    await expect.poll(() => db.pool.totalCount - db.pool.idleCount, { timeout: 8000 }).toBe(1)
    await db.close()
    expect(db.pool.totalCount).toBe(0)
    await log.close()
  })

  it('a reader that missed a removal while its connection was cut does not send what is gone', async () => {
    const schema = await freshSchema()
    await using writing = openDatabase({ url: server!.url, schema })
    await using reading = openDatabase({ url: server!.url, schema })
    await using writer = await openEventLog(writing)
    await using reader = await openEventLog(reading, { reconnectMs: 50, onError: () => {} })
    await using sequencer = createSequencer({ log: reader, retention: { everyMs: 0 } })
    const fast = sequencer.events(0)[Symbol.asyncIterator]()
    const slow = sequencer.events(0)[Symbol.asyncIterator]()
    const firsts = [fast.next(), slow.next()]
    for (let n = 0; n < 4; n++) {
      await writing.transaction((tx) => writer.append(tx, event(`did:a:${n % 2}`, n)))
    }
    await Promise.all(firsts)
    // All four are in the reader's memory now.
    for (let n = 0; n < 3; n++) await fast.next()
    await writing.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()`,
    )
    await writer.remove({ did: 'did:a:1' })
    const live = fast.next()
    await writing.transaction((tx) => writer.append(tx, event('did:a:0', 4)))
    expect((await live).value?.seq).toBe(5)
    expect([(await slow.next()).value?.seq, (await slow.next()).value?.seq]).toEqual([3, 5])
    await Promise.all([fast.return!(), slow.return!()])
  })

  const ALL = { count: 1000, bytes: 1e9 }

  it('readers of every process wait for a number that commits later, and go past one that never will', async () => {
    const schema = await freshSchema()
    await using writing = openDatabase({ url: server!.url, schema })
    await using reading = openDatabase({ url: server!.url, schema })
    await using writer = await openEventLog(writing)
    await using reader = await openEventLog(reading)
    const seqs = async (log: PostgresEventLog): Promise<number[]> =>
      (await log.read(0, ALL)).map(({ seq }) => seq)
    const append = (n: number): Promise<number> =>
      writing.transaction((tx) => writer.append(tx, event('did:a:1', n)))
    await append(0)
    await using sequencer = createSequencer({ log: reader, retention: { everyMs: 0 } })
    const stream = sequencer.events(0)[Symbol.asyncIterator]()
    expect((await stream.next()).value?.seq).toBe(1)
    const late = await held(writing, writer, 1)
    const lost = await held(writing, writer, 2)
    // Writers do not wait for those two.
    expect([late.seq, lost.seq, await append(3)]).toEqual([2, 3, 4])
    const second = stream.next()
    expect([await seqs(writer), await seqs(reader)]).toEqual([[1], [1]])
    await late.end(true)
    expect((await second).value?.seq).toBe(2)
    const third = stream.next()
    expect([await seqs(writer), await seqs(reader)]).toEqual([
      [1, 2],
      [1, 2],
    ])
    await lost.end(false)
    // Nobody tells of a rollback.
    expect((await third).value?.seq).toBe(4)
    expect([await seqs(writer), await seqs(reader)]).toEqual([
      [1, 2, 4],
      [1, 2, 4],
    ])
    await stream.return!()
  })

  it('a page whose answer comes after a number below it was settled is read again', async () => {
    await using direct = openDatabase({ url: server!.url, schema: await freshSchema() })
    const answered = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    let isSlow = false
    const query: PostgresDatabase['query'] = async (sql, values) => {
      const isPage = isSlow && sql.includes('FROM event WHERE seq > $1')
      const rows = await direct.query(sql, values)
      if (!isPage) return rows
      isSlow = false
      answered.resolve()
      await released.promise
      return rows
    }
    await using log = await openEventLog({ ...direct, query })
    await direct.transaction((tx) => log.append(tx, event('did:a:1', 0)))
    const late = await held(direct, log, 1)
    await direct.transaction((tx) => log.append(tx, event('did:a:1', 2)))
    isSlow = true
    const page = log.read(0, ALL)
    await answered.promise
    await late.end(true)
    // Another reader of this process finds out that all three are settled.
    expect((await log.bounds()).newest).toBe(3)
    released.resolve()
    expect((await page).map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  it('who subscribes from the newest gets what was under way', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db)
    await using sequencer = createSequencer({ log, retention: { everyMs: 0 } })
    await db.transaction((tx) => log.append(tx, event('did:a:1', 0)))
    const first = await held(db, log, 1)
    const second = await held(db, log, 2)
    const stream = sequencer.events(1)[Symbol.asyncIterator]()
    const nexts = [stream.next(), stream.next()]
    await second.end(true)
    await first.end(true)
    expect((await Promise.all(nexts)).map((step) => step.value?.seq)).toEqual([2, 3])
    await stream.return!()
  })

  it('a number that another process has sent is no cursor of the future, though its event is gone', async () => {
    const schema = await freshSchema()
    await using db = openDatabase({ url: server!.url, schema })
    await using log = await openEventLog(db)
    const append = (n: number): Promise<number> => db.transaction((tx) => log.append(tx, event('did:a:1', n)))
    for (let n = 0; n < 3; n++) await append(n)
    await log.remove({ did: 'did:a:1' })
    await using other = await openEventLog(db)
    await using sequencer = createSequencer({ log: other, retention: { everyMs: 0 } })
    const stream = sequencer.events(3)[Symbol.asyncIterator]()
    const live = stream.next()
    await append(3)
    expect((await live).value?.seq).toBe(4)
    await stream.return!()
    await expect(sequencer.events(5)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'FutureCursor',
      message: 'cursor is ahead; cursor=5 newest=4',
    })
  })

  it('a pass of retention leaves what may still come below what it drops', async () => {
    const schema = await freshSchema()
    await using db = openDatabase({ url: server!.url, schema })
    await using log = await openEventLog(db)
    const late = await held(db, log, 1)
    await db.transaction((tx) => log.append(tx, event('did:a:1', 2)))
    let dropped: number | null = null
    const pass = (async () => {
      dropped = await log.remove({ maxBytes: 0 })
    })()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(dropped).toBe(null)
    await late.end(true)
    await pass
    expect(dropped).toBe(2)
    expect(await log.bounds()).toEqual({ oldest: 3, newest: 2 })
  })

  it('a process that lost its notifications looks by itself', async () => {
    const schema = await freshSchema()
    await using writing = openDatabase({ url: server!.url, schema })
    await using reading = openDatabase({ url: server!.url, schema })
    // It tells nobody within the time of this test, as one that is killed after a commit.
    await using writer = await openEventLog(writing, { notifyMs: 3_600_000 })
    await using reader = await openEventLog(reading, { pollMs: 20 })
    const heard: string[] = []
    reader.watch((change) => heard.push(change))
    await expect.poll(() => heard, { timeout: 8000 }).toEqual(['remove'])
    const append = (n: number): Promise<number> =>
      writing.transaction((tx) => writer.append(tx, event('did:a:1', n)))
    // The first of a process is told at once.
    await append(1)
    await expect.poll(() => heard.length, { timeout: 8000 }).toBeGreaterThan(1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const before = heard.length
    await append(2)
    await expect.poll(() => heard.slice(before), { timeout: 8000 }).toContain('append')
    await writer.remove({ did: 'did:a:1' })
    await expect.poll(() => heard.slice(before), { timeout: 8000 }).toContain('remove')
  })

  it('32 writers through four processes: each reads all of them in one order, and commits share a sync', async () => {
    const schema = await freshSchema()
    const sides: { db: PostgresDatabase; log: PostgresEventLog }[] = []
    for (let side = 0; side < 4; side++) {
      const db = openDatabase({ url: server!.url, schema, poolSize: 10 })
      sides.push({ db, log: await openEventLog(db, { notifyMs: 10 }) })
    }
    const WRITERS = 32
    const EACH = 12
    const abort = new AbortController()
    const readers = sides.map(async ({ log }) => {
      await using sequencer = createSequencer({ log, retention: { everyMs: 0 } })
      const read: string[] = []
      for await (const { seq, frame } of sequencer.events(0, abort.signal)) {
        read.push(`${seq} ${JSON.stringify(bodyOf({ frame }))}`)
        if (read.length === WRITERS * EACH) break
      }
      return read
    })
    const acknowledged = new Map<number, number[]>()
    let lost = 0
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const { db, log } = sides[writer % 4]!
        const seqs: number[] = []
        acknowledged.set(writer, seqs)
        for (let n = 0; n < EACH; n++) {
          // One of eight tries is rolled back after it got its number.
          if ((writer + n) % 8 === 0) {
            await (await held(db, log, n)).end(false)
            lost++
          }
          seqs.push(await db.transaction((tx) => log.append(tx, event(`did:a:${writer}`, n))))
        }
      }),
    )
    const orders = await Promise.all(readers)
    for (const order of orders) expect(order).toEqual(orders[0])
    const numbers = orders[0]!.map((one) => Number(one.split(' ')[0]))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(numbers).toEqual([...acknowledged.values()].flat().toSorted((a, b) => a - b))
    // Of one writer after the other, the later has the higher number.
    for (const seqs of acknowledged.values()) expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(numbers.at(-1)! - numbers.length).toBeLessThanOrEqual(lost)
    for (const { db, log } of sides) {
      await log.close()
      await db.close()
    }
  })

  it('numbers of every length of CBOR are in the frame as the codec would write them', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db)
    const bodies: NewEvent[] = [
      event('did:a:1', 1),
      {
        did: 'did:a:1',
        type: '#x',
        body: { a: 1, zz: [1], sea: 'x', ser: 'y', seqs: 2, long: 'q' },
      } as const,
      {
        did: 'did:a:1',
        type: '#wide',
        body: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, i])),
      },
    ]
    for (const after of [0, 22, 254, 65_534, 4_294_967_294]) {
      if (after > 0) await db.query("SELECT setval('event_seq', $1)", [after])
      for (const body of bodies) {
        const seq = await db.transaction((tx) => log.append(tx, body))
        const [logged] = await log.read(seq - 1, { count: 1, bytes: 1e9 })
        expect(logged?.seq).toBe(seq)
        expect(Buffer.from(logged!.frame).equals(encodeEvent(body, seq))).toBe(true)
        expect(await db.query('SELECT size FROM event WHERE seq = $1', [seq])).toEqual([
          { size: logged!.frame.length },
        ])
      }
    }
  })

  it('goes on from where a log of the first version was, and counts its bytes once', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await migrate(db, 'event-log', MIGRATIONS.slice(0, 1))
    const frame = encodeEvent(event('did:a:1'), 4)
    await db.query('INSERT INTO event VALUES (4, 0, $1, $2, $3)', ['did:a:1', frame.length, frame])
    await db.query('UPDATE event_log SET newest = 6, oldest = 3, bytes = $1', [frame.length])
    await using log = await openEventLog(db)
    expect(await log.bounds()).toEqual({ oldest: 3, newest: 6 })
    expect(await db.transaction((tx) => log.append(tx, event('did:a:1')))).toBe(7)
    expect((await log.read(0, ALL)).map(({ seq }) => seq)).toEqual([4, 7])
    await log.remove({ maxBytes: frame.length })
    expect((await log.read(0, ALL)).map(({ seq }) => seq)).toEqual([7])
    expect(await db.query('SELECT bytes::integer FROM event_log')).toEqual([{ bytes: frame.length }])
  })

  it('opens a log of the second version, and reads what both append', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await migrate(db, 'event-log', MIGRATIONS.slice(0, 2))
    const former = async (): Promise<unknown> => {
      const { frame, at } = encodeUnnumbered(event('did:a:1'))
      const [row] = await db.query('SELECT event_append_1($1, $2, $3, $4)::integer AS seq', [
        'did:a:1',
        0,
        frame,
        at,
      ])
      return row!['seq']
    }
    expect(await former()).toBe(1)
    await using log = await openEventLog(db)
    expect(await db.transaction((tx) => log.append(tx, event('did:a:1')))).toBe(2)
    expect(await former()).toBe(3)
    expect((await log.read(0, ALL)).map(({ seq, frame }) => [seq, Buffer.from(frame)])).toEqual(
      [1, 2, 3].map((seq) => [seq, Buffer.from(encodeEvent(event('did:a:1'), seq))]),
    )
  })

  it('appends several in their order, those without a DID left out, each as the codec would write it', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db)
    const events = Array.from({ length: 30 }, (_, n) => event(`did:a:${n}`, n))
    const append = async (): Promise<unknown> => {
      const prepared = events.map((one) => log.prepare(one))
      let end = 1
      const starts = prepared.map(({ frame }) => (end += frame.length) - frame.length)
      const [row] = await db.query('SELECT event_append_2($1, $2, $3, $4, $5, $6)::text[] AS seqs', [
        events.map(({ did }, n) => (n % 3 === 1 ? null : did)),
        5,
        prepared.map(({ at }) => at),
        starts,
        prepared.map(({ frame }) => frame.length),
        Buffer.concat(prepared.map(({ frame }) => frame)),
      ])
      return row!['seqs']
    }
    const kept = events.filter((_, n) => n % 3 !== 1)
    for (const before of [0, 240, 65_530, 4_294_967_290]) {
      if (before > 0) await db.query("SELECT setval('event_seq', $1)", [before])
      const seqs = kept.map((_, n) => before + 1 + n)
      expect(await append()).toEqual(seqs.map(String))
      const logged = await log.read(before, { count: 20, bytes: 1e9 })
      expect(logged.map(({ seq, frame }) => [seq, Buffer.from(frame)])).toEqual(
        kept.map((one, n) => [seqs[n], Buffer.from(encodeEvent(one, seqs[n]!))]),
      )
    }
  })

  it('leaves a margin after a restore', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db)
    expect(await log.advanceSeq(500)).toBe(500)
    expect(await db.transaction((tx) => log.append(tx, event('did:a:1')))).toBe(501)
    for (const by of [0, -1, 1.5, Number.NaN]) {
      await expect(log.advanceSeq(by)).rejects.toMatchObject({
        code: 'invalid-option',
        message: `seq margin is a positive integer; by=${by}`,
      })
    }
    expect(await log.advanceSeq(1)).toBe(502)
  })
})
