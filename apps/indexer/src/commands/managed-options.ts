// Options of `run` about whom it follows, and about managing it.

import type { Option } from 'commander'
import { readToken } from '../admin/door.ts'
import { defaults, type IndexerConfig, parseCollection, parseHttpUrl, parsePort } from '../config.ts'
import { flag, list, option } from './options.ts'

/** What their flags say. */
export type ManagedFlags = {
  signalCollection?: string
  everything: boolean
  directory: string[]
  adminPort: number
  adminHost: string
  adminTokenFile?: string
}

/** The options. */
export function managedOptions(env: NodeJS.ProcessEnv): Option[] {
  return [
    option(
      '--signal-collection <nsid>',
      'follow whoever has a record of this one instead; all of their records, or their --collections',
      'AVOCET_SIGNAL_COLLECTION',
      undefined,
      parseCollection,
    ),
    flag('--everything', 'follow every repo of the sources', 'AVOCET_EVERYTHING'),
    list(
      '--directory <url>',
      'whom to ask for the repos that have a collection (listReposByCollection); may be repeated',
      'AVOCET_DIRECTORY',
      env,
      'the sources',
    ),
    option(
      '--admin-port <number>',
      'the port of the admin API, which there is with AVOCET_ADMIN_TOKEN or --admin-token-file',
      'AVOCET_ADMIN_PORT',
      defaults.adminPort,
      parsePort,
    ),
    option('--admin-host <address>', 'the address of the admin API', 'AVOCET_ADMIN_HOST', defaults.host),
    option(
      '--admin-token-file <file>',
      'file with the token of the admin API',
      'AVOCET_ADMIN_TOKEN_FILE',
      undefined,
    ),
  ]
}

/** Settings from their flags. @throws IndexerError `bad-config` */
export function toManaged(
  flags: ManagedFlags,
  env: NodeJS.ProcessEnv,
): Pick<IndexerConfig, 'signalCollection' | 'everything' | 'directories' | 'admin'> {
  const { signalCollection, everything, directory, adminHost: host, adminPort: port } = flags
  const token = readToken(env['AVOCET_ADMIN_TOKEN'], flags.adminTokenFile)
  return {
    everything,
    directories: directory.map(parseHttpUrl),
    ...(signalCollection === undefined ? {} : { signalCollection }),
    ...(token === undefined ? {} : { admin: { host, port, token } }),
  }
}
