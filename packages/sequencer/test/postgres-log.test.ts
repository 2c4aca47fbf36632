import { openDatabase, type PostgresDatabase, type Transaction } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, it } from 'vitest'
import { createSequencer } from '../src/index.ts'
import { openEventLog, type PostgresEventLog } from '../src/postgres.ts'
import { describeEventLog, event } from './log-conformance.ts'

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
    await expect.poll(() => errors.length).toBeGreaterThan(0)
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

  it('leaves a margin after a restore', async () => {
    await using db = openDatabase({ url: server!.url, schema: await freshSchema() })
    await using log = await openEventLog(db)
    expect(await log.advanceSeq(500)).toBe(500)
    expect(await db.transaction((tx) => log.append(tx, event('did:a:1')))).toBe(501)
  })
})
