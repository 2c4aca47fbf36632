// What is answered from the index: its XRPC methods, what describes them, the coverage, and the page.

import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'
import { createDeprecatedLinks } from '../backlinks/deprecated.ts'
import { createBacklinks } from '../backlinks/methods.ts'
import { createLinkSources } from '../backlinks/sources.ts'
import { createCoverageAnswers } from '../coverage/serve.ts'
import { createFindAccount } from '../identity/handles.ts'
import type { Identities } from '../identity/identities.ts'
import type { Editions } from '../lexicons/editions.ts'
import type { Projections } from '../projections/store.ts'
import { createDeadLetterReader } from '../queries/dead-letters.ts'
import { createLinkReader } from '../queries/links.ts'
import type { Labels } from '../queries/labels.ts'
import type { RecordReader } from '../queries/records.ts'
import type { RepoReader } from '../queries/repos.ts'
import type { Searcher } from '../search/searcher.ts'
import { type CollectionAnswers, createCollectionAnswers } from './collection-answers.ts'
import type { Live } from './live.ts'
import { loadPage } from './page.ts'
import { createSite } from './site.ts'
import type { Status } from './status.ts'
import { createXrpc } from './xrpc.ts'

/** Answers of the index. */
export type Answers = Pick<CollectionAnswers, 'prepare'> & {
  readonly router: Router
  /** Everything outside of XRPC. */
  readonly answer: (
    request: Request,
    caller: { readonly address: string | null },
  ) => Response | Promise<Response>
}

/** @param options.method the streams' answer to a method that is theirs; null: it is not */
export function createAnswers(options: {
  readonly db: Database
  readonly records: RecordReader
  readonly repos: RepoReader
  readonly identities: Identities
  readonly editions: Editions
  readonly labels: Labels
  readonly projections: Projections
  readonly searcher: Searcher
  /** Files that say how queries of authors are answered. */
  readonly queries: readonly string[]
  readonly live: Live
  readonly status: () => Status
  readonly method: (nsid: string) => Response | Promise<Response> | null
  readonly onLog: (line: string) => void
  readonly now: () => number
}): Answers {
  const { db, records, repos, identities, editions, projections, searcher, live, status } = options
  const backlinks = createBacklinks(db)
  const deprecatedLinks = createDeprecatedLinks(db)
  const findAccount = createFindAccount({ db, records, identities, now: options.now })
  const onError = (error: unknown): void => options.onLog(`request failed: ${String(error)}`)
  const collections = createCollectionAnswers({
    db,
    editions,
    labels: options.labels,
    projections,
    records,
    searcher,
    findAccount,
    files: options.queries,
    onError,
  })
  const router = createXrpc({
    records,
    repos,
    identities,
    findAccount,
    others: (nsid, request, address) =>
      collections.method(nsid, request, address) ?? options.method(nsid) ?? backlinks(nsid, request),
    onError,
  })
  const coverage = createCoverageAnswers(status)
  const site = createSite({
    repos,
    deadLetters: createDeadLetterReader(db),
    catalog: () => editions.now().lexicons.catalog,
    queries: () => collections.documents(),
    page: loadPage(),
    live,
    status,
    records,
    links: createLinkReader(db),
    linkSources: createLinkSources(db),
  })
  return {
    router,
    prepare: collections.prepare,
    answer: (request, caller) =>
      collections.description(request) ??
      coverage(request) ??
      deprecatedLinks(request) ??
      site(request, caller),
  }
}
