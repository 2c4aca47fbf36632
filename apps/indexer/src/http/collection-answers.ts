// The queries of collections, and of authors, as lexicons and indexes are now: made anew when those change.

import type { LexiconDocument } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { createLinkers } from '../backlinks/linkers.ts'
import { XrpcError } from '@avocet/xrpc'
import type { FindAccount } from '../identity/handles.ts'
import type { Edition, Editions } from '../lexicons/editions.ts'
import { checkMappings, type Mapped } from '../mapped/check.ts'
import { type Mapping, readMappings } from '../mapped/mapping.ts'
import { addMapped } from '../mapped/serve.ts'
import { addCollections } from '../methods/collections.ts'
import type { Projections } from '../projections/store.ts'
import { createCollectionReader } from '../queries/collections.ts'
import type { Labels } from '../queries/labels.ts'
import { createJoins } from '../queries/linked.ts'
import type { RecordReader } from '../queries/records.ts'
import type { Searcher } from '../search/searcher.ts'
import { createDescription } from './description.ts'

/** Answers of queries that follow from lexicons. */
export type CollectionAnswers = {
  /**
   * The answer to a method of a collection or an author; null for any other. What was begun before lexicons or indexes changed is asked
   * anew, so that each answer is of one state of them.
   */
  method(nsid: string, request: Request, address: string | null): Promise<Response> | null
  /** `/lexicons` and `/openapi.json`; null for other addresses. */
  description(request: Request): Response | null
  /** The lexicons of all that can be asked. */
  documents(): readonly LexiconDocument[]
  /**
   * Reads the files of queries anew and holds them against other lexicons and the indexes of now; nothing is changed.
   * @returns what puts them in force, to be called when those lexicons are
   * @throws IndexerError `bad-config` for what does not fit
   */
  readonly prepare: (edition: Edition) => () => void
}

type Made = {
  readonly edition: Edition
  /** Of the indexes. */
  readonly version: string
  readonly router: Router
  readonly nsids: ReadonlySet<string>
  readonly documents: readonly LexiconDocument[]
  readonly description: (request: Request) => Response | null
}

/** Times that one question is asked anew as lexicons or indexes changed meanwhile: only their operator changes those. */
const MAX_TRIES = 5

/**
 * Makes them.
 * @param options.files how queries of authors are answered
 * @throws IndexerError `bad-config` for what does not fit the lexicons and the indexes that are declared
 */
export function createCollectionAnswers(options: {
  readonly db: Database
  readonly editions: Pick<Editions, 'now'>
  readonly labels: Labels
  readonly projections: Projections
  readonly records: RecordReader
  readonly searcher: Searcher
  readonly findAccount: FindAccount
  readonly files: readonly string[]
  readonly onError: (error: unknown) => void
}): CollectionAnswers {
  const { db, editions, labels, projections, records, searcher, findAccount, onError } = options
  const joins = createJoins(db, records)
  const linkers = createLinkers(db)
  let mappings: readonly Mapping[] = options.files.flatMap(readMappings)

  /** @param leavesOut queries of authors that do not fit have no answer, until they do */
  const make = (edition: Edition, mapping: readonly Mapping[], leavesOut: boolean): Made => {
    const { catalog } = edition.lexicons
    const reader = createCollectionReader(db, catalog, projections, labels)
    const router = createRouter({ cors: false, compression: false, onError })
    const parts = { reader, records, joins, linkers, searcher, findAccount }
    const mapped: Mapped[] = checkMappings(mapping, catalog, reader, leavesOut)
    addCollections(router, catalog, parts)
    addMapped(router, mapped, parts)
    const own = mapped.flatMap(({ query }) => catalog.get(query.nsid) ?? [])
    return {
      edition,
      version: projections.version(),
      router,
      nsids: new Set(router.methods().map(({ schema }) => schema.nsid)),
      documents: [...reader.all.flatMap(({ documents }) => documents), ...own],
      description: createDescription(reader.all, mapped, catalog),
    }
  }

  let made = make(editions.now(), mappings, false)
  const now = (): Made => {
    const edition = editions.now()
    // What needs an index that was taken away later has no answer until there is one again.
    if (made.edition !== edition || made.version !== projections.version())
      made = make(edition, mappings, true)
    return made
  }

  const answer = async (nsid: string, request: Request, address: string | null): Promise<Response> => {
    for (let i = 0; i < MAX_TRIES; i++) {
      const by = now()
      if (!by.nsids.has(nsid)) throw new XrpcError(501, 'MethodNotImplemented', 'Method Not Implemented')
      const response = await by.router.fetch(request, { address })
      if (by === now()) return response
    }
    throw new XrpcError(503, 'IndexBuilding', 'the lexicons or the indexes change all the time')
  }
  return {
    method: (nsid, request, address) => (now().nsids.has(nsid) ? answer(nsid, request, address) : null),
    description: (request) => now().description(request),
    documents: () => now().documents,
    prepare(edition) {
      const mapping = options.files.flatMap(readMappings)
      const prepared = make(edition, mapping, false)
      return () => {
        mappings = mapping
        made = prepared
      }
    },
  }
}
