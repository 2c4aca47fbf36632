// Which lists are read: of everybody, or of those who have what is wanted.

import type { Consumer, HostFetch } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { IndexerConfig } from '../config.ts'
import type { Edition, Editions } from '../lexicons/editions.ts'
import { createListRepos } from './discover.ts'
import { startDiscovery } from './discovery.ts'
import { type Finding, startFinding } from './finding.ts'
import type { Wanted } from './wanted.ts'

/** Starts to read them. */
export function startLists(options: {
  readonly db: Database
  readonly config: Pick<IndexerConfig, 'sources' | 'directories'>
  /** Origin and id of each source. */
  readonly hosts: readonly string[]
  readonly ids: readonly string[]
  readonly wanted: Wanted
  readonly isFollowed: (did: string) => boolean
  /** The lexicons, which say which collections a namespace has. */
  readonly editions: Pick<Editions, 'now'>
  /** Guarded against addresses inside the network, redirects included. */
  readonly fetch: HostFetch
  readonly consumer: Consumer
  readonly onTrouble: (message: string) => void
  readonly now: () => number
}): Finding {
  const { config, wanted, isFollowed, editions } = options
  const sources = config.sources.map(({ kind }, i) => ({
    url: options.hosts[i]!,
    source: options.ids[i]!,
    own: kind === 'pds',
  }))
  // Those that are followed are read already, or will be.
  const dids = (wanted.named('', Infinity) as Did[]).filter((did) => !isFollowed(did))
  if (wanted.everything) {
    const listRepos = createListRepos(options.fetch)
    const discovery = startDiscovery({ ...options, hosts: sources, dids, listRepos })
    return { status: () => [], stop: () => discovery.stop() }
  }
  // A directory knows the network, so that no relay has to; of its own accounts a PDS knows best.
  const own = sources.filter((source) => source.own)
  const directories = (config.directories ?? []).map((url) => ({ url, source: url, own: false }))
  const others = directories.length > 0 ? directories : sources.filter((source) => !source.own)
  let read: { readonly edition: Edition; readonly known: readonly string[] } | null = null
  const known = (): readonly string[] => {
    const edition = editions.now()
    const { catalog } = edition.lexicons
    if (read?.edition !== edition) {
      const records = [...catalog.nsids()].filter((nsid) => catalog.record(nsid) !== undefined)
      read = { edition, known: records }
    }
    return read.known
  }
  return startFinding({ ...options, hosts: [...own, ...others], dids, known })
}
