// What anybody may ask: every query method, the page, and what is served beside it, on the database that the inputs went into.

import { createDidResolver } from '@avocet/did'
import { openState } from '@avocet/firehose/sqlite'
import { catalog } from '@avocet/lexicons/catalog'
import type { Database } from '@avocet/sqlite'
import { createBacklinks } from '../src/backlinks/methods.ts'
import { createDeprecatedLinks } from '../src/backlinks/deprecated.ts'
import { createLinkSources } from '../src/backlinks/sources.ts'
import { defaults } from '../src/config.ts'
import { createLive, type Live } from '../src/http/live.ts'
import { loadPage } from '../src/http/page.ts'
import { createSite } from '../src/http/site.ts'
import { createStatus } from '../src/http/status.ts'
import { createXrpc } from '../src/http/xrpc.ts'
import { createFindAccount } from '../src/identity/handles.ts'
import { createIdentities } from '../src/identity/identities.ts'
import { createDeadLetterReader } from '../src/queries/dead-letters.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { createRepoReader } from '../src/queries/repos.ts'
import { documentHost } from './documents.ts'
import { ALL, describeWanted, openWanted } from '../src/sync/wanted.ts'

/** What costly records point to. */
const LISTED = 'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3kxyzabcdef22'

/** A question: resolves when its answer is read. */
export type Question = { readonly name: string; readonly ask: () => Promise<void> }

/** What the app serves of a database. */
export type Served = Disposable & {
  /** To be told what happens, as in the app. */
  readonly live: Live
  /** All that can be asked about an account. */
  questions(did: string): Question[]
}

/** Serves it. */
export function serveQuestions(db: Database): Served {
  // Makes the tables of the repos' states, which the status looks at each second.
  openState(db)
  const records = createRecordReader(db)
  const repos = createRepoReader(db, Date.now)
  const identities = createIdentities({
    dids: createDidResolver({ fetch: documentHost }),
    handles: { resolve: (handle) => Promise.resolve({ ok: true, value: `did:web:${handle}` }) },
  })
  const backlinks = createBacklinks(db)
  const router = createXrpc({
    records,
    repos,
    identities,
    findAccount: createFindAccount({ db, records, identities, now: Date.now }),
    others: backlinks,
    onError: (error) => {
      throw error
    },
  })
  const status = createStatus({
    db,
    repos,
    sources: () => [],
    work: () => ({
      wanted: { ...describeWanted(openWanted(db, ALL, Date.now)), finding: [] },
      removals: { repos: 0, collections: false },
      reindex: null,
      indexes: [],
    }),
    workers: () => null,
    consumers: () => [],
    accountQuota: defaults.accountQuota,
    version: '0.0.0',
    now: Date.now,
  })
  const live = createLive({ status, handleOf: (did) => records.account(did)?.handle ?? null })
  const site = createSite({
    page: loadPage(),
    live,
    status,
    records,
    links: createLinkReader(db),
    linkSources: createLinkSources(db),
    repos,
    deadLetters: createDeadLetterReader(db),
    catalog: () => catalog,
    queries: () => [],
  })

  const deprecatedLinks = createDeprecatedLinks(db)
  const answer = (request: Request): Response | Promise<Response> =>
    new URL(request.url).pathname.startsWith('/xrpc/')
      ? router.fetch(request)
      : (deprecatedLinks(request) ?? site(request, { address: null }))

  /** Of an answer without end, what is there at once. */
  const read = async (request: Request): Promise<void> => {
    const response = await answer(request)
    if (response.status >= 500) throw new Error(`it cannot be answered; url=${request.url}`)
    if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
      await response.arrayBuffer()
      return
    }
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
  }

  const question = (
    path: string,
    params: Readonly<Record<string, string>> = {},
    method = 'GET',
  ): Question => ({
    name: `${method} ${path}${Object.keys(params).length === 0 ? '' : `?${new URLSearchParams(params).toString()}`}`,
    ask: () => {
      const url = `http://localhost${path}?${new URLSearchParams(params).toString()}`
      return read(new Request(url, { method }))
    },
  })
  const query = (method: string, params: Readonly<Record<string, string>> = {}): Question =>
    question(`/xrpc/${method}`, params)

  /** Who points to what costly records point to most. */
  const ofLinks = (subject: string, source: string, pathToOther: string): Question[] => {
    const about = { subject, source, limit: '1000' }
    return [
      query('blue.microcosm.links.getBacklinks', about),
      query('blue.microcosm.links.getBacklinksCount', about),
      query('blue.microcosm.links.getBacklinkDids', about),
      query('blue.microcosm.links.getManyToMany', { ...about, pathToOther }),
      query('blue.microcosm.links.getManyToManyCounts', { ...about, pathToOther }),
      question('/links/all', { target: subject }),
      question('/links/all/count', { target: subject }),
    ]
  }

  const ofCollection = (did: string, collection: string): Question[] => {
    const about = { repo: did, collection }
    const [first] = records.list({ did, collection, limit: 1, cursor: null, ascending: true })
    const rkey = first?.rkey ?? 'none'
    const uri = `at://${did}/${collection}/${rkey}`
    return [
      query('com.atproto.repo.listRecords', { ...about, limit: '100' }),
      query('com.atproto.repo.listRecords', { ...about, limit: '100', reverse: 'true' }),
      query('com.atproto.repo.listRecords', { ...about, limit: '100', reverse: 'true', cursor: rkey }),
      query('com.atproto.repo.getRecord', { ...about, rkey }),
      question('/records', { uri }),
      question('/link-sources', { subject: uri }),
      question('/link-sources', { subject: did }),
      question('/links/all', { target: did }),
    ]
  }

  return {
    live,
    questions: (did) => [
      ...records
        .eachCollection(did)
        .take(3)
        .toArray()
        .flatMap((collection) => ofCollection(did, collection)),
      query('com.atproto.repo.describeRepo', { repo: did }),
      query('com.atproto.repo.describeRepo', { repo: did.slice('did:web:'.length) }),
      query('com.atproto.sync.getRepoStatus', { did }),
      query('com.atproto.sync.listRepos', { limit: '1000' }),
      query('com.atproto.sync.listRepos', { limit: '1000', cursor: did }),
      ...ofLinks('did:plc:0', 'com.example.costly:s', 't'),
      ...ofLinks(LISTED, 'app.bsky.feed.threadgate:allow[app.bsky.feed.threadgate#listRule].list', 'post'),
      query('_health'),
      question('/'),
      question('/page/main.js'),
      question('/events'),
      question('/events', {}, 'HEAD'),
      question('/status'),
      question('/failures'),
      question('/repos', { did }),
      question('/accounts'),
      question('/accounts', { cursor: did }),
      question('/records', { uri: `at://${did}/com.example.none/none` }),
      question('/', {}, 'POST'),
    ],
    [Symbol.dispose]: () => live.close(),
  }
}
