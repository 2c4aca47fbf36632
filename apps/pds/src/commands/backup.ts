import { cp, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite'

import type { PdsOptions } from '../config/config.ts'
import { resolveConfig } from '../config/config.ts'
import { CommandError } from './operator.ts'

/**
 * Copies everything a server keeps into a new folder, also while it runs: the database as of one moment, then the blobs
 * (which only ever are added before the database names them, so none that the copy names is missing), then the secrets.
 * To restore, start a server on the copy.
 * @throws CommandError
 */
export async function backup(options: PdsOptions, target: string): Promise<{ pages: number }> {
  const config = resolveConfig(options)
  const source = join(config.dataDirectory, 'pds.sqlite')
  if (!(await exists(source))) throw new CommandError(`no server's data here; path=${config.dataDirectory}`)
  if (await exists(target)) throw new CommandError(`the target is there already; path=${target}`)
  await mkdir(target, { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(source, { readOnly: true })
  try {
    const pages = await copyDatabase(database, join(target, 'pds.sqlite'))
    const blobs = config.blobDirectory ?? join(config.dataDirectory, 'blobs')
    if (await exists(blobs)) {
      await cp(blobs, join(target, 'blobs'), {
        recursive: true,
        filter: (path) => path !== join(blobs, 'temporary'),
      })
    }
    const secrets = join(config.dataDirectory, 'secrets.json')
    if (await exists(secrets)) await cp(secrets, join(target, 'secrets.json'))
    return { pages }
  } finally {
    database.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
