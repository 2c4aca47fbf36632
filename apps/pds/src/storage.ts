import { refuseForeignData } from './config/data-directory.ts'
import type { PdsConfig } from './config/config.ts'
import { noteRotationKey } from './config/rotation-key.ts'
import { loadSecrets, prepareDataDirectory, type Secrets } from './config/secrets.ts'
import { lockDataDirectory } from './config/server-lock.ts'
import type { Logger } from './logger.ts'
import { openStores } from './stores/open-stores.ts'
import type { Stores } from './stores/stores.ts'

/** What a server keeps: its data directory, locked, with stores and secrets. */
export interface Storage extends AsyncDisposable {
  readonly stores: Stores
  readonly secrets: Secrets
}

/**
 * Takes the data directory for this process and opens what is in it.
 * @param given stores that somebody else opened, and closes; then nothing but secrets, locks and mail is in the directory
 * @throws DataDirectoryError
 */
export async function openStorage(config: PdsConfig, log: Logger, given?: Stores): Promise<Storage> {
  await using opened = new AsyncDisposableStack()
  // In this order: nothing is written beside the data of another program.
  prepareDataDirectory(config.dataDirectory)
  refuseForeignData(config)
  opened.use(lockDataDirectory(config.dataDirectory))
  const stores = given ?? opened.use(await openStores(config, log))
  const secrets = await loadSecrets(config)
  const formerKey = await noteRotationKey(config.dataDirectory, secrets.plcRotationKeyHex)
  if (formerKey !== null) {
    log.warn(
      { formerKey },
      'the rotation key is another than at the last start; identities that do not list it cannot be changed',
    )
  }
  const kept = opened.move()
  return { stores, secrets, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
