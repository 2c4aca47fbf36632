import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { CommandError } from '../terminal.ts'

/**
 * A backup is a folder: `pds.sqlite` (as of one moment), `blobs/<did>/<cid>` unless they are in a bucket, `secrets.json` unless left out,
 * `SHA256SUMS` (a line for each of these files, as `sha256sum -c` reads it), and `manifest.json`, written last.
 */
export const FORMAT = 1

/** Names of the files in a backup. */
export const BACKUP_FILES = {
  database: 'pds.sqlite',
  secrets: 'secrets.json',
  sums: 'SHA256SUMS',
  manifest: 'manifest.json',
} as const

/** Which rows of blobs have files: those of an account that is gone are removed by and by, after its files. */
export const OF_ACCOUNTS = 'did IN (SELECT did FROM account)'

/** What `manifest.json` says. */
export interface Manifest {
  readonly format: number
  readonly madeAt: string
  readonly madeBy: string
  readonly hostname: string
  readonly accounts: number
  readonly blobs: { readonly count: number; readonly bytes: number }
  /** Where the blobs are that the database names, when they are in a bucket and so not in the backup; counted only. */
  readonly bucket?: string
  /** Number of the newest event. */
  readonly newestEvent: number
  /** Public half of the rotation key, null when the server never ran. */
  readonly rotationKey: string | null
  /** Whether the secrets are in the backup. */
  readonly secrets: boolean
  /** Sha-256 of `SHA256SUMS`, hex. */
  readonly sums: string
}

/** Reads the manifest of a backup that was made to its end. @throws CommandError */
export async function readManifest(folder: string): Promise<Manifest> {
  let text: string
  try {
    text = await readFile(join(folder, BACKUP_FILES.manifest), 'utf8')
  } catch {
    throw new CommandError(`no complete backup here: ${BACKUP_FILES.manifest} is missing; path=${folder}`)
  }
  let manifest: Manifest
  try {
    manifest = JSON.parse(text) as Manifest
  } catch {
    throw new CommandError(`the backup is damaged: ${BACKUP_FILES.manifest} is no JSON; path=${folder}`)
  }
  if (manifest.format !== FORMAT) {
    throw new CommandError(
      `the backup is of another format; format=${manifest.format} known=${FORMAT} (use the version that made it: ${manifest.madeBy})`,
    )
  }
  return manifest
}

/** The sha-256 of a file, hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}

/** Runs work over items, so many at a time. */
export async function eachOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  for await (const item of items) {
    const one = work(item).finally(() => running.delete(one))
    running.add(one)
    if (running.size >= width) await Promise.race(running)
  }
  await Promise.all(running)
}
