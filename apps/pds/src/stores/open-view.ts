import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { PdsConfig } from '../config/config.ts'
import { DATABASE_FILE } from '../config/data-directory.ts'
import type { StoresView } from './view.ts'

/** The stores where the settings have them, to look at; null where there are none, on another machine. @throws what opening them throws */
export async function openStoresView(config: PdsConfig): Promise<StoresView | null> {
  const { postgres } = config
  if (postgres !== null) return (await import('./postgres/view.ts')).openPostgresView(postgres)
  const path = join(config.dataDirectory, DATABASE_FILE)
  return existsSync(path) ? (await import('./sqlite/view.ts')).openSqliteView(path) : null
}
