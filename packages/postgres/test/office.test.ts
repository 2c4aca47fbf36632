import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, it } from 'vitest'

import { holdOffice, openDatabase, type Office, type PostgresDatabase } from '../src/index.ts'

const server = await startPostgres()

/** A way to the server on which connections can stop to say anything. */
async function openLine(url: string): Promise<
  AsyncDisposable & {
    readonly url: string
    /** Nothing goes through the connections there are any more. */
    hang(): void
    /** They end on the server's side. */
    cut(): void
  }
> {
  const { hostname, port } = new URL(url)
  const sockets: { near: Socket; far: Socket; hangs: boolean }[] = []
  const line = createServer((near) => {
    const far = connect(Number(port), hostname)
    const pair = { near, far, hangs: false }
    sockets.push(pair)
    // Of a connection that hangs, the near end learns nothing.
    far.on('close', () => {
      if (!pair.hangs) near.destroy()
    })
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far)
    far.pipe(near)
  }).listen(0, '127.0.0.1')
  await once(line, 'listening')
  const own = new URL(url)
  own.port = String((line.address() as AddressInfo).port)
  return {
    url: own.href,
    hang: () => {
      for (const pair of sockets) {
        pair.hangs = true
        pair.near.unpipe(pair.far).pause()
        pair.far.unpipe(pair.near).pause()
      }
    },
    cut: () => {
      for (const { far } of sockets) far.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const { near, far } of sockets) {
        near.destroy()
        far.destroy()
      }
      line.close()
      await once(line, 'close')
    },
  }
}

describe.skipIf(server === null)('an office', () => {
  afterAll(() => server?.close())
  // The check of the connection keeps its two seconds: a busy machine answers late, and is not gone.
  const FAST = { retryMs: 40 }
  const untilLost = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))

  /** A process that wants it; `log` says what it did. */
  const candidate = (
    name: string,
  ): { db: PostgresDatabase; office: Office; log: string[]; errors: unknown[] } => {
    const db = openDatabase({ url: server!.url, poolSize: 2 })
    const log: string[] = []
    const errors: unknown[] = []
    const work = async (signal: AbortSignal): Promise<void> => {
      log.push('won')
      await untilLost(signal)
      log.push('lost')
    }
    const office = holdOffice(db, name, work, { ...FAST, onError: (error) => errors.push(error) })
    return { db, office, log, errors }
  }
  const sessionsWithLocks = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'`

  it('is held by one, and by another within the time of a try when the connection of the first is cut', async () => {
    const name = 'cut'
    const sides = [candidate(name), candidate(name)]
    const holders = (): number => sides.filter(({ office }) => office.isHeld()).length
    await expect.poll(holders).toBe(1)
    await sleep(150)
    expect([holders(), sides.flatMap(({ log }) => log)]).toEqual([1, ['won']])
    const first = sides.findIndex(({ office }) => office.isHeld())
    for (let round = 0; round < 5; round++) {
      const holder = sides.find(({ office }) => office.isHeld())!
      const before = sides.flatMap(({ log }) => log).filter((step) => step === 'won').length
      await sides[first]!.db.query(`SELECT pg_terminate_backend(pid) FROM (${sessionsWithLocks}) AS s`)
      await expect.poll(() => holder.log.at(-1), { interval: 5 }).toBe('lost')
      await expect
        .poll(() => sides.flatMap(({ log }) => log).filter((step) => step === 'won').length)
        .toBe(before + 1)
      expect(holders()).toBe(1)
      expect(String(holder.errors.at(-1))).toContain('the connection of an office was lost; name=cut')
    }
    for (const { office, db } of sides) {
      await office[Symbol.asyncDispose]()
      await db.close()
    }
  })

  it('is given over when its holder ends, and is another in each schema and of each name', async () => {
    const [one, two, other] = [candidate('over'), candidate('over'), candidate('other')]
    await expect.poll(() => Number(one.office.isHeld()) + Number(two.office.isHeld())).toBe(1)
    await expect.poll(() => other.office.isHeld()).toBe(true)
    const [holder, waiting] = one.office.isHeld() ? [one, two] : [two, one]
    await holder.office[Symbol.asyncDispose]()
    expect([holder.office.isHeld(), holder.log]).toEqual([false, ['won', 'lost']])
    // Its session has ended, and the lock with it: in the pool it would keep both for as long as it is idle.
    expect(holder.db.pool.totalCount).toBe(0)
    await expect.poll(() => waiting.office.isHeld()).toBe(true)
    await holder.db.query('CREATE SCHEMA elsewhere')
    const db = openDatabase({ url: server!.url, schema: 'elsewhere' })
    const office = holdOffice(db, 'over', untilLost, FAST)
    await expect.poll(() => office.isHeld()).toBe(true)
    await office[Symbol.asyncDispose]()
    await db.close()
    for (const side of [one, two, other]) {
      await side.office[Symbol.asyncDispose]()
      await side.db.close()
    }
  })

  it('is lost when its connection says nothing any more, and won again', async () => {
    await using line = await openLine(server!.url)
    await using db = openDatabase({ url: line.url, poolSize: 2 })
    const errors: unknown[] = []
    await using office = holdOffice(db, 'hangs', untilLost, {
      ...FAST,
      checkMs: 200,
      onError: (error) => errors.push(error),
    })
    await expect.poll(() => office.isHeld()).toBe(true)
    line.hang()
    await expect.poll(() => office.isHeld()).toBe(false)
    expect(String(errors.at(-1))).toBe('Error: the connection of an office was lost; name=hangs')
    // The server notices, too.
    line.cut()
    await expect.poll(() => office.isHeld()).toBe(true)
  })

  it('is asked for on another connection when one does not answer, and nobody who leaves waits for it', async () => {
    await using line = await openLine(server!.url)
    await using near = openDatabase({ url: server!.url })
    await using far = openDatabase({ url: line.url, poolSize: 2 })
    const hanging = { ...FAST, checkMs: 1000 }
    const holder = holdOffice(near, 'silent', untilLost, FAST)
    await expect.poll(() => holder.isHeld()).toBe(true)
    const waiting = holdOffice(far, 'silent', untilLost, hanging)
    // It asks again and again, on a connection that it has by now.
    await expect.poll(() => far.pool.idleCount).toBe(1)
    line.hang()
    await holder[Symbol.asyncDispose]()
    await expect.poll(() => waiting.isHeld()).toBe(true)
    const third = holdOffice(far, 'silent', untilLost, { ...FAST, checkMs: 3_600_000 })
    await expect.poll(() => far.pool.totalCount).toBe(2)
    await sleep(200)
    line.hang()
    await sleep(200)
    await third[Symbol.asyncDispose]()
    await waiting[Symbol.asyncDispose]()
  })

  it('whose work throws is asked for again', async () => {
    await using db = openDatabase({ url: server!.url })
    const errors: unknown[] = []
    let tries = 0
    await using office = holdOffice(
      db,
      'throws',
      async (signal) => {
        if (++tries < 3) throw new Error(`try ${tries}`)
        await untilLost(signal)
      },
      { ...FAST, onError: (error) => errors.push(error) },
    )
    await expect.poll(() => tries).toBe(3)
    expect([errors.map(String), office.isHeld()]).toEqual([['Error: try 1', 'Error: try 2'], true])
  })
})
