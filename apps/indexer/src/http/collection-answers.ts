// The queries of collections, and of authors, as the indexes are now: made anew when indexes come and go.

import type { Catalog, LexiconDocument } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { createLinkers } from '../backlinks/linkers.ts'
import type { FindAccount } from '../identity/handles.ts'
import { checkMappings, type Mapped } from '../mapped/check.ts'
import { readMappings } from '../mapped/mapping.ts'
import { addMapped } from '../mapped/serve.ts'
import { addCollections } from '../methods/collections.ts'
import type { Projections } from '../projections/store.ts'
import { createCollectionReader } from '../queries/collections.ts'
import { createJoins } from '../queries/linked.ts'
import type { RecordReader } from '../queries/records.ts'
import type { Searcher } from '../search/searcher.ts'
import { createDescription } from './description.ts'

/** Answers of queries that follow from lexicons. */
export type CollectionAnswers = {
  /** The answer to a method of a collection or an author; null for any other. */
  method(nsid: string, request: Request, address: string | null): Promise<Response> | null
  /** `/lexicons` and `/openapi.json`; null for other addresses. */
  description(request: Request): Response | null
  /** The lexicons of all that can be asked. */
  documents(): readonly LexiconDocument[]
}

type Made = {
  readonly version: string
  readonly router: Router
  readonly nsids: ReadonlySet<string>
  readonly documents: readonly LexiconDocument[]
  readonly description: (request: Request) => Response | null
}

/**
 * Makes them.
 * @param options.files how queries of authors are answered
 * @throws IndexerError `bad-config` for what does not fit the lexicons and the indexes that are declared
 */
export function createCollectionAnswers(options: {
  readonly db: Database
  readonly catalog: Catalog
  readonly projections: Projections
  readonly records: RecordReader
  readonly searcher: Searcher
  readonly findAccount: FindAccount
  readonly files: readonly string[]
  readonly onError: (error: unknown) => void
}): CollectionAnswers {
  const { db, catalog, projections, records, searcher, findAccount, onError } = options
  const mappings = options.files.flatMap(readMappings)
  const joins = createJoins(db, records)
  const linkers = createLinkers(db)
  let isStarted = false

  const make = (): Made => {
    const reader = createCollectionReader(db, catalog, projections)
    const router = createRouter({ cors: false, compression: false, onError })
    const parts = { reader, records, joins, linkers, searcher, findAccount }
    // What needs an index that was taken away later has no answer until there is one again.
    const mapped: Mapped[] = checkMappings(mappings, catalog, reader, isStarted)
    addCollections(router, catalog, parts)
    addMapped(router, mapped, parts)
    const own = mapped.flatMap(({ query }) => catalog.get(query.nsid) ?? [])
    return {
      version: projections.version(),
      router,
      nsids: new Set(router.methods().map(({ schema }) => schema.nsid)),
      documents: [...reader.all.flatMap(({ documents }) => documents), ...own],
      description: createDescription(reader.all, mapped, catalog),
    }
  }

  let made = make()
  isStarted = true
  const now = (): Made => {
    if (made.version !== projections.version()) made = make()
    return made
  }
  return {
    method: (nsid, request, address) =>
      now().nsids.has(nsid) ? now().router.fetch(request, { address }) : null,
    description: (request) => now().description(request),
    documents: () => now().documents,
  }
}
