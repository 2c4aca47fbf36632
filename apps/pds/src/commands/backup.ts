import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { blobFolderName, dropHeld, HELD_FOLDER, holdRemovals } from '@avocet/blobs/disk'
import { cidFromDigest, formatCid } from '@avocet/data'

import { bucketName } from '../blobs/blob-place.ts'
import { resolveConfig, type PdsConfig, type PdsOptions } from '../config/config.ts'
import { blobFolder, DATABASE_FILE } from '../config/data-directory.ts'
import { lastRotationKey, rotationDidKey } from '../config/rotation-key.ts'
import { readSecrets, type Secrets } from '../config/secrets.ts'
import { readVersion } from '../version.ts'
import { CommandError, counted } from '../terminal.ts'
import { BACKUP_FILES, eachOf, FORMAT, hashFile, OF_ACCOUNTS, type Manifest } from './backup-format.ts'
import { requireSqlite } from './only-sqlite.ts'
import { snapshotDatabase } from './snapshot.ts'

/** Where lines about the progress go; a promise is waited for. */
export type Report = (line: string) => void | Promise<void>

const COPIES_AT_A_TIME = 8
const REPORT_EVERY = 1000

/**
 * Copies everything a server keeps into a new folder, also while it runs: first the database as of one moment, then the
 * files of the blobs it names, each checked against its CID; files that the server removes meanwhile are held for it. Last
 * comes the manifest: a backup without it was cut short.
 * @throws CommandError
 */
