// What the configuration says of what is wanted.

import type { IndexerConfig } from '../config.ts'
import { IndexerError } from '../errors.ts'
import type { Wanted, WantedFlags } from './wanted.ts'

/** What the configuration wants; a library asks for everything by naming nothing else. */
export function wantedBy({ collections, signalCollection, repos, everything }: IndexerConfig): WantedFlags {
  const signal = signalCollection ?? null
  return { everything: everything ?? (collections === null && signal === null), collections, signal, repos }
}

/**
 * Refuses to start where nothing would ever be indexed, and nobody could add to it.
 * @param chosen what is stored; null: nothing is
 * @throws IndexerError `nothing-wanted`
 */
export function checkWanted(config: IndexerConfig, chosen: Wanted | null): void {
  const wanted = wantedBy(config)
  const isNothing = !wanted.everything && wanted.collections === null && wanted.signal === null
  const isChosen = chosen !== null && (chosen.collections() !== null || chosen.countNamed() > 0)
  if (
    !isNothing ||
    wanted.repos.length > 0 ||
    isChosen ||
    config.admin !== undefined ||
    config.tap !== undefined
  )
    return
  throw new IndexerError('nothing-wanted', NOTHING_WANTED)
}

const NOTHING_WANTED = `Nothing to index was named. Say what is wanted:
  --collections app.bsky.feed.post,app.bsky.graph.*   records of these collections, of whoever has some
  --signal-collection com.example.profile             of whoever has a record of this one
  --repos did:plc:...,did:web:...                     of these repos
  --everything                                        of every repo of the sources
or set AVOCET_ADMIN_TOKEN (or --tap), and add collections and repos while it runs (avocet-indexer collections add, repos add)`
