import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'

import { adopt } from '../adopt/adopt.ts'
import type { SourceSettings } from '../adopt/look.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { CommandError, type Print } from '../terminal.ts'
import { requireSqlite } from './only-sqlite.ts'

/** The flags of `avocet-pds adopt`. */
export interface AdoptFlags {
  readonly write?: boolean
  readonly envFile?: string
  readonly sourceBlobs?: string
  readonly skip?: readonly string[]
}

/** Takes a reference PDS over, or looks it through. @throws CommandError */
export async function adoptCommand(
  options: PdsOptions,
  env: SourceSettings,
  directory: string,
  flags: AdoptFlags,
  print: Print,
): Promise<void> {
  requireSqlite(resolveConfig(options), 'adopt')
  const source = flags.envFile === undefined ? env : await readEnvFile(flags.envFile)
  const { sourceBlobs: blobs, write = false } = flags
  await adopt(directory, { options, env: source, blobs, write, skip: new Set(flags.skip) }, print)
}

async function readEnvFile(path: string): Promise<SourceSettings> {
  try {
    return parseEnv(await readFile(path, 'utf8'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(`cannot read the settings; path=${path} reason=${reason}`, { cause })
  }
}
