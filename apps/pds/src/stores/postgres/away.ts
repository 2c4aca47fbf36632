// https://www.postgresql.org/docs/current/errcodes-appendix.html
import type { PostgresDatabase, Queryable } from '@avocet/postgres'

/** The server of the database cannot be reached now, or cannot do its work. It may be back in a moment. */
export class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway'
}

/** What the system says of a connection that was not made, or is lost. */
const SYSTEM: ReadonlySet<unknown> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
])
/** What `pg` says of a connection that is lost: it has no codes. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/

/** What an error of `pg` says of the server, for the operator; null when it is about what was asked. */
function reasonOf(error: unknown): string | null {
  const { code, message } = error as { code?: unknown; message: string }
  if (SYSTEM.has(code) || LOST.test(message))
    return `the Postgres server cannot be reached: ${message || String(code)}`
  // Class 08: the connection. 57P: it is starting or stopping. 53: it is out of something. 58: its disk. 25006: a standby.
  if (typeof code === 'string' && /^(08...|57P..|53...|58...|25006)$/.test(code)) {
    return `the Postgres server cannot do its work: ${message}`
  }
  return null
}

async function told<T>(task: Promise<T>): Promise<T> {
  try {
    return await task
  } catch (error) {
    const reason = reasonOf(error)
    throw reason === null ? error : new DatabaseAway(reason, { cause: error })
  }
}

/** The same database; what fails since its server is away is a DatabaseAway, which no failure of another service is taken for. */
export function tellingAway(db: PostgresDatabase): PostgresDatabase {
  const query =
    (target: Queryable): Queryable['query'] =>
    (...asked) =>
      told(target.query(...asked))
  return {
    ...db,
    query: query(db),
    transaction: (work, options) => told(db.transaction(work, options)),
    snapshot: async () => {
      const view = await told(db.snapshot())
      return { ...view, query: query(view) }
    },
  }
}
