import type { BlobStore, BlobUpkeep } from '@avocet/blobs'

import type { PdsConfig } from '../config/config.ts'
import { SILENT, type Logger } from '../logger.ts'
import type { Stores } from './stores.ts'

/**
 * Opens the stores where the settings have them, and on first use makes them.
 * @param files of blobs, which somebody else opened: the settings of their place count for nothing then
 * @throws DataDirectoryError, StoreError
 */
export async function openStores(
  config: PdsConfig,
  log: Logger = SILENT,
  files?: BlobStore & BlobUpkeep,
): Promise<Stores> {
  const { postgres } = config
  // Loaded when it is used: a server on one database waits for no client of the other.
  if (postgres === null) return (await import('./sqlite/stores.ts')).openSqliteStores(config, log, files)
  return (await import('./postgres/stores.ts')).openPostgresStores(config, postgres, log, files)
}
