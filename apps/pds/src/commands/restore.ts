import { cp, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { advanceSeq } from '@avocet/sequencer/sqlite'
import { openDatabase } from '@avocet/sqlite'

import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { CommandError } from './operator.ts'

/**
 * Puts a backup into an empty data directory. Its event numbers go on above a margin: relays saw numbers after the backup
 * was made, which must never come again for other events.
 * @throws CommandError
 */
export async function restore(options: PdsOptions, source: string): Promise<{ newest: number }> {
  const { dataDirectory } = resolveConfig(options)
  const found = await stat(join(source, 'pds.sqlite')).catch(() => null)
  if (found === null) throw new CommandError(`no backup here; path=${source}`)
  const present = await readdir(dataDirectory).catch(() => [])
  if (present.length > 0) throw new CommandError(`the data directory is not empty; path=${dataDirectory}`)
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  await cp(source, dataDirectory, { recursive: true })
  using db = openDatabase({ path: join(dataDirectory, 'pds.sqlite') })
  return { newest: advanceSeq(db) }
}
