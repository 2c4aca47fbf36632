import type { PdsConfig } from '../config/config.ts'
import { CommandError } from '../terminal.ts'

/** What to do instead, where everything is on Postgres. */
const INSTEAD = {
  backup:
    'Back the database up by pg_dump --format=custom (or by its own archive of the log), then the blobs, then secrets.json',
  restore:
    'Put the database back by pg_restore, then blobs and secrets.json, and run "avocet-pds announce-restored" before the server starts',
  rollback: 'Put back the dump that was made before the upgrade, by pg_restore',
  adopt: 'Remove PDS_DB_POSTGRES_URL and take the server over into a data directory',
} as const

/** Refuses a command that works on the files of SQLite. @throws CommandError that says what to do instead */
export function requireSqlite({ postgres }: PdsConfig, command: keyof typeof INSTEAD): void {
  if (postgres === null) return
  throw new CommandError(
    `avocet-pds ${command} is for a server on SQLite, and PDS_DB_POSTGRES_URL is set\n${INSTEAD[command]}`,
  )
}
