// https://node-postgres.com, https://www.postgresql.org/docs/current/transaction-iso.html
import { Pool, type ClientBase, type PoolClient } from 'pg'
import { PostgresError } from './error.ts'

/** A row of a result: values by column name. `bigint` columns come as strings, `bytea` as Buffers. */
export type Row = Record<string, unknown>

/** Something that runs SQL: the pool as a whole, or one transaction. */
export interface Queryable {
  /**
   * @param values for `$1`, `$2`, …; a `Uint8Array` is `bytea`.
   * @param name of a statement that comes again and again: each connection parses it once. One name is always the same statement.
   */
  query(sql: string, values?: readonly unknown[], name?: string): Promise<Row[]>
}

/** One open transaction. Queries on it run one after the other. */
export interface Transaction extends Queryable {
  /** Runs `work` in a savepoint: a throw undoes only what `work` did, and is rethrown. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
  /**
   * `fn` runs once after the commit, before `transaction` resolves; never if it rolls back.
   * @throws {PostgresError} `no-transaction`
   */
  afterCommit(fn: () => void): void
}

/** Options of {@link openDatabase}. */
export interface DatabaseOptions {
  /** A connection string, `postgres://user:password@host:port/database`. */
  readonly url: string
  /** Most connections. Default 10. */
  readonly poolSize?: number
  /** Tables are looked up and made in this schema. Default: what the server says (`public`). */
  readonly schema?: string
  /** Milliseconds a statement may take. Default: no limit. */
  readonly statementTimeout?: number
  /**
   * Milliseconds to wait for a connection: a new one, or one of the pool that others have. Default 30 000. What takes longer fails with
   * `timeout exceeded when trying to connect`, so that a server that went silent holds nobody for ever.
   */
  readonly connectTimeout?: number
  /** Called when an `afterCommit` hook throws, or an idle connection breaks. Default: hooks' errors are thrown from a microtask. */
  readonly onError?: (error: unknown) => void
  /** Called with each new connection, before anything else runs on it. What it throws is what the query for it fails with. */
  readonly onConnect?: (connection: Queryable) => Promise<void>
}

/** A pool of connections to one Postgres database. */
export interface PostgresDatabase extends Queryable, AsyncDisposable {
  /** The pool below, for what this interface does not cover. */
  readonly pool: Pool
  /** Runs `work` in a transaction and commits; a throw rolls back and is rethrown. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Opens a read-only view of one moment on a connection of its own. Dispose of it soon: it keeps old rows alive. */
  snapshot(): Promise<Queryable & AsyncDisposable>
  /**
   * `fn` runs when the database is closed, before its connections are: for who holds one of them, and would be waited for.
   * What it throws is what `close` throws, once all is closed. Returns what takes it back.
   */
  beforeClose(fn: () => Promise<void>): () => void
  /** Calls those of `beforeClose`, waits for what is running, then closes all connections. A second call does nothing. */
  close(): Promise<void>
}

/** Options of a transaction. */
export interface TransactionOptions {
  /** Default `read-committed`. */
  readonly isolation?: 'read-committed' | 'repeatable-read' | 'serializable'
}

const isolationLevels = {
  'read-committed': 'READ COMMITTED',
  'repeatable-read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const

/** Opens a database. Connections are made when they are needed. */
export function openDatabase(options: DatabaseOptions): PostgresDatabase {
  const {
    url,
    poolSize = 10,
    connectTimeout = 30_000,
    schema,
    statementTimeout,
    onError,
    onConnect,
  } = options
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeout,
    // Of a machine that is gone without a word the system learns by asking.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(statementTimeout === undefined ? {} : { statement_timeout: statementTimeout }),
    ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
    ...(onConnect === undefined
      ? {}
      : { onConnect: (client) => onConnect({ query: (sql, values) => run(client, sql, values) }) }),
  })
  // Without listeners the loss of a connection would end the process. The query under way, if any, fails by itself, and
  // the pool makes a new connection.
  pool.on('error', (error) => onError?.(error))
  pool.on('connect', (client) => client.on('error', (error) => onError?.(error)))
  let closing: Promise<void> | null = null

  const runHooks = (hooks: readonly (() => void)[]): void => {
    for (const hook of hooks) {
      try {
        hook()
      } catch (error) {
        if (onError) onError(error)
        else
          queueMicrotask(() => {
            throw error
          })
      }
    }
  }
  const closers = new Set<() => Promise<void>>()
  const closeAll = async (): Promise<void> => {
    const closed = await Promise.allSettled([...closers].map((fn) => fn()))
    await pool.end()
    const failed = closed.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }
  const close = (): Promise<void> => (closing ??= closeAll())

  return {
    pool,
    query: (sql, values, name) => run(pool, sql, values, name),
    async transaction(work, { isolation = 'read-committed' } = {}) {
      const client = await pool.connect()
      const hooks: (() => void)[] = []
      let open = true
      let broken: Error | undefined
      const tx = createTransaction(client, hooks, () => open)
      try {
        await client.query(`BEGIN ISOLATION LEVEL ${isolationLevels[isolation]}`)
        const result = await work(tx)
        open = false
        await client.query('COMMIT')
        runHooks(hooks)
        return result
      } catch (error) {
        open = false
        // A connection that cannot even roll back is thrown away.
        await client.query('ROLLBACK').catch((cause: unknown) => (broken = toError(cause)))
        throw error
      } finally {
        client.release(broken)
      }
    },
    async snapshot() {
      const client = await pool.connect()
      try {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        // The view is of the moment of the first query: that is now.
        await client.query('SELECT 1')
      } catch (error) {
        client.release(toError(error))
        throw error
      }
      let open = true
      return {
        query: (sql, values, name) => run(client, sql, values, name),
        async [Symbol.asyncDispose]() {
          if (!open) return
          open = false
          let broken: Error | undefined
          await client.query('ROLLBACK').catch((cause: unknown) => (broken = toError(cause)))
          client.release(broken)
        },
      }
    },
    beforeClose(fn) {
      closers.add(fn)
      return () => void closers.delete(fn)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function createTransaction(client: PoolClient, hooks: (() => void)[], isOpen: () => boolean): Transaction {
  let depth = 0
  return {
    query: (sql, values, name) => run(client, sql, values, name),
    async savepoint(work) {
      const name = `s${depth++}`
      const hooksBefore = hooks.length
      await client.query(`SAVEPOINT ${name}`)
      try {
        const result = await work()
        await client.query(`RELEASE SAVEPOINT ${name}`)
        return result
      } catch (error) {
        hooks.length = hooksBefore
        await client.query(`ROLLBACK TO SAVEPOINT ${name}`)
        throw error
      } finally {
        depth--
      }
    },
    afterCommit(fn) {
      if (!isOpen()) throw new PostgresError('no-transaction', 'afterCommit was called after the transaction')
      hooks.push(fn)
    },
  }
}

async function run(
  target: Pool | ClientBase,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<Row[]> {
  const bound = values.map((value) => bind(value))
  const result = await (name === undefined
    ? target.query<Row>(text, bound)
    : target.query<Row>({ name, text, values: bound }))
  return result.rows
}

/** `pg` takes Buffers for `bytea`, and would turn other byte arrays into JSON. */
function bind(value: unknown): unknown {
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  if (!Array.isArray(value)) return value
  // `pg` quotes each item, which takes longer than all the rest of a statement with many numbers.
  if (value.every((item) => typeof item === 'number')) return `{${value.join(',')}}`
  return value.map((item) => bind(item))
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}
