import { createHash } from 'node:crypto'

import { refuseFilledBucket } from './blobs/blob-place.ts'
import { blobFolder, hasBlobs, refuseForeignData, refuseOwnDatabase } from './config/data-directory.ts'
import { quotaWarning, type PdsConfig } from './config/config.ts'
import { noteRotationKey, rotationDidKey } from './config/rotation-key.ts'
import {
  DataDirectoryError,
  loadSecrets,
  prepareDataDirectory,
  readSecrets,
  type Secrets,
} from './config/secrets.ts'
import { lockDataDirectory } from './config/server-lock.ts'
import type { Logger } from './logger.ts'
import { openStores } from './stores/open-stores.ts'
import type { ServerNotes } from './stores/rows.ts'
import type { Stores } from './stores/stores.ts'

/** What a server keeps: its stores and secrets, and its data directory, locked where the database is in it. */
export interface Storage extends AsyncDisposable {
  readonly stores: Stores
  readonly secrets: Secrets
}

const OTHER_KEY =
  'the rotation key is another than at the last start; identities that do not list it cannot be changed'

/**
 * Takes the data directory for this process and opens what is in it.
 * @param given stores that somebody else opened, and closes; then nothing but secrets, locks and mail is in the directory
 * @throws DataDirectoryError, StoreError
 */
export async function openStorage(config: PdsConfig, log: Logger, given?: Stores): Promise<Storage> {
  await using opened = new AsyncDisposableStack()
  // In this order: nothing is written beside the data of another program.
  prepareDataDirectory(config.dataDirectory)
  if (config.postgres !== null) refuseOwnDatabase(config)
  else if (given?.isShared !== true) {
    refuseForeignData(config)
    opened.use(lockDataDirectory(config.dataDirectory))
  }
  const stores = given ?? opened.use(await openStores(config, log))
  const { notes } = stores
  const secrets = notes === null ? await ownSecrets(config, log) : await sharedSecrets(config, notes, log)
  const kept = opened.move()
  return { stores, secrets, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function ownSecrets(config: PdsConfig, log: Logger): Promise<Secrets> {
  const warning = quotaWarning(config)
  if (warning !== null) log.warn({}, warning)
  const secrets = await loadSecrets(config)
  const formerKey = await noteRotationKey(config.dataDirectory, secrets.plcRotationKeyHex)
  if (formerKey !== null) log.warn({ formerKey }, OTHER_KEY)
  return secrets
}

/** Names in the notes, and the settings behind them. */
const NOTES = {
  jwtSecret: 'PDS_JWT_SECRET',
  rotationKey: 'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
} as const

/**
 * The secrets of a server that several processes make up: made at the first start of all, and from then on those that each
 * process is given, in its settings or in `secrets.json`.
 */
async function sharedSecrets(config: PdsConfig, notes: ServerNotes, log: Logger): Promise<Secrets> {
  const before = { jwtSecret: await notes.get('jwtSecret'), rotationKey: await notes.get('rotationKey') }
  if (before.rotationKey === null) await refuseLeftBlobs(config)
  else requireSecrets(config)
  const secrets = await loadSecrets(config)
  const mine = secretNotes(secrets)
  for (const name of ['jwtSecret', 'rotationKey'] as const) {
    const noted = await notes.claim(name, mine[name])
    if (noted === mine[name]) continue
    if (before[name] === null) {
      throw new DataDirectoryError(
        `another process started at the same time with another secret; ${NOTES[name]}\n` +
          'Give all processes of this server the same secrets, and start them again',
      )
    }
    if (name === 'rotationKey') log.warn({ formerKey: noted }, OTHER_KEY)
    else {
      log.warn({}, 'PDS_JWT_SECRET is another than at the last start of a process: sessions made with it end')
    }
    await notes.set(name, mine[name])
  }
  return secrets
}

/** What the processes of a server note of its secrets: fingerprints. */
export function secretNotes({
  jwtSecret,
  plcRotationKeyHex,
}: Pick<Secrets, 'jwtSecret' | 'plcRotationKeyHex'>): Record<keyof typeof NOTES, string> {
  return {
    jwtSecret: createHash('sha256').update(jwtSecret).digest('hex').slice(0, 16),
    rotationKey: rotationDidKey(plcRotationKeyHex),
  }
}

/** A process that joins others must not make secrets of its own. @throws DataDirectoryError */
function requireSecrets(config: PdsConfig): void {
  const known = readSecrets(config)
  const missing = [
    ...(known.jwtSecret === null ? [NOTES.jwtSecret] : []),
    ...(known.adminPassword === null ? ['PDS_ADMIN_PASSWORD'] : []),
    ...(known.plcRotationKeyHex === null ? [NOTES.rotationKey] : []),
  ]
  if (missing.length === 0) return
  throw new DataDirectoryError(
    `the database is that of a server whose secrets are not here (${missing.join(', ')}); path=${config.dataDirectory}\n` +
      'Give them as its other processes have them, or copy secrets.json of its first data directory here',
  )
}

/** Blobs beside a new database would be taken for what former accounts left. @throws DataDirectoryError */
async function refuseLeftBlobs(config: PdsConfig): Promise<void> {
  await refuseFilledBucket(config)
  if (config.blobBucket !== null || !hasBlobs(config)) return
  throw new DataDirectoryError(
    `there are blobs of accounts, and the database is a new one; blobs=${blobFolder(config)}\n` +
      'Correct PDS_DB_POSTGRES_URL, put the lost database back with pg_restore, or give another folder for blobs',
  )
}
