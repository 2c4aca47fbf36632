// The reference PDS as a process. It has a native addon and wants Node 22, so it lives in a folder of its own, installed
// beforehand; AVOCET_REFERENCE_PDS names that folder (`node`, `node_modules/@atproto/pds`).
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { startServer, type Server } from './processes.ts'

/** Where the reference PDS is installed, and its version; null when it is not. */
export function findReference(): { folder: string; version: string } | null {
  const folder = process.env['AVOCET_REFERENCE_PDS']
  if (folder === undefined) return null
  const manifest = join(folder, 'node_modules/@atproto/pds/package.json')
  if (!existsSync(manifest)) throw new Error(`no @atproto/pds there; AVOCET_REFERENCE_PDS=${folder}`)
  return { folder, version: (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version }
}

const PROGRAM = `
import { PDS, readEnv } from '@atproto/pds'
const pds = await PDS.fromEnv(readEnv())
await pds.start()
console.log('ready at http://localhost:' + process.env.PDS_PORT)
process.once('SIGTERM', () => pds.destroy().then(() => process.exit(0)))
`

/** Starts it as in production: nothing logged, no rate limits, SQLite's own durability (WAL, `synchronous = FULL`). */
export function startReference(
  folder: string,
  port: number,
  dataDirectory: string,
  plcUrl: string,
): Promise<Server> {
  return startServer({
    command: join(folder, 'node'),
    args: ['--input-type=module', '--eval', PROGRAM],
    cwd: folder,
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
