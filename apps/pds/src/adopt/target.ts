/** The stores that a take-over fills, under a name that no server opens until all is done. */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { openDatabase } from '@avocet/sqlite'

import type { PdsConfig } from '../config/config.ts'
import { blobFolder, DATABASE_FILE } from '../config/data-directory.ts'
import { openStoresOn, type SqliteStores as Stores } from '../stores/sqlite/stores.ts'
import { CommandError } from '../terminal.ts'
import type { ReferencePlaces } from './reference-files.ts'

/** What may lie in the data directory before. */
const SETUP: ReadonlySet<string> = new Set(['pds.env', 'caddy', 'lost+found', 'blobs', 'secrets.json'])

/** The stores being filled. */
export interface Target extends AsyncDisposable {
  readonly stores: Stores
  /** Closes the stores, lets `last` work on the database, and puts it where servers look for it. */
  finish<T>(last: (path: string) => Promise<T>): Promise<T>
}

const fillingPath = (config: PdsConfig): string => join(config.dataDirectory, `${DATABASE_FILE}.adopting`)

/** @throws CommandError unless the settings name a new data directory, or one that an earlier run began to fill */
export function checkTarget(config: PdsConfig, places: ReferencePlaces): void {
  if (resolve(blobFolder(config)) === places.blobs) {
    throw new CommandError(
      `blobs would go into the folder of the reference PDS, which stays as it is; folder=${places.blobs}\n` +
        'Set PDS_BLOBSTORE_DISK_LOCATION to another folder, or remove it for <data>/blobs',
    )
  }
  if (existsSync(fillingPath(config))) return
  const names = existsSync(config.dataDirectory) ? readdirSync(config.dataDirectory) : []
  const others = names.filter((name) => !SETUP.has(name))
  if (others.length === 0) return
  throw new CommandError(
    `the data directory is not empty (${others.slice(0, 5).join(', ')}); path=${config.dataDirectory}\n` +
      'Give a new directory with --data',
  )
}

/** Opens the stores, or goes on with those of a run that was cut short. */
export async function openTarget(config: PdsConfig): Promise<Target> {
  await mkdir(config.dataDirectory, { recursive: true, mode: 0o700 })
  await mkdir(blobFolder(config), { recursive: true, mode: 0o700 })
  const path = fillingPath(config)
  const db = openDatabase({ path })
  const stores = await openStoresOn(db, config)
  let isOpen = true
  const close = (): void => {
    if (isOpen) db.close()
    isOpen = false
  }
  return {
    stores,
    finish: async (last) => {
      // Closing the only connection writes its log back, so that the file is whole without it.
      close()
      const result = await last(path)
      await rename(path, join(config.dataDirectory, DATABASE_FILE))
      await using folder = await open(config.dataDirectory, 'r')
      await folder.sync()
      return result
    },
    [Symbol.asyncDispose]: () => Promise.resolve(close()),
  }
}
