import type { PdsConfig } from '../config/config.ts'
import { SILENT, type Logger } from '../logger.ts'
import { openSqliteStores } from './sqlite/stores.ts'
import type { Stores } from './stores.ts'

/** Opens the stores where the settings have them, and on first use makes them. @throws DataDirectoryError */
export function openStores(config: PdsConfig, log: Logger = SILENT): Promise<Stores> {
  return openSqliteStores(config, log)
}
