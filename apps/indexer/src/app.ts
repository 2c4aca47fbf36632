// The composition root: sources, verifier, tables, queries and page become one indexer.

import { existsSync } from 'node:fs'
import { nativeVerifier } from '@avocet/crypto-native'
import { createGuardedFetch } from '@avocet/did'
import { createHostClocks, hostStatusFetcher, latestRevFetcher, limitHosts } from '@avocet/firehose'
import { createAddressReader, serve } from '@avocet/xrpc-server/node'
import { createChoices } from './admin/choices.ts'
import { serveAdmin } from './admin/serve.ts'
import { createLetters } from './admin/letters.ts'
import { defaults, type IndexerConfig } from './config.ts'
import { createConsumers } from './consumers.ts'
import { openAudit } from './coverage/open.ts'
import { describeEnd } from './database/failure.ts'
import { lockFolder } from './database/lock.ts'
import { databasePath, openIndexDatabase } from './database/open.ts'
import type { Indexer } from './indexer.ts'
import { createAnswers } from './http/answers.ts'
import { boundConnections, connectionLimits, openFiles } from './http/connections.ts'
import { listenError } from './http/listen.ts'
import { createLive } from './http/live.ts'
import { createSourceStatuses } from './http/source-status.ts'
import { createStatus } from './http/status.ts'
import { createResolvers } from './identity/resolvers.ts'
import { startPipeline } from './pipeline.ts'
import { readDictionary } from './stream/dictionary.ts'
import { openStreams } from './stream/streams.ts'
import { createDeadLetterReader } from './queries/dead-letters.ts'
import { openLexicons } from './lexicons/configured.ts'
import { createReload } from './lexicons/reload.ts'
import { createLabels } from './queries/labels.ts'
import { openProjections } from './projections/open.ts'
import { createRecordReader } from './queries/records.ts'
import { createRepoReader } from './queries/repos.ts'
import { createBackfill } from './sync/backfill.ts'
import { createSearcher } from './search/searcher.ts'
import type { FindingStatus } from './sync/finding.ts'
import { toHttp, toSource } from './sync/sources.ts'
import { startLists } from './sync/lists.ts'
import { sameLoopback } from './sync/loopback.ts'
import { checkWanted, wantedBy } from './sync/flags.ts'
import { describeWanted, openWanted } from './sync/wanted.ts'
import { version } from './version.ts'

export { type AdminConfig, defaults, type IndexerConfig, type SourceConfig } from './config.ts'
export type { GroupStats } from './delivery/group-types.ts'
export { IndexerError, type IndexerErrorCode } from './errors.ts'
export type { SourceStatus } from './http/source-status.ts'
export type { Indexer } from './indexer.ts'
export type { LexiconChoices, LexiconReload, LexiconStatus } from './lexicons/reload.ts'
export type { IndexChange, IndexChoices, IndexKind, IndexStatus } from './projections/choices.ts'
export type { ReindexStatus } from './index/reindex.ts'
export type { FindingStatus } from './sync/finding.ts'
export type { Status, Totals, WantedStatus } from './http/status.ts'
export type { ChoiceError, ChoiceResult, CollectionChoices, NamedRepo, RepoChoices } from './admin/choices.ts'
export type { StreamEvent } from './stream/event.ts'
export type { EventOptions } from './stream/iterate.ts'
export type { TapConfig } from './tap/tap.ts'
export type { WebhookConfig } from './webhooks/settings.ts'
export type { WebhookStats } from './webhooks/webhooks.ts'

const MAX_LIST_BYTES = 4 * 1024 ** 2
const MAX_EXPORT_BYTES = 4 * 1024 ** 3
/** For a whole export; one that stalls is given up much sooner. */
const EXPORT_MS = 30 * 60_000
/** Of sixteen at a time: no host holds the places of all others. Two of them are kept for gaps. */
const EXPORTS_PER_HOST = 10

/**
 * Starts an indexer.
 * @throws IndexerError `data-folder`, `port-in-use`, `cannot-listen`
 */
