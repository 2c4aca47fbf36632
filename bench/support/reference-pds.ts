// The reference PDS as a process, installed and started as the side-by-side suite does it (`e2e/reference-pds`).
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { startServer, type Server } from './processes.ts'

/** Where the reference PDS is installed, and its version. */
export interface Reference {
  readonly folder: string
  readonly version: string
}

const FULL = join(import.meta.dirname, 'synchronous-full.mjs')
const suite = join(import.meta.dirname, '../../e2e/reference-pds')

/** The reference PDS, which the first call installs; the reason where that cannot be done. */
export function findReference(): Reference | string {
  const { stdout } = spawnSync(process.execPath, [join(suite, 'setup.ts')], { encoding: 'utf8' })
  const folder = /^the reference PDS \S+ is in (.+)$/m.exec(stdout)?.[1]
  if (folder === undefined) return stdout.trim()
  const manifest = readFileSync(join(folder, 'node_modules/@atproto/pds/package.json'), 'utf8')
  return { folder, version: (JSON.parse(manifest) as { version: string }).version }
}

/**
 * Starts it as in production: nothing logged, no rate limits. It sets no `synchronous`, and its SQLite is compiled for NORMAL:
 * event and account are not on the disk when it answers. The record is, by the checkpoint of the account's database, which it
 * opens and closes for each write. `isDurable`: with `synchronous = FULL` for all its databases, as ours are by default.
 */
export function startReference(
  folder: string,
  port: number,
  dataDirectory: string,
  plcUrl: string,
  isDurable = false,
): Promise<Server> {
  return startServer({
    command: nodeOf(folder),
    args: [...(isDurable ? ['--import', FULL] : []), join(suite, 'launch.mjs'), folder],
    cwd: folder,
    url: `http://localhost:${port}`,
    env: {
      NODE_ENV: 'production',
      LOG_ENABLED: 'false',
      PDS_PORT: String(port),
      PDS_HOSTNAME: 'localhost',
      PDS_DEV_MODE: 'true',
      PDS_DISABLE_SSRF_PROTECTION: 'true',
      PDS_RATE_LIMITS_ENABLED: 'false',
      PDS_DATA_DIRECTORY: dataDirectory,
      PDS_BLOBSTORE_DISK_LOCATION: join(dataDirectory, 'blobs'),
      PDS_DID_PLC_URL: plcUrl,
      PDS_INVITE_REQUIRED: 'false',
      PDS_SERVICE_HANDLE_DOMAINS: '.test',
      PDS_JWT_SECRET: 'a secret of a bench',
      PDS_ADMIN_PASSWORD: 'a password of a bench',
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: '1'.repeat(64),
    },
  })
}

function nodeOf(folder: string): string {
  const own = join(folder, 'node')
  return existsSync(own)
    ? own
    : join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin/node')
}