export async function backup(
  options: PdsOptions,
  target: string,
  report: Report,
  withoutSecrets = false,
): Promise<void> {
  const config = resolveConfig(options)
  requireSqlite(config, 'backup')
  const source = join(config.dataDirectory, DATABASE_FILE)
  if (!(await exists(source))) throw new CommandError(`no server's data here; path=${config.dataDirectory}`)
  if (await exists(target)) throw new CommandError(`the target is there already; path=${target}`)
  const secrets = withoutSecrets ? null : findSecrets(config)
  await using hold = await holdRemovals(config.dataDirectory)
  if (hold === null)
    throw new CommandError('another backup is being made (or one was cut short a minute ago)')
  await mkdir(target, { recursive: true, mode: 0o700 })

  const { size } = await stat(source)
  await report(`copying the database (${size} bytes)`)
  const copy = join(target, BACKUP_FILES.database)
  await snapshotDatabase(source, copy, (bytes) => void report(`  ${Math.round((100 * bytes) / size)} %`))
  const database = new DatabaseSync(copy, { readOnly: true })
  try {
    const count = (sql: string): number => Number(Object.values(database.prepare(sql).get()!)[0])
    const accounts = count('SELECT count(*) FROM account')
    const total = count(`SELECT count(*) FROM blob WHERE ${OF_ACCOUNTS}`)
    await report(
      `database copied: ${counted(accounts, 'account')}, ${counted(total, 'blob')}${config.blobBucket === null ? ' to copy' : ''}`,
    )

    await using sums = await open(join(target, BACKUP_FILES.sums), 'wx', 0o600)
    const sumsHash = createHash('sha256')
    const note = async (hash: string, path: string): Promise<void> => {
      const line = `${hash}  ${path}\n`
      sumsHash.update(line)
      await sums.write(line)
    }
    await note(await hashFile(copy), BACKUP_FILES.database)
    if (secrets !== null) {
      await note(await writeSecrets(join(target, BACKUP_FILES.secrets), secrets), BACKUP_FILES.secrets)
    }
    const { blobBucket } = config
    const copied =
      blobBucket === null
        ? await copyBlobs(database, blobFolder(config), target, total, note, report)
        : {
            count: total,
            bytes: count(`SELECT coalesce(sum(size), 0) FROM blob WHERE ${OF_ACCOUNTS}`),
            missing: 0,
          }
    await sums.sync()
    const manifest: Manifest = {
      format: FORMAT,
      madeAt: new Date().toISOString(),
      madeBy: `avocet-pds ${readVersion()}`,
      hostname: config.hostname,
      accounts,
      blobs: { count: copied.count, bytes: copied.bytes },
      ...(blobBucket === null ? {} : { bucket: bucketName(blobBucket) }),
      newestEvent: count('SELECT newest FROM event_log'),
      rotationKey:
        lastRotationKey(config.dataDirectory) ?? (secrets && rotationDidKey(secrets.plcRotationKeyHex)),
      secrets: secrets !== null,
      sums: sumsHash.digest('hex'),
    }
    await writeWhole(join(target, BACKUP_FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`)
    if (secrets === null) {
      await report(
        'SECRETS ARE NOT IN THIS BACKUP: keep PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX, PDS_JWT_SECRET and PDS_ADMIN_PASSWORD elsewhere; without the first the identities of the accounts cannot be changed any more',
      )
    }
    if (blobBucket !== null) {
      await report(
        `BLOBS ARE NOT IN THIS BACKUP: ${counted(total, 'blob')} (${copied.bytes} bytes) stay in ${bucketName(blobBucket)}. What is deleted there is lost: let the service keep versions of the bucket, or copy it`,
      )
    }
    if (copied.missing > 0) {
      throw new CommandError(
        `${counted(copied.missing, 'blob')} of ${total} could not be copied (named above); all else is in ${target}`,
      )
    }
    await report(
      `backup complete: ${counted(accounts, 'account')}, ${counted(copied.count, 'blob')} (${copied.bytes} bytes${blobBucket === null ? '' : ', NOT included'}), ` +
        `secrets ${secrets === null ? 'NOT included' : 'included'}; check it with: avocet-pds backup --verify ${target}`,
    )
  } finally {
    database.close()
    await hold[Symbol.asyncDispose]()
    await dropHeld(blobFolder(config))
  }
}

/** The secrets as the running server has them. @throws CommandError when they are not those, or not to be had */
function findSecrets(config: PdsConfig): Secrets {
  const found = readSecrets(config)
  const running = lastRotationKey(config.dataDirectory)
  const how =
    'give this command the settings of the server (its PDS_… variables), or leave the secrets out with --without-secrets'
  if (found.plcRotationKeyHex === null) {
    throw new CommandError(
      `the rotation key of this server is not known here (PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX); ${how}`,
    )
  }
  if (running !== null && rotationDidKey(found.plcRotationKeyHex) !== running) {
    throw new CommandError(
      `the server uses another rotation key than this command was given; server=${running}; ${how}`,
    )
  }
  const { jwtSecret, adminPassword, plcRotationKeyHex } = found
  if (jwtSecret === null || adminPassword === null) {
    const name = jwtSecret === null ? 'PDS_JWT_SECRET' : 'PDS_ADMIN_PASSWORD'
    throw new CommandError(`a secret of this server is not known here (${name}); ${how}`)
  }
  return { jwtSecret, adminPassword, plcRotationKeyHex }
}

/** Copies the file of every blob the database names, and checks each. */
async function copyBlobs(
  database: DatabaseSync,
  folder: string,
  target: string,
  total: number,
  note: (hash: string, path: string) => Promise<void>,
  report: Report,
): Promise<{ count: number; bytes: number; missing: number }> {
  const done = { count: 0, bytes: 0, missing: 0 }
  // One line after the other, whichever copy is ready first.
  let noted: Promise<void> = Promise.resolve()
  const rows = database.prepare(`SELECT did, cid FROM blob WHERE ${OF_ACCOUNTS} ORDER BY did, cid`).iterate()
  await eachOf(rows, COPIES_AT_A_TIME, async (row) => {
    const [did, cid] = [row['did'] as string, row['cid'] as string]
    const path = `blobs/${blobFolderName(did)}/${cid}`
    const places = [
      join(folder, blobFolderName(did), cid),
      join(folder, HELD_FOLDER, blobFolderName(did), cid),
    ]
    const copy = await copyFirst(places, join(target, path))
    if (copy === null || copy.cid !== cid) {
      done.missing += 1
      await report(`${copy === null ? 'NO FILE' : 'OTHER CONTENT'}: blob ${cid} of ${did}`)
      if (copy !== null) await rm(join(target, path))
      return
    }
    done.count += 1
    done.bytes += copy.bytes
    if (done.count % REPORT_EVERY === 0) await report(`  ${done.count} of ${total} blobs`)
    noted = noted.then(() => note(copy.hash, path))
    await noted
  })
  return done
}

/** Copies the first of these files that is there, and tells what it holds; null when none is. */
async function copyFirst(
  places: readonly string[],
  target: string,
): Promise<{ cid: string; hash: string; bytes: number } | null> {
  for (const place of places) {
    try {
      return await copyHashed(place, target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return null
}

async function copyHashed(
  source: string,
  target: string,
): Promise<{ cid: string; hash: string; bytes: number }> {
  await using from = await open(source, 'r')
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  await using to = await open(target, 'w', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream('', { fd: from, autoClose: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    await to.writeFile(chunk)
    bytes += chunk.length
  }
  await to.sync()
  const digest = hash.digest()
  return { cid: formatCid(cidFromDigest('raw', new Uint8Array(digest))), hash: digest.toString('hex'), bytes }
}

async function writeSecrets(path: string, secrets: Secrets): Promise<string> {
  const text = `${JSON.stringify(secrets, null, 2)}\n`
  await writeWhole(path, text)
  return createHash('sha256').update(text).digest('hex')
}

/** Writes a file so that it is there whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  {
    await using file = await open(temporary, 'wx', 0o600)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(temporary, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
