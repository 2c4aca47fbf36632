import type { BlobStore, BlobUpkeep } from '@avocet/blobs'
import type { Database } from '@avocet/sqlite'

import { resolveConfig, type PdsOptions } from './config/config.ts'
import { SILENT } from './logger.ts'
import { openStores } from './stores/open-stores.ts'
import { openStoresOn } from './stores/sqlite/stores.ts'
import type { Stores } from './stores/stores.ts'

/** What an embedder keeps the data of a PDS in. */
export interface OwnStores {
  /** An open SQLite database, also one with tables of the embedder's own or in memory. Default: that of the data directory. */
  readonly db?: Database
  /** Default: as the settings say, a folder or a bucket. */
  readonly blobs?: BlobStore & BlobUpkeep
}

/**
 * Opens stores for `createPds({ …, stores })`, and makes their tables if need be. Whoever opened them disposes of them, after
 * the server; that closes the database too. The settings are those of the server.
 * @throws DataDirectoryError
 */
export async function openPdsStores(settings: PdsOptions, own: OwnStores = {}): Promise<Stores> {
  const config = resolveConfig(settings)
  const { db, blobs: files } = own
  return db === undefined ? openStores(config, SILENT, files) : openStoresOn(db, config, { files })
}
