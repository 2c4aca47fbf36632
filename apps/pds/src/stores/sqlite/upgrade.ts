import { readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { ACCOUNT_SCHEMA, openAccountStore } from '@avocet/accounts/sqlite'
import { RECORD_SCHEMA } from '@avocet/repo-server/sqlite'
import { REPO_SCHEMA } from '@avocet/repo-sqlite'
import { EVENT_LOG_SCHEMA } from '@avocet/sequencer/sqlite'
import { migrate, schemaVersions, type Database, type SchemaPart } from '@avocet/sqlite'

import type { PdsConfig } from '../../config/config.ts'
import { DATABASE_FILE } from '../../config/data-directory.ts'
import { DataDirectoryError } from '../../config/secrets.ts'
import type { Logger } from '../../logger.ts'
import { DEVICE_MIGRATIONS } from './device-schema.ts'
import { OAUTH_MIGRATIONS } from './oauth.ts'
import { OPERATOR_MIGRATIONS } from './operator.ts'
import { OPERATION_MIGRATIONS } from './operation-schema.ts'
import { HOSTING_MIGRATIONS } from './hosting-schema.ts'

/** The tables of this app; stores of packages bring their own. */
const TABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ['operations', OPERATION_MIGRATIONS],
  ['hosting', HOSTING_MIGRATIONS],
  ['devices', DEVICE_MIGRATIONS],
  ['oauth', OAUTH_MIGRATIONS],
  ['operator', OPERATOR_MIGRATIONS],
])

/** Every part of the database, at the version this program knows. */
export const SCHEMA: readonly SchemaPart[] = [
  ...Array.from(TABLES, ([name, migrations]) => ({ name, version: migrations.length })),
  ACCOUNT_SCHEMA,
  RECORD_SCHEMA,
  REPO_SCHEMA,
  EVENT_LOG_SCHEMA,
]

/** Brings the tables of this app to their newest version, once the stores of packages have opened: they do the same with theirs. */
export function migrateSchema(db: Database): void {
  // Those of accounts, which this app's refer to, come first: opening them makes them.
  openAccountStore(db)
  for (const [name, migrations] of TABLES) migrate(db, name, migrations)
}

/** Folder of the copies, in the data directory. */
const UPGRADE_FOLDER = 'before-upgrade'

/**
 * Gets ready for the migrations that opening the stores runs: refuses a database of a newer program, and copies one of an
 * older program as it is to `<data>/before-upgrade`, where the newest `upgradeBackups` copies stay. Migrations go one way
 * only: such a copy is the way back.
 * @returns the path of the copy, null when nothing is to be migrated
 * @throws DataDirectoryError when the database is newer, or there is no room for the copy
 */
export async function prepareUpgrade(
  db: Database,
  config: PdsConfig,
  log: Logger,
  known: readonly SchemaPart[] = SCHEMA,
  now: Date = new Date(),
  freeBytes: (folder: string) => number = freeOnDisk,
): Promise<string | null> {
  const versions = schemaVersions(db)
  refuseNewer(versions, known, join(config.dataDirectory, UPGRADE_FOLDER))
  const pending = known.filter(({ name, version }) => (versions.get(name) ?? 0) < version)
  if (versions.size === 0 || pending.length === 0) return null
  const parts = pending
    .map(({ name, version }) => `${name} ${versions.get(name) ?? 0} → ${version}`)
    .join(', ')
  if (config.upgradeBackups === 0) {
    log.warn({ parts }, 'the database is upgraded without a copy of it')
    return null
  }
  const folder = join(config.dataDirectory, UPGRADE_FOLDER)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const needed = statSync(join(config.dataDirectory, DATABASE_FILE)).size
  const free = freeBytes(folder)
  if (free < needed) {
    throw new DataDirectoryError(
      `no room to copy the database before it is upgraded; needed=${needed} free=${free} path=${folder}\n` +
        'Free some, or make a backup elsewhere and set PDS_UPGRADE_BACKUPS=0',
    )
  }
  const path = join(folder, `${now.toISOString().replaceAll(/[:.]/g, '-')}.sqlite`)
  log.info({ parts, path }, 'copying the database before it is upgraded')
  const temporary = `${path}.tmp`
  await rm(temporary, { force: true })
  db.raw.prepare('VACUUM INTO ?').run(temporary)
  await sync(temporary)
  await rename(temporary, path)
  await sync(folder)
  keepNewest(folder, config.upgradeBackups)
  log.info({ path }, 'the copy is complete, upgrading the database')
  return path
}

function refuseNewer(
  versions: ReadonlyMap<string, number>,
  known: readonly SchemaPart[],
  folder: string,
): void {
  const newer = known.filter(({ name, version }) => (versions.get(name) ?? 0) > version)
  if (newer.length === 0) return
  const parts = newer.map(({ name, version }) => `${name} ${versions.get(name)}, known ${version}`).join('; ')
  throw new DataDirectoryError(
    `the database was upgraded by a newer version of this program (${parts})\n` +
      `Start the newer version again; to go back for good, put the copy made before the upgrade in its place with: ` +
      `avocet-pds rollback <a file of ${folder}>`,
  )
}

const freeOnDisk = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

function keepNewest(folder: string, count: number): void {
  const copies = readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite'))
    .toSorted()
  for (const name of copies.slice(0, -count)) rmSync(join(folder, name))
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}
