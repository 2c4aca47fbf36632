// The lexicons that settings name.

import { join } from 'node:path'
import type { DidResolver, Fetch } from '@avocet/did'
import { createTxtLookup } from '@avocet/did/node'
import type { IndexerConfig } from '../config.ts'
import { type Lexicons, loadLexiconsOf } from './load.ts'
import { createNetworkLexicons } from './network.ts'

/**
 * Loads them. Those by NSID are locked in the data folder.
 * @param network.fetch guarded against addresses inside the network
 * @throws IndexerError `bad-config`
 */
export function configuredLexicons(
  config: Pick<IndexerConfig, 'lexicons' | 'dataFolder' | 'updateLexicons' | 'dns'>,
  network: { readonly dids: DidResolver; readonly fetch: Fetch; readonly onLog: (line: string) => void },
): Promise<Lexicons> {
  const { lexicons = [], dataFolder, updateLexicons = false, dns } = config
  const { dids, fetch, onLog } = network
  const lookupTxt = createTxtLookup(dns === undefined ? {} : { servers: dns })
  return loadLexiconsOf(lexicons, {
    resolver: createNetworkLexicons(dids, lookupTxt, fetch),
    lockFile: dataFolder === null ? null : join(dataFolder, 'lexicons.lock.json'),
    update: updateLexicons,
    onLog,
  })
}