export async function createIndexer(config: IndexerConfig): Promise<Indexer> {
  await using opened = new AsyncDisposableStack()
  const log = config.onLog ?? ((): void => {})
  const now = Date.now
  if (config.dataFolder === null || !existsSync(config.dataFolder)) checkWanted(config, null)
  const db = openIndexDatabase(config.dataFolder, (rows) =>
    log(`database of an older version: ${rows} rows moved or counted`),
  )
  opened.defer(() => db.close())
  if (config.dataFolder !== null) opened.use(lockFolder(config.dataFolder))

  const { allowLoopback, accountQuota = defaults.accountQuota } = config
  const hosts = config.sources.map(({ url }) => toHttp(url))
  const fetch = createGuardedFetch({ allowLoopback, maxBytes: MAX_LIST_BYTES })
  const { dids, askedDids, identities } = createResolvers({
    plcUrl: config.plcUrl,
    allowLoopback,
    hosts,
    fetch,
    now,
  })
  const { editions, load: loadLexicons } = await openLexicons(config, { dids, fetch, onLog: log })
  const labels = createLabels(db, () => editions.now().judge)
  const records = createRecordReader(db, labels)
  const { projections, upkeep, ...declared } = openProjections({
    db,
    editions,
    labels,
    declared: config.indexes ?? [],
    searched: config.searches ?? [],
    onLog: log,
    now,
  })
  const { choices: indexes } = declared.indexes
  opened.defer(() => upkeep.stop())
  const searcher = createSearcher(db, config.dataFolder === null ? null : databasePath(config.dataFolder))
  opened.defer(() => searcher.close())
  const repos = createRepoReader(db, now)
  const wanted = openWanted(db, wantedBy(config), now)
  checkWanted(config, wanted)
  const verify = nativeVerifier()

  // Notices come only after the pipeline has started, and the pipeline wants to know whom to tell.
  const live = createLive({
    status: () => status(),
    handleOf: (did) => records.account(did)?.handle ?? null,
  })
  opened.defer(() => live.close())
  const consumers = createConsumers({
    config,
    db,
    records,
    repos,
    dids: askedDids,
    identities,
    tapRepos: {
      add: (added) => choices.repos.add(added),
      remove: (removed) => choices.repos.remove(removed),
    },
    now,
    onLog: log,
  })
  opened.defer(() => consumers.close())
  // What is in the log now is durable: it is looked at before anything is added.
  const streams = openStreams({
    db,
    limits: config.streams ?? defaults.streams,
    dictionary: config.zstdDictionary === undefined ? null : readDictionary(config.zstdDictionary),
    addressOf: createAddressReader(false),
    onError: (error) => log(`stream failed: ${String(error)}`),
    ...(config.slowSubscriberMs === undefined ? {} : { slowMs: config.slowSubscriberMs }),
    ...(config.pingMs === undefined ? {} : { pingMs: config.pingMs }),
    wires: (parts) => consumers.open(parts),
  })
  opened.defer(() => streams.close())
  await consumers.start()
  // What is asked of one host is bounded over all that is asked: exports, questions and lists.
  const clocks = createHostClocks()
  const ask = limitHosts(fetch, clocks, { slots: 4 })
  const exports = createGuardedFetch({ allowLoopback, maxBytes: MAX_EXPORT_BYTES, timeoutMs: EXPORT_MS })
  const fetchRepos = limitHosts(exports, clocks, { slots: EXPORTS_PER_HOST })
  const resolveKey = allowLoopback ? sameLoopback(identities.resolveKey, hosts) : identities.resolveKey
  const sources = config.sources.map(toSource)
  const backfill = config.backfill
    ? createBackfill({
        db,
        fetch: fetchRepos,
        ask,
        relays: config.sources.filter(({ kind }) => kind === 'relay').map(({ url }) => toHttp(url)),
        wanted,
        verify,
      })
    : null
  const pipeline = startPipeline({
    db,
    sources,
    resolveKey,
    verify,
    wanted,
    editions,
    projections,
    resync: backfill?.resync ?? null,
    latestRev: config.backfill ? latestRevFetcher({ fetch: ask }) : null,
    hostStatus: hostStatusFetcher({ fetch: ask }),
    resyncIntervalMs: config.resyncIntervalMs ?? defaults.resyncIntervalMs,
    logRetentionMs: config.logRetentionMs,
    logBytes: config.logBytes ?? defaults.logBytes,
    needed: {
      from: () => consumers.needs(),
      retentionMs: config.consumerRetentionMs ?? defaults.consumerRetentionMs,
    },
    workers: config.workers ?? defaults.workers,
    accountQuota,
    onNotice: (notice) => live.notice(notice),
    onLogged: (seq) => streams.hub.committed(seq),
    now,
  })
  opened.defer(() => pipeline.stop())
  const audit = openAudit({
    db,
    repos,
    isWanted: wanted.isWanted,
    resolveKey,
    fetch: fetchRepos,
    ask,
    verify,
    maxSize: MAX_EXPORT_BYTES,
    // What is not read whole is not complete, and need not be compared.
    budget: { ...(config.audit ?? defaults.audit), ...(config.backfill ? {} : { perMinute: 0 }) },
    requestResync: (did) => pipeline.consumer.requestResync(did),
    onTrouble: log,
    now,
  })
  opened.defer(() => audit.stop())
  const choices = createChoices({ wanted, repos, consumer: pipeline.consumer, onTrouble: log })
  let listed = (): FindingStatus[] => []
  const status = createStatus({
    work: () => ({
      wanted: { ...describeWanted(wanted), finding: listed() },
      removals: pipeline.removals.waiting(),
      reindex: pipeline.reindexing.status(),
      indexes: indexes.list(),
    }),
    db,
    repos,
    sources: createSourceStatuses(config.sources, () => pipeline, log),
    workers: () => pipeline.workers(),
    audit: () => audit.report(),
    consumers: () => consumers.stats(),
    ...(backfill === null ? {} : { reads: backfill.reads }),
    accountQuota,
    version,
    now,
  })
  const isFollowed = (did: string): boolean => repos.get(did) !== null
  if (config.backfill) {
    const { consumer } = pipeline
    const lists = startLists({
      db,
      config,
      hosts,
      ids: sources.map(({ id }) => id),
      wanted,
      isFollowed,
      editions,
      fetch: ask,
      consumer,
      onTrouble: log,
      now,
    })
    listed = () => lists.status()
    opened.defer(() => lists.stop())
  }

  const { router, answer, prepare } = createAnswers({
    db,
    records,
    repos,
    identities,
    editions,
    labels,
    projections,
    searcher,
    queries: config.queries ?? [],
    live,
    status,
    method: (nsid) => streams.method(nsid),
    onLog: log,
    now,
  })
  const lexicons = createReload({
    db,
    editions,
    load: loadLexicons,
    indexes: declared.indexes,
    prepare,
    onEntered: () => labels.refresh(),
    onLog: log,
  })
  const serving =
    config.port === null
      ? null
      : await serve({
          router,
          port: config.port,
          hostname: config.host,
          fetch: (request, caller) =>
            consumers.fetch(request, caller) ?? streams.fetch(request, caller) ?? answer(request, caller),
          upgrade: streams.sockets.upgrade,
          upgradePaths: streams.sockets.paths,
          stopMs: 3000,
        }).catch((cause: unknown) => {
          throw listenError(config.host, config.port!, cause)
        })
  // Pages hold their event streams open: they are ended first, so that the server has nothing to wait for.
  if (serving !== null) {
    const areApart = (config.streams ?? defaults.streams).perAddress > 0
    boundConnections(serving.server, connectionLimits(openFiles(), areApart))
    opened.defer(async () => {
      live.close()
      await streams.close()
      await serving.close()
    })
  }

  const admin =
    config.admin === undefined
      ? null
      : await serveAdmin(
          config.admin,
          {
            ...choices,
            indexes,
            lexicons,
            status,
            deadLetters: createDeadLetterReader(db),
            letters: createLetters(db, pipeline.consumer, isFollowed),
            reindexing: pipeline.reindexing,
            consumer: pipeline.consumer,
            isFollowed,
            consumers,
            answer,
          },
          (error) => log(`admin request failed: ${String(error)}`),
        )
  if (admin !== null) opened.defer(() => admin.close())

  const parts = opened.move()
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= parts.disposeAsync())
  // Sources that have nothing more to give end nothing: what is indexed is still served.
  const done = new Promise<void>((resolve, reject) => {
    parts.defer(resolve)
    Promise.all([pipeline.done, upkeep.done]).catch((error: unknown) => {
      reject(describeEnd(error, config.dataFolder))
      // It fails for the same reason, which is told.
      return close().catch(() => {})
    })
  })
  // Whoever awaits `done` hears of it; nobody has to.
  done.catch(() => {})
  return {
    url: serving?.url ?? null,
    adminUrl: admin?.url ?? null,
    done,
    status,
    ...choices,
    indexes,
    lexicons,
    events: (options = {}) => streams.events(options),
    close,
    [Symbol.asyncDispose]: close,
  }
}
