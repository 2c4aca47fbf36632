// https://nodejs.org/docs/latest-v24.x/api/sqlite.html
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { createCheckpointer, NO_CHECKPOINTS } from './checkpointer.ts'
import { isSyncFailure } from './durability.ts'
import { SqliteError } from './error.ts'
import { closeWithoutCheckpoint, openDurability, openHandle, type DatabaseOptions } from './handle.ts'
import { createPrepare } from './statements.ts'

/** One open SQLite database. */
export interface Database {
  /** The handle below, for what this interface does not cover. Do not BEGIN or COMMIT on it. */
  readonly raw: DatabaseSync
  /** The prepared statement of this SQL text, prepared once per database (the 256 latest used are kept, at least). */
  prepare(sql: string): StatementSync
  /**
   * Runs `fn` in a transaction (BEGIN IMMEDIATE), or in a savepoint when one is open, and returns its result once the
   * commit is durable. A throw rolls back what `fn` did and is rethrown.
   * @throws {SqliteError} `async-transaction`, `sync-failed`, `closed`
   */
  transaction<T>(fn: () => T): T
  /**
   * Runs `fn`, which only reads, on one state of the database, and returns its result. Each statement outside of a transaction
   * takes and gives back a lock on the file, which costs more than reading a row.
   * @throws {SqliteError} `async-transaction`
   */
  read<T>(fn: () => T): T
  /**
   * Group commit: `fn` runs soon, synchronously, in a savepoint of a transaction it shares with every other write
   * queued meanwhile; the promise resolves when that commit is durable. One sync of the disk serves them all, and it
   * does not block the event loop. A throw rolls back its own savepoint only and rejects its own promise only.
   * Writes run in the order of the calls.
   */
  write<T>(fn: () => T): Promise<T>
  /**
   * Called inside a transaction: `fn` runs once after its commit is durable, before the promise of `write` resolves,
   * in commit order. Forgotten if the transaction or the savepoint around the call rolls back.
   * @throws {SqliteError} `no-transaction`
   */
  afterCommit(fn: () => void): void
  /**
   * How many transactions and savepoints were rolled back so far. Who keeps in memory what rows say, changes both in one
   * transaction, and finds another number than at the last look, must read the rows again.
   */
  rollbacks(): number
  /** How many calls of `write` are not on the disk yet. */
  pending(): number
  /** Runs what is queued, makes it durable, closes the file. A second call does nothing. */
  close(): void
  [Symbol.dispose](): void
}

interface PendingWrite {
  readonly run: () => void
  readonly durable: () => void
  readonly reject: (error: unknown) => void
}

/** Work in one shared transaction, in milliseconds, after which the event loop has its turn. */
const sliceMs = 10

