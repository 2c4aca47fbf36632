/**
 * Where a reference PDS (`@atproto/pds`, SQLite and blobs on disk) keeps its data, and a way to read its databases that
 * writes nothing there: SQLite makes files beside a database in WAL mode even for readers, so a copy is opened.
 */
import { createHash } from 'node:crypto'
import { constants, existsSync, statSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { CommandError } from '../terminal.ts'

/** The places of one reference PDS. Paths are absolute. */
export interface ReferencePlaces {
  readonly accounts: string
  readonly sequencer: string
  readonly actors: string
  readonly blobs: string
  readonly temporaryBlobs: string
  readonly quarantinedBlobs: string
}

type Settings = Readonly<Record<string, string | undefined>>

/**
 * The places as its settings (`pds.env`) say them. Where a path of the settings is not there, as with those of a container,
 * the usual place below `directory` counts.
 * @param blobFolder where the blobs are, when not where the settings say
 * @throws CommandError when there is no such server, or its blobs are in S3
 */
export function findReference(directory: string, env: Settings, blobFolder?: string): ReferencePlaces {
  const place = (name: string, ...usual: string[]): string => {
    const given = env[name]
    if (given !== undefined && given !== '' && existsSync(given)) return resolve(given)
    const found = usual.map((part) => resolve(directory, part)).find((path) => existsSync(path))
    return found ?? resolve(directory, usual[0]!)
  }
  if (env['PDS_BLOBSTORE_S3_BUCKET'] && blobFolder === undefined) {
    throw new CommandError(
      'its blobs are in S3: copy the bucket into a folder (<folder>/<did>/<cid>) and name it with --source-blobs',
    )
  }
  const blobs =
    blobFolder === undefined ? place('PDS_BLOBSTORE_DISK_LOCATION', 'blocks', 'blobs') : resolve(blobFolder)
  const places = {
    accounts: place('PDS_ACCOUNT_DB_LOCATION', 'account.sqlite'),
    sequencer: place('PDS_SEQUENCER_DB_LOCATION', 'sequencer.sqlite'),
    actors: place('PDS_ACTOR_STORE_DIRECTORY', 'actors'),
    blobs,
    temporaryBlobs: place('PDS_BLOBSTORE_DISK_TMP_LOCATION', join(blobs, 'tempt')),
    quarantinedBlobs: join(blobs, 'quarantine'),
  }
  for (const path of [places.accounts, places.sequencer, places.actors, places.blobs]) {
    // A server that never had a blob has no folder of them.
    if (path === places.blobs && blobFolder === undefined) continue
    if (existsSync(path)) continue
    throw new CommandError(
      `no reference PDS here: ${path} is missing (name its data directory; its settings with --env-file)`,
    )
  }
  return places
}

/** Where the key and the repository of an account are. */
export function actorFolder(places: ReferencePlaces, did: string): string {
  const hash = createHash('sha256').update(did).digest('hex')
  return join(places.actors, hash.slice(0, 2), did)
}

/** A database of the reference, as it was when it was opened. */
export interface ReferenceDatabase extends AsyncDisposable {
  all(sql: string, ...params: (string | number)[]): Record<string, unknown>[]
  iterate(sql: string, ...params: (string | number)[]): Iterable<Record<string, unknown>>
}

/** Opens a copy of a database with what its log holds. @throws CommandError when it cannot be read */
export async function openReference(path: string): Promise<ReferenceDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-adopt-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const copy = join(folder, 'copy.sqlite')
    await copyFile(path, copy, constants.COPYFILE_FICLONE)
    if (existsSync(`${path}-wal`)) await copyFile(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE)
    const db = new DatabaseSync(copy)
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return {
      all: (sql, ...params) => db.prepare(sql).all(...params),
      iterate: (sql, ...params) => db.prepare(sql).iterate(...params),
      [Symbol.asyncDispose]: async () => {
        db.close()
        await remove()
      },
    }
  } catch (cause) {
    await remove()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(`cannot read a database of the reference PDS; path=${path} reason=${reason}`, {
      cause,
    })
  }
}

/** Changes when the server writes: what is taken over must hold still. */
export function fingerprint(places: ReferencePlaces): string {
  return [places.accounts, places.sequencer]
    .flatMap((path) => [path, `${path}-wal`])
    .map((path) => {
      if (!existsSync(path)) return 'none'
      const { size, mtimeMs } = statSync(path)
      return `${size}@${mtimeMs}`
    })
    .join(' ')
}
