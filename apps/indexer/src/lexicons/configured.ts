// The lexicons that settings name.

import { join } from 'node:path'
import type { DidResolver, Fetch } from '@avocet/did'
import { createTxtLookup } from '@avocet/did/node'
import type { IndexerConfig } from '../config.ts'
import { createEditions, type Editions } from './editions.ts'
import { type LoadedLexicons, loadLexiconsOf } from './load.ts'
import { createNetworkLexicons } from './network.ts'
import type { ReloadOptions } from './reload.ts'

/**
 * Loads them, and has them in force.
 * @returns besides what loads them again
 * @throws IndexerError `bad-config`
 */
export async function openLexicons(
  config: Parameters<typeof configuredLexicons>[0],
  network: Parameters<typeof configuredLexicons>[1],
): Promise<{ readonly editions: Editions; readonly load: ReloadOptions['load'] }> {
  const load: ReloadOptions['load'] = (onLog) => configuredLexicons(config, { ...network, onLog })
  const { lexicons, keep } = await load(network.onLog)
  keep()
  return { editions: createEditions(lexicons), load }
}

/**
 * Loads them. Those by NSID are locked in the data folder, once they are kept.
 * @param network.fetch guarded against addresses inside the network
 * @throws IndexerError `bad-config`
 */
export function configuredLexicons(
  config: Pick<IndexerConfig, 'lexicons' | 'dataFolder' | 'updateLexicons' | 'dns'>,
  network: { readonly dids: DidResolver; readonly fetch: Fetch; readonly onLog: (line: string) => void },
): Promise<LoadedLexicons> {
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
