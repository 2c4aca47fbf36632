import type { PostgresPlace } from './config.ts'
import type { Draft, Setting } from './setting.ts'
import { bad, integer, SettingError } from './values.ts'

const NAME = 'PDS_DB_POSTGRES_URL'
/** Connections of one process unless it is said otherwise. */
const POOL_SIZE = 20

/** Settings of a database that is elsewhere. */
export const DATABASE_SETTINGS: readonly Setting[] = [
  {
    env: NAME,
    description: 'Postgres database for all but blobs, which several processes may share',
    default: 'none: SQLite in <data>',
    apply: (text, { postgres }) => (postgres.url = postgresUrl(text)),
  },
  {
    env: 'PDS_DB_POSTGRES_SCHEMA',
    description: 'its schema, made if it is not there',
    default: 'public',
    apply: (text, { postgres }) => (postgres.schema = schemaName(text)),
  },
  {
    env: 'PDS_DB_POSTGRES_POOL_SIZE',
    description: 'connections of one process to it',
    default: String(POOL_SIZE),
    apply: (text, { postgres }) => (postgres.poolSize = integer(text, 4, 1000)),
  },
]

/** The database that the settings name, or null. @throws SettingError for a part without its whole */
export function postgresOf(
  { postgres }: Draft,
  env: Readonly<Record<string, string | undefined>>,
): PostgresPlace | null {
  const { url, schema = null, poolSize = POOL_SIZE } = postgres
  if (url !== undefined) return { url, schema, poolSize }
  const lone = DATABASE_SETTINGS.find(({ env: name }) => name !== NAME && (env[name] ?? '') !== '')
  if (lone === undefined) return null
  throw new SettingError(lone.env, `${lone.env}: it belongs to ${NAME}, which is not set`)
}

/** Whether a text names a Postgres database. */
export const isPostgresUrl = (text: string): boolean => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text)

/** It may hold a password, so it is not shown. */
function postgresUrl(text: string): string {
  if (!isPostgresUrl(text)) {
    bad('postgres://user:password@host:5432/database', '…')
  }
  return text
}

/** The name of a schema. @throws SettingError */
export function schemaName(text: string): string {
  return /^[a-z_][a-z0-9_]{0,62}$/.test(text) ? text : bad('a name of a-z, 0-9 and _', text)
}
