import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type PostgresDatabase } from '../src/database.ts'
import { wasRolledBack } from '../src/error.ts'
import { migrate, schemaVersions } from '../src/migrate.ts'

const server = await startPostgres()
afterAll(() => server?.close())

describe.skipIf(server === null)('postgres', () => {
  const schema = `avocet_test_${process.pid}`
  let db: PostgresDatabase
  beforeAll(async () => {
    await using admin = openDatabase({ url: server!.url })
    await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await admin.query(`CREATE SCHEMA ${schema}`)
    db = openDatabase({ url: server!.url, schema })
    await db.query('CREATE TABLE t (k text PRIMARY KEY, v bytea)')
  })
  afterAll(async () => {
    await db.query(`DROP SCHEMA ${schema} CASCADE`)
    await db.close()
    await db.close()
  })
  beforeEach(() => db.query('DELETE FROM t'))
  const keys = async (): Promise<unknown[]> =>
    (await db.query('SELECT k FROM t ORDER BY k')).map((row) => row['k'])

  it('binds byte arrays, also inside arrays', async () => {
    const bytes = new Uint8Array([9, 0, 255, 9]).subarray(1, 3)
    const [row] = await db.query('SELECT $1::bytea AS one, ($2::bytea[])[2] AS two', [bytes, [bytes, bytes]])
    expect([...(row!['one'] as Uint8Array)]).toEqual([0, 255])
    expect([...(row!['two'] as Uint8Array)]).toEqual([0, 255])
  })

  it('binds numbers inside arrays as they are', async () => {
    const [row] = await db.query(
      'SELECT ($1::integer[])[2] AS one, cardinality($2::integer[]) AS none, $3::float8[] AS many, $4::text[] AS texts',
      [[1, -2], [], [0.5, 1e21, NaN], ['1', 'a,b']],
    )
    expect(row).toEqual({ one: -2, none: 0, many: [0.5, 1e21, NaN], texts: ['1', 'a,b'] })
  })

  it('parses a named statement once a connection', async () => {
    await using one = openDatabase({ url: server!.url, poolSize: 1 })
    for (const n of [1, 2]) {
      expect(await one.query('SELECT $1::integer AS n', [n], 'number')).toEqual([{ n }])
    }
    expect(await one.query('SELECT name FROM pg_prepared_statements')).toEqual([{ name: 'number' }])
    const [row] = await one.transaction((tx) => tx.query('SELECT $1::integer AS n', [3], 'number'))
    expect(row).toEqual({ n: 3 })
  })

  it('tells a statement that did nothing from one of which nobody knows', async () => {
    const errorOf = (sql: string): Promise<unknown> =>
      db.query(sql).then(
        () => null,
        (error: unknown) => error,
      )
    expect(wasRolledBack(await errorOf("INSERT INTO t VALUES ('a'), ('a')"))).toBe(true)
    expect(wasRolledBack(await errorOf("SET statement_timeout = '1ms'; SELECT pg_sleep(1)"))).toBe(true)
    expect(wasRolledBack(await errorOf('SELECT pg_terminate_backend(pg_backend_pid())'))).toBe(false)
    expect(wasRolledBack(new Error('connect ECONNREFUSED'))).toBe(false)
    expect(await keys()).toEqual([])
  })

  it('commits, runs hooks after the commit, returns the result', async () => {
    const seen: unknown[] = []
    const result = await db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push('committed'))
      await tx.query("INSERT INTO t VALUES ('a')")
      seen.push(await keys())
      return 7
    })
    expect(result).toBe(7)
    expect(seen).toEqual([[], 'committed'])
    expect(await keys()).toEqual(['a'])
  })

  it('rolls back on a throw, hooks included; a savepoint rolls back alone', async () => {
    const seen: string[] = []
    const broken = db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push('never'))
      await tx.query("INSERT INTO t VALUES ('a')")
      throw new Error('no')
    })
    await expect(broken).rejects.toThrow('no')
    await db.transaction(async (tx) => {
      await tx.query("INSERT INTO t VALUES ('b')")
      const inner = tx.savepoint(async () => {
        tx.afterCommit(() => seen.push('never'))
        await tx.query("INSERT INTO t VALUES ('b')")
      })
      await expect(inner).rejects.toMatchObject({ code: '23505' })
      await tx.query("INSERT INTO t VALUES ('c')")
    })
    expect(await keys()).toEqual(['b', 'c'])
    expect(seen).toEqual([])
  })

  it('refuses a hook after the end', async () => {
    const tx = await db.transaction((open) => Promise.resolve(open))
    expect(() => tx.afterCommit(() => {})).toThrow(expect.objectContaining({ code: 'no-transaction' }))
  })

  it('gives a snapshot that does not move', async () => {
    await db.query("INSERT INTO t VALUES ('a')")
    const snapshot = await db.snapshot()
    await db.query("INSERT INTO t VALUES ('b')")
    expect(await snapshot.query('SELECT k FROM t')).toEqual([{ k: 'a' }])
    await snapshot[Symbol.asyncDispose]()
    await snapshot[Symbol.asyncDispose]()
    expect(await keys()).toEqual(['a', 'b'])
  })

  it('migrates each name once, also when several start together', async () => {
    const scripts = ['CREATE TABLE m1 (x int)', 'CREATE TABLE m2 (x int)']
    await Promise.all([migrate(db, 'm', scripts), migrate(db, 'm', scripts), migrate(db, 'other', [])])
    await migrate(db, 'm', [...scripts, 'CREATE TABLE m3 (x int)'])
    await expect(migrate(db, 'm', scripts)).rejects.toMatchObject({
      name: 'PostgresError',
      code: 'newer-schema',
    })
    await expect(
      migrate(db, 'broken', ['CREATE TABLE m4 (x int)', 'CREATE TABLE m4 (x int)']),
    ).rejects.toThrow(/exists/)
    await migrate(db, 'broken', ['CREATE TABLE m4 (x int)'])
  })

  it('survives a connection that the server ends', async () => {
    const ended = db.transaction((tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())'))
    await expect(ended).rejects.toThrow(/terminat/)
    expect(await db.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('migrates without a right to make tables what needs no migration', async () => {
    await migrate(db, 'looked at', ['CREATE TABLE m8 (x int)'])
    const looking = openDatabase({
      url: server!.url,
      schema,
      onConnect: async (connection) =>
        void (await connection.query('SET default_transaction_read_only = on')),
    })
    await migrate(looking, 'looked at', ['CREATE TABLE m8 (x int)'])
    expect((await schemaVersions(looking)).get('looked at')).toBe(1)
    await expect(migrate(looking, 'looked at', ['', 'CREATE TABLE m9 (x int)'])).rejects.toThrow('read-only')
    await looking.close()
  })

  it('runs nothing on a connection that its hook refuses', async () => {
    let refuse = true
    const guarded = openDatabase({
      url: server!.url,
      onConnect: () => (refuse ? Promise.reject(new Error('not now')) : Promise.resolve()),
    })
    await expect(guarded.query('SELECT 1')).rejects.toThrow('not now')
    refuse = false
    expect(await guarded.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    await guarded.close()
  })

  it('lets who holds a connection go before it closes', async () => {
    const held = openDatabase({ url: server!.url })
    const client = await held.pool.connect()
    const order: string[] = []
    held.beforeClose(async () => {
      await client.query('SELECT 1')
      client.release()
      order.push('let go')
    })
    held.beforeClose(() => Promise.reject(new Error('it failed')))
    held.beforeClose(() => Promise.reject(new Error('taken back')))()
    await expect(held.close()).rejects.toThrow('it failed')
    expect(order).toEqual(['let go'])
    expect([held.pool.ended, held.pool.totalCount]).toEqual([true, 0])
  })
})

it('a server that takes connections and says nothing is given up in time', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const db = openDatabase({ url: `postgres://one@127.0.0.1:${port}/one`, poolSize: 1, connectTimeout: 100 })
  try {
    const asked = await Promise.allSettled([db.query('SELECT 1'), db.transaction(async () => {})])
    expect(asked.map((one) => (one as PromiseRejectedResult).reason.message)).toEqual([
      expect.stringMatching(
        /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout)$/,
      ),
      'timeout exceeded when trying to connect',
    ])
    await db.close()
  } finally {
    for (const socket of sockets) socket.destroy()
    silent.close()
  }
}, 5000)
