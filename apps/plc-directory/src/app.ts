// The composition root: the only place that wires the directory's parts.
import { openDatabase, type Database } from '@avocet/sqlite'
import { PlcDirectoryError } from './error.ts'
import { createHttp } from './http.ts'
import { listen } from './listen.ts'
import { openOperationStore, type OperationStore } from './store.ts'
import { createSubmit, DEFAULT_RATE_LIMITS, type RateLimits } from './submit.ts'
import { readVersion } from './version.ts'

export { PlcDirectoryError, type PlcDirectoryErrorCode } from './error.ts'
export { DEFAULT_RATE_LIMITS, type RateLimits } from './submit.ts'

/** Options of {@link createPlcDirectory}. */
export interface PlcDirectoryOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** The address to listen on; default `127.0.0.1`. */
  readonly hostname?: string
  /** A SQLite file (its folder is made), or `':memory:'`, which is the default. */
  readonly databasePath?: string
  /** Operations per DID; default {@link DEFAULT_RATE_LIMITS}; null for none. */
  readonly rateLimits?: RateLimits | null
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
  /** Told of internal faults, which clients see as status 500. */
  readonly onError?: (error: unknown) => void
}

/** A running directory. */
export interface PlcDirectory extends AsyncDisposable {
  /** `http://host:port` */
  readonly url: string
  readonly port: number
  /** Answers a request without a socket. */
  fetch(request: Request): Promise<Response>
  /** Ends running requests, makes everything durable, closes. */
  close(): Promise<void>
}

/**
 * Starts a did:plc directory.
 * @throws {PlcDirectoryError} `port-in-use`, `listen-failed`, `data-unusable`
 */
export async function createPlcDirectory(options: PlcDirectoryOptions): Promise<PlcDirectory> {
  const {
    port,
    hostname = '127.0.0.1',
    databasePath = ':memory:',
    now = Date.now,
    onError = ignore,
  } = options
  const { db, store } = open(databasePath)
  const submit = createSubmit(db, store, {
    now,
    rateLimits: options.rateLimits === undefined ? DEFAULT_RATE_LIMITS : options.rateLimits,
  })
  const http = createHttp({ store, submit, version: readVersion(), onError })
  const answer = async (request: Request): Promise<Response> => http.fetch(request)
  let closed: Promise<void> | undefined
  try {
    const server = await listen(answer, { port, hostname })
    const close = (): Promise<void> => (closed ??= server.close().then(() => db.close()))
    return { url: server.url, port: server.port, fetch: answer, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    db.close()
    throw error
  }
}

function open(path: string): { db: Database; store: OperationStore } {
  let db: Database | undefined
  try {
    db = openDatabase({ path })
    return { db, store: openOperationStore(db) }
  } catch (cause) {
    db?.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PlcDirectoryError('data-unusable', `cannot use the database ${path}: ${why}`, { cause })
  }
}

function ignore(): void {}
