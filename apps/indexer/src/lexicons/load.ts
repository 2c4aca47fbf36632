// The lexicons that an operator gives: documents in folders, and the names of those that others publish.

import { existsSync } from 'node:fs'
import {
  type Catalog,
  createCatalog,
  LexiconError,
  type LexiconDocument,
  type LexiconResolver,
} from '@avocet/lexicon'
import { catalog as bundled } from '@avocet/lexicons/catalog'
import { isNsid } from '@avocet/syntax'
import { loadLexicons } from '@avocet/lexicon/node'
import { IndexerError } from '../errors.ts'
import { catalogWith } from '../index/examine.ts'
import { type LexiconLock, readLock, writeLock } from './lock.ts'
import { documentsOf, resolveLexicons } from './network.ts'

/** What was loaded. */
export type Lexicons = {
  readonly documents: readonly LexiconDocument[]
  /** The bundled ones and these. */
  readonly catalog: Catalog
  /** The collections whose records these describe. */
  readonly collections: readonly string[]
}

/** Lexicons that were loaded, and not kept yet. */
export type LoadedLexicons = {
  readonly lexicons: Lexicons
  /** Writes the lock of those of the network, whole or not at all. @throws what the file system says */
  readonly keep: () => void
}

/** Where lexicons of the network come from, and are kept. */
export type NetworkLexicons = {
  readonly resolver: LexiconResolver
  /** Null: nothing is kept. */
  readonly lockFile: string | null
  /** Ask for all of them anew; those that cannot be had stay as they are. */
  readonly update: boolean
  readonly onLog: (line: string) => void
}

/**
 * Loads the documents of folders, and those that NSIDs name with all that they refer to. Nothing is changed.
 * @throws IndexerError `bad-config` for a folder that cannot be read, a lexicon that cannot be found, and documents that do not fit
 *   together
 */
export async function loadLexiconsOf(
  items: readonly string[],
  network: NetworkLexicons,
): Promise<LoadedLexicons> {
  const nsids = items.filter((item) => isNsid(item) && !existsSync(item))
  const documents: LexiconDocument[] = []
  for (const folder of items.filter((item) => !nsids.includes(item))) {
    try {
      documents.push(...(await loadLexicons(folder)))
    } catch (cause) {
      throw new IndexerError('bad-config', `Cannot load lexicons of ${folder}: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
  if (nsids.length === 0) return { lexicons: lexiconsOf(documents), keep: () => {} }
  const own = lexiconsOf(documents, true)
  const known = { get: (nsid: string) => own.catalog.get(nsid) ?? bundled.get(nsid) }
  const lock = await lockOf(nsids, known, network)
  const all = lexiconsOf([...documents, ...documentsOf(lock)])
  // Those that are bundled, or in a folder, are named to be asked.
  const named = nsids.filter((nsid) => all.catalog.record(nsid) !== undefined)
  const { lockFile } = network
  return {
    lexicons: { ...all, collections: [...new Set([...all.collections, ...named])] },
    keep: () => (lockFile === null ? undefined : writeLock(lockFile, lock)),
  }
}

async function lockOf(
  nsids: readonly string[],
  known: Pick<Catalog, 'get'>,
  { resolver, lockFile, update, onLog }: NetworkLexicons,
): Promise<LexiconLock> {
  const before: LexiconLock = lockFile === null ? new Map() : readLock(lockFile)
  let lock: LexiconLock
  try {
    lock = await resolveLexicons(resolver, nsids, known, update ? new Map() : before)
  } catch (error) {
    if (!update || !(error instanceof IndexerError)) throw error
    onLog(`${error.message}; lexicons stay as they were`)
    lock = await resolveLexicons(resolver, nsids, known, before)
  }
  for (const [nsid, { sha256, uri, cid }] of lock) {
    if (before.get(nsid)?.sha256 !== sha256) onLog(`lexicon ${nsid} of ${uri}, ${cid}`)
  }
  return lock
}

/**
 * @param isPart what they refer to may be missing
 * @throws IndexerError `bad-config` for documents that do not fit together
 */
export function lexiconsOf(documents: readonly LexiconDocument[], isPart = false): Lexicons {
  try {
    const collections = documents.filter(({ defs }) => defs['main']?.type === 'record').map(({ id }) => id)
    const catalog = isPart ? createCatalog(documents, { absent: 'allow' }) : catalogWith(documents)
    return { documents, catalog, collections }
  } catch (cause) {
    if (!(cause instanceof LexiconError)) throw cause
    throw new IndexerError('bad-config', `Cannot use the lexicons: ${cause.message}`, { cause })
  }
}