/** Opens (and if need be makes) a database in WAL mode with foreign keys on. */
export function openDatabase(options: DatabaseOptions): Database {
  const { path, readOnly = false } = options
  const raw = openHandle(options)
  const durability = openDurability(raw, options, () => {
    // What is in the log is in doubt from now on: it must not be copied over good pages. Held writes are to be refused.
    checkpointer.close()
    if (scheduled) setImmediate(drain)
  })
  const checkpointer =
    path === ':memory:' || readOnly
      ? NO_CHECKPOINTS
      : createCheckpointer(
          raw,
          path,
          () => {
            if (scheduled) setImmediate(drain)
          },
          (cause) => void durability.fail(cause),
        )

  const prepare = createPrepare(raw)
  /** Prepared, since reading such a text takes as long as what it asks for. */
  const execute = (sql: string): void => void prepare(sql).run()
  let queue: PendingWrite[] = []
  let scheduled = false
  let depth = 0
  let hooks: (() => void)[] = []
  let closed = false
  let pending = 0
  let rollbacks = 0

  const runHooks = (list: readonly (() => void)[]): void => {
    for (const hook of list) {
      try {
        hook()
      } catch (error) {
        if (options.onHookError) options.onHookError(error)
        else
          queueMicrotask(() => {
            throw error
          })
      }
    }
  }

  const rollback = (): void => {
    rollbacks++
    try {
      if (raw.isTransaction) raw.exec('ROLLBACK')
    } catch {
      // The error that led here is the one to tell; a transaction that stays open refuses the next BEGIN.
    }
  }

  /** Commits. A sync of SQLite's own that fails in it is a failed sync like any other. */
  const commit = (): void => {
    try {
      execute('COMMIT')
    } catch (error) {
      throw isSyncFailure(error) ? durability.fail(error) : error
    }
    checkpointer.committed()
  }

  /** Runs `fn` in a savepoint; on a throw everything it did, hooks included, is undone. */
  const savepoint = <T>(fn: () => T): T => {
    const hooksBefore = hooks.length
    const name = `s${depth}`
    execute(`SAVEPOINT ${name}`)
    depth++
    try {
      const result = fn()
      refusePromise(result)
      execute(`RELEASE ${name}`)
      return result
    } catch (error) {
      hooks.length = hooksBefore
      rollbacks++
      if (raw.isTransaction) raw.exec(`ROLLBACK TO ${name}; RELEASE ${name}`)
      throw error
    } finally {
      depth--
    }
  }

  const takeHooks = (): (() => void)[] => {
    const taken = hooks
    hooks = []
    return taken
  }

  const transaction = <T>(fn: () => T): T => {
    if (depth > 0) return savepoint(fn)
    if (closed) throw new SqliteError('closed', `database is closed; path=${path}`)
    durability.check()
    execute('BEGIN IMMEDIATE')
    depth = 1
    let result: T
    try {
      result = fn()
      refusePromise(result)
      commit()
    } catch (error) {
      hooks = []
      rollback()
      throw error
    } finally {
      depth = 0
    }
    const committed = takeHooks()
    durability.flush()
    runHooks(committed)
    return result
  }

  const read = <T>(fn: () => T): T => {
    if (raw.isTransaction) return fn()
    prepare('BEGIN').run()
    try {
      const result = fn()
      refusePromise(result)
      return result
    } finally {
      // A read that found the file damaged may have ended it.
      if (raw.isTransaction) prepare('COMMIT').run()
    }
  }

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(drain)
  }

  /** Commits what is queued as one transaction; what would hold others up for long, in the next. */
  const drain = (): void => {
    if (checkpointer.isHolding()) return
    scheduled = false
    const batch = queue
    if (batch.length === 0) return
    queue = []
    const kept: PendingWrite[] = []
    let next = 0
    let end = batch.length
    const began = performance.now()
    try {
      durability.check()
      execute('BEGIN IMMEDIATE')
      depth = 1
      for (; next < end; next++) {
        const item = batch[next]!
        if (next > 0 && performance.now() - began >= sliceMs) {
          end = next
          break
        }
        try {
          // One alone needs no savepoint: the transaction is it.
          if (batch.length === 1) item.run()
          else savepoint(item.run)
          kept.push(item)
        } catch (error) {
          item.reject(error)
          if (batch.length === 1) {
            hooks = []
            rollback()
            return
          }
          // A full disk or an I/O error makes SQLite roll the whole transaction back, earlier savepoints included.
          if (!raw.isTransaction) {
            next++
            throw new SqliteError('transaction-lost', `shared transaction was rolled back; path=${path}`, {
              cause: error,
            })
          }
        }
      }
      commit()
    } catch (error) {
      hooks = []
      rollback()
      for (const item of kept) item.reject(error)
      for (const item of batch.slice(next, end)) item.reject(error)
      return
    } finally {
      depth = 0
      if (end < batch.length) {
        queue = [...batch.slice(end), ...queue]
        schedule()
      }
    }
    const committed = takeHooks()
    durability.wait({
      done: () => {
        runHooks(committed)
        for (const item of kept) item.durable()
      },
      failed: (error) => {
        for (const item of kept) item.reject(error)
      },
    })
  }

  const write = <T>(fn: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (closed) return reject(new SqliteError('closed', `database is closed; path=${path}`))
      let result: T
      pending++
      queue.push({
        run: () => {
          result = fn()
          refusePromise(result)
        },
        durable: () => {
          pending--
          resolve(result)
        },
        reject: (error) => {
          pending--
          reject(error)
        },
      })
      schedule()
    })

  const close = (): void => {
    if (closed) return
    if (depth > 0) throw new SqliteError('no-transaction', 'close was called inside a transaction')
    checkpointer.close()
    do drain()
    while (queue.length > 0)
    closed = true
    try {
      durability.flush()
      raw.close()
    } catch (error) {
      if (raw.isOpen) closeWithoutCheckpoint(raw, path)
      throw error
    } finally {
      durability.close()
    }
  }

  return {
    raw,
    prepare,
    transaction,
    read,
    write,
    rollbacks: () => rollbacks,
    pending: () => pending,
    afterCommit(fn) {
      if (depth === 0) throw new SqliteError('no-transaction', 'afterCommit was called outside a transaction')
      hooks.push(fn)
    },
    close,
    [Symbol.dispose]: close,
  }
}

function refusePromise(value: unknown): void {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function') {
    // Whatever becomes of it: what counts is the error thrown here.
    Promise.resolve(value).catch(() => {})
    throw new SqliteError(
      'async-transaction',
      'a transaction function must be synchronous, it returned a promise',
    )
  }
}
