import type { AccountRows } from '@avocet/accounts'
import type { Fetch } from '@avocet/did'
import type { RecordReader } from '@avocet/repo-server'

import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Logger } from '../logger.ts'
import { createImageUrl } from './image-url.ts'
import { createReadAfterWrite } from './read-after-write.ts'
import type { Signers } from '../identity/signers.ts'
import type { Stores } from '../stores/stores.ts'
import { createAskAppView } from '../proxy/ask.ts'
import { createFeedClaims, createReadValue } from './feed-claims.ts'
import type { FindRemoteRecord } from '../proxy/remote-records.ts'
import type { ProxyExtras } from '../proxy/service-proxy.ts'

/** What the answers of an AppView are completed with. */
export interface AppViewParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'recent' | 'server'>
  readonly accounts: AccountRows
  readonly reader: RecordReader
  readonly findRemote: FindRemoteRecord
  readonly fetch: Fetch
  readonly signers: Signers
  readonly address: PublicAddress
  readonly log: Logger
}

/** Feeds by their generators' names, and what was written here and the AppView does not know yet; null without an AppView. */
export function createAppViewExtras(parts: AppViewParts): ProxyExtras | null {
  const { config, stores, accounts, reader, findRemote, fetch, signers, address, log } = parts
  if (config.appView === null) return null
  return {
    claims: createFeedClaims(createReadValue(accounts, reader, findRemote)),
    answer: createReadAfterWrite({
      rows: stores.recent,
      blocks: stores.server.repos,
      accounts,
      ask: createAskAppView(fetch, config.appView, signers),
      imageUrl: createImageUrl(config.appViewImages, address),
      onError: (error) => log.debug({ err: error }, 'an answer was handed on without what is newer here'),
    }),
  }
}
