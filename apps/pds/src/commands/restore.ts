import { constants, createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { DatabaseSync } from 'node:sqlite'

import type { BlobStore } from '@avocet/blobs'
import { blobFolderName } from '@avocet/blobs/disk'
import { readAccounts } from '@avocet/accounts/sqlite'
import { openRepoServerStore } from '@avocet/repo-server/sqlite'
import { advanceSeq } from '@avocet/sequencer/sqlite'
import { openDatabase, schemaVersions } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { createAuditLog } from '../audit/audit-log.ts'
import { bucketName, openBlobs } from '../blobs/blob-place.ts'
import { bytesOfFile } from '../blobs/file-bytes.ts'
import { resolveConfig, type PdsConfig, type PdsOptions } from '../config/config.ts'
import { blobFolder, DATABASE_FILE } from '../config/data-directory.ts'
import { rotationDidKey } from '../config/rotation-key.ts'
import { lockDataDirectory } from '../config/server-lock.ts'
import { openAudit } from '../stores/sqlite/audit.ts'
import { migrateSchema, SCHEMA } from '../stores/sqlite/upgrade.ts'
import { CommandError, counted } from '../terminal.ts'
import { announceAll } from './announce-all.ts'
import { BACKUP_FILES, eachOf, OF_ACCOUNTS, type Manifest } from './backup-format.ts'
import type { Report } from './backup.ts'
import { requireSqlite } from './only-sqlite.ts'
import { verifyBackup } from './verify-backup.ts'

/** Numbers left out: those of events sent after the copy was made must never come again for other events. */
const SEQ_MARGIN = 1_000_000
const COPIES_AT_A_TIME = 8
/** What may lie in the data directory before a restore. */
const SETUP: ReadonlySet<string> = new Set(['backups', 'caddy', 'lost+found', 'pds.env'])

/**
 * Puts a backup, once it is checked whole, where the settings say: the database and secrets into the data directory, blobs
 * into their folder, both empty before. Its event numbers go on above a margin, and every account is announced anew.
 * @param newKeys go on without the rotation key, with a new one
 * @throws CommandError
 */
export async function restore(
  options: PdsOptions,
  source: string,
  report: Report,
  newKeys = false,
): Promise<void> {
  const config = resolveConfig(options)
  requireSqlite(config, 'restore')
  await report('checking the backup')
  const manifest = await verifyBackup(source)
  await requireEmpty(config.dataDirectory, [...SETUP])
  await requireEmpty(blobFolder(config), ['lost+found', 'temporary', 'removed'])
  if (manifest.bucket !== undefined && config.blobBucket === null) {
    throw new CommandError(
      `the blobs of this backup are not in it but in ${manifest.bucket}: set PDS_BLOBSTORE_S3_BUCKET and what belongs to it`,
    )
  }
  await checkRotationKey(config, manifest, source, newKeys)

  await mkdir(config.dataDirectory, { recursive: true, mode: 0o700 })
  await placeBlobs(config, manifest, source, report)
  if (manifest.secrets) {
    await copyDurably(join(source, BACKUP_FILES.secrets), join(config.dataDirectory, BACKUP_FILES.secrets))
  }
  if (!manifest.secrets && config.jwtSecret === null) {
    await report('PDS_JWT_SECRET is not given and not in the backup: everybody will have to sign in again')
  }
  // Under another name until all is done: a server started meanwhile refuses the directory.
  const path = join(config.dataDirectory, `${DATABASE_FILE}.restoring`)
  await copyDurably(join(source, BACKUP_FILES.database), path)
  await report('announcing the accounts')
  const announced = await catchUp(path, 0, 'backup restored', report)
  await putInPlace(path, config.dataDirectory)
  await report(`restored; ${announced}; the backup was made at ${manifest.madeAt}`)
}

/**
 * Puts the copy of the database that was made before an upgrade in its place; the present one stays beside it. What was
 * written since is lost, files of blobs stay. For the version of the program that the copy belongs to.
 * @throws CommandError, and DataDirectoryError while a server uses the data
 */
export async function rollback(options: PdsOptions, copy: string, report: Report): Promise<void> {
  const config = resolveConfig(options)
  requireSqlite(config, 'rollback')
  await refuseRunning(config)
  if (!(await exists(copy))) throw new CommandError(`no database here; path=${copy}`)
  checkCopy(copy)
  using held = new DisposableStack()
  // A server may listen elsewhere than these settings say.
  held.use(lockDataDirectory(config.dataDirectory))
  const present = join(config.dataDirectory, DATABASE_FILE)
  const path = `${present}.restoring`
  await copyDurably(copy, path)
  const newest = (await exists(present)) ? newestEvent(present) : 0
  const announced = await catchUp(path, newest, 'database rolled back', report)
  if (await exists(present)) {
    const aside = `${present}.replaced-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
    // Closing the only connection writes its log back, so that the file is whole without it.
    openDatabase({ path: present }).close()
    await rename(present, aside)
    await report(`the database as it was is ${aside}`)
  }
  await putInPlace(path, config.dataDirectory)
  await report(`rolled back; ${announced}`)
}

/**
 * Brings a copied database up to now: event numbers above all that were given out, every account announced. That it was
 * done, its audit log says from then on.
 */
async function catchUp(path: string, newestSent: number, action: string, report: Report): Promise<string> {
  using db = openDatabase({ path })
  const server = openRepoServerStore(db)
  migrateSchema(db)
  const newest = Number(db.prepare('SELECT newest FROM event_log').get()!['newest'])
  const first = advanceSeq(db, Math.max(newestSent - newest, 0) + SEQ_MARGIN)
  const parts = { db, accountStore: readAccounts(db), server }
  const problems: string[] = []
  const { active, inactive } = await announceAll(parts, (text) => problems.push(text))
  for (const problem of problems) await report(`NOT ANNOUNCED ${problem}`)
  await createAuditLog(openAudit(db)).recordCommand(action, { events: first + 1 })
  return `events go on from number ${first + 1}, ${counted(active + inactive, 'account')} announced (${inactive} inactive)`
}

/** Puts the blobs of a backup where the settings have them, or says that they are elsewhere. */
async function placeBlobs(
  config: PdsConfig,
  { blobs, bucket }: Manifest,
  source: string,
  report: Report,
): Promise<void> {
  const place = config.blobBucket === null ? blobFolder(config) : bucketName(config.blobBucket)
  if (bucket !== undefined) {
    await report(
      `BLOBS ARE NOT IN THIS BACKUP: ${counted(blobs.count, 'blob')} have to be in ${place} (they were in ${bucket}); avocet-pds doctor tells which are missing`,
    )
    return
  }
  await report(`copying ${counted(blobs.count, 'blob')} to ${place}`)
  if (config.blobBucket === null) await copyBlobs(source, blobFolder(config))
  else await uploadBlobs(source, await openBlobs(config))
}

async function uploadBlobs(source: string, store: BlobStore): Promise<void> {
  const database = new DatabaseSync(join(source, BACKUP_FILES.database), { readOnly: true })
  try {
    const rows = database.prepare(`SELECT did, cid, size FROM blob WHERE ${OF_ACCOUNTS}`).iterate()
    await eachOf(rows, COPIES_AT_A_TIME, async (row) => {
      const did = row['did'] as Did
      const path = join(source, 'blobs', blobFolderName(did), row['cid'] as string)
      await store.put(did, bytesOfFile(path), row['size'] as number)
    })
  } finally {
    database.close()
  }
}

async function requireEmpty(folder: string, allowed: readonly string[]): Promise<void> {
  const present = (await readdir(folder).catch(() => [])).filter((name) => !allowed.includes(name))
  // A folder of blobs within the data directory is looked at on its own.
  const filled: string[] = []
  for (const name of present) {
    const inside = await readdir(join(folder, name)).catch(() => null)
    if (inside === null || inside.some((entry) => entry !== 'temporary' && entry !== 'removed'))
      filled.push(name)
  }
  if (filled.length > 0) {
    throw new CommandError(
      `the folder is not empty (${filled.slice(0, 5).join(', ')}); path=${resolve(folder)}`,
    )
  }
}

/** @throws CommandError when the server would start with a rotation key that the identities do not list */
async function checkRotationKey(
  config: PdsConfig,
  manifest: Manifest,
  source: string,
  newKeys: boolean,
): Promise<void> {
  if (newKeys) return
  const given = config.plcRotationKeyHex
  if (given === null && !manifest.secrets) {
    throw new CommandError(
      'the backup has no rotation key, and none is given: set PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX to that of the server' +
        '; if it is lost, --new-keys makes a new one, with which the identities of these accounts cannot be changed',
    )
  }
  if (given === null || manifest.rotationKey === null || rotationDidKey(given) === manifest.rotationKey)
    return
  const { plcRotationKeyHex } = manifest.secrets
    ? (JSON.parse(await readFile(join(source, BACKUP_FILES.secrets), 'utf8')) as {
        plcRotationKeyHex: string
      })
    : { plcRotationKeyHex: '' }
  if (plcRotationKeyHex === given) return
  throw new CommandError(
    `the rotation key given is not that of the backup; backup=${manifest.rotationKey} given=${rotationDidKey(given)}` +
      '; remove PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX or correct it (--new-keys goes on with the one given)',
  )
}

/** @throws CommandError unless the copy is a database of this version of the program */
function checkCopy(copy: string): void {
  using db = openDatabase({ path: copy, readOnly: true })
  const versions = schemaVersions(db)
  if (versions.size === 0) throw new CommandError(`no database of this server; path=${copy}`)
  const other = SCHEMA.find(({ name, version }) => versions.get(name) !== version)
  if (other !== undefined) {
    throw new CommandError(
      `the copy is of another version of this program (${other.name} ${versions.get(other.name) ?? 0}, known ${other.version}); run the version it was made by`,
    )
  }
  const [row] = db.raw.prepare('PRAGMA quick_check(1)').all()
  if (row?.['quick_check'] !== 'ok') throw new CommandError(`the copy is damaged; path=${copy}`)
}

function newestEvent(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return Number(db.prepare('SELECT newest FROM event_log').get()!['newest'])
  } finally {
    db.close()
  }
}

async function refuseRunning({ host, port }: PdsConfig): Promise<void> {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/xrpc/_health`
  const answered = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    () => true,
    () => false,
  )
  if (answered) throw new CommandError(`stop the server first; it answers at ${url}`)
}

async function copyBlobs(source: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lines = createInterface({
    input: createReadStream(join(source, BACKUP_FILES.sums)),
    crlfDelay: Infinity,
  })
  await eachOf(lines, COPIES_AT_A_TIME, async (line) => {
    const name = line.slice(66)
    if (!name.startsWith('blobs/')) return
    const target = join(folder, name.slice('blobs/'.length))
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await copyDurably(join(source, name), target)
  })
}

async function copyDurably(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  await using file = await open(target, 'r+')
  await file.chmod(0o600)
  await file.sync()
}

async function putInPlace(path: string, dataDirectory: string): Promise<void> {
  await rename(path, join(dataDirectory, DATABASE_FILE))
  await using folder = await open(dataDirectory, 'r')
  await folder.sync()
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
