// https://www.postgresql.org/docs/current/errcodes-appendix.html
import { PostgresError } from '@avocet/postgres'

import { DatabaseAway } from './away.ts'

/** The database cannot be used; the message says why and what to do, for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/** The oldest version that is supported. */
const MIN_VERSION = 15

/** Where a connection string leads, without what is secret in it. */
export function placeOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams, username } = new URL(url)
    const host = searchParams.get('host') ?? (hostname === '' ? 'localhost' : hostname)
    const user = username === '' ? '' : ` user=${decodeURIComponent(username)}`
    return `host=${host} port=${port === '' ? '5432' : port} database=${pathname.slice(1)}${user}`
  } catch {
    return 'PDS_DB_POSTGRES_URL'
  }
}

/** What to do about failures of a system call on the way to the server. */
const SYSTEM: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'Start it, or correct host and port in PDS_DB_POSTGRES_URL'],
  ['ENOTFOUND', 'Correct the host in PDS_DB_POSTGRES_URL: there is no such name'],
  ['EAI_AGAIN', 'The name of the host cannot be looked up now: look at the name servers of this machine'],
  ['ENOENT', 'There is no socket in this folder: start the server, or correct host in PDS_DB_POSTGRES_URL'],
  [
    'ETIMEDOUT',
    'Nothing answers there: look at the host in PDS_DB_POSTGRES_URL, and at firewalls in between',
  ],
  ['ECONNRESET', 'It closed the connection: look at its log, and whether it wants TLS (?sslmode=require)'],
])

/** What a failure to open the database is, as the operator should read it; other errors as they are. */
export function explained(error: unknown, url: string): unknown {
  if (error instanceof StoreError) return error
  if (error instanceof DatabaseAway) return explained(error.cause, url)
  const place = placeOf(url)
  if (error instanceof PostgresError && error.code === 'newer-schema') {
    return failure('the database was upgraded by a newer version of this program', place, error, [
      `${error.message}: start the newer version again, or restore the dump that was made before the upgrade`,
    ])
  }
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  const system = SYSTEM.get(code)
  if (system !== undefined) return failure('cannot reach the Postgres server', place, error, [system])
  switch (code) {
    case '28P01':
      return failure('the Postgres server refuses the password', place, error, [
        'Correct user and password in PDS_DB_POSTGRES_URL (characters such as @ and / are written %40 and %2F)',
      ])
    case '28000':
      return failure('the Postgres server lets this user not in from here', place, error, [
        `${message}: correct the user in PDS_DB_POSTGRES_URL, or pg_hba.conf of the server`,
      ])
    case '3D000':
      return failure('there is no such database', place, error, [
        'Make it: createdb --encoding=UTF8 <database>, or correct PDS_DB_POSTGRES_URL',
      ])
    case '3F000':
    case '42501':
      return failure('this user may not make tables in the database', place, error, [
        `${message}: as its owner, run: GRANT CREATE ON DATABASE … TO …, and GRANT ALL ON SCHEMA … TO …`,
      ])
    case '53300':
    case '57P03':
      return failure('the Postgres server takes no connection at the moment', place, error, [
        `${message}: raise max_connections there, or lower PDS_DB_POSTGRES_POOL_SIZE`,
      ])
    default:
      return /SSL|TLS|certificate/i.test(message)
        ? failure('no secure connection to the Postgres server', place, error, [
            `${message}: look at sslmode in PDS_DB_POSTGRES_URL`,
          ])
        : error
  }
}

/** Refuses a server that is too old, or a database that cannot hold every text. @throws StoreError */
export function checkServer(version: number, encoding: string, url: string): void {
  const major = Math.floor(version / 10_000)
  if (major < MIN_VERSION) {
    throw failure(
      `Postgres ${MIN_VERSION} or newer is needed, this one is ${major}`,
      placeOf(url),
      undefined,
      ['Upgrade the server with pg_upgrade, or name another one in PDS_DB_POSTGRES_URL'],
    )
  }
  if (encoding !== 'UTF8') {
    throw failure(`the database must be in UTF8, this one is in ${encoding}`, placeOf(url), undefined, [
      'Make another: createdb --encoding=UTF8 --template=template0 <database>',
    ])
  }
}

/** A failure and what to do about it. */
function failure(what: string, place: string, cause: unknown, next: readonly string[]): StoreError {
  return new StoreError([`${what}; ${place}`, ...next].join('\n'), { cause })
}
