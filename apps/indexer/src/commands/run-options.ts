// What `run` is told: its sources, what is indexed and how, where it is served.

import { Option } from 'commander'
import {
  type IndexerConfig,
  type SourceConfig,
  defaults,
  parseCollections,
  parseCount,
  parseDids,
  parseHttpUrl,
  parsePort,
  parsePositive,
  parseSource,
  parseWorkers,
} from '../config.ts'
import { IndexerError } from '../errors.ts'
import { parseIndexes } from '../projections/declare.ts'
import { parseSearch } from '../search/declare.ts'
import { flag, list, option } from './options.ts'

/** The flags as they are read. */
export type RunFlags = {
  relay: string[]
  source: string[]
  fromOldest: boolean
  plcUrl: string
  data: string
  host: string
  port: number
  collections?: string[]
  repos?: string[]
  lexicons: string[]
  updateLexicons: boolean
  dns: string[]
  index: string[]
  search: string[]
  queries: string[]
  backfill: boolean
  logHours: number
  logMb: number
  subscribers: number
  subscribersPerAddress: number
  zstdDictionary?: string
  workers: number
  accountMb: number
  resyncSeconds: number
  auditPerMinute: number
  auditMbPerDay: number
  allowLoopback: boolean
}

/** Their options. */
export const runOptions = (env: NodeJS.ProcessEnv): readonly Option[] => [
  list(
    '--relay <url>',
    'a relay to follow, speaking for all accounts; may be repeated',
    'AVOCET_RELAY',
    env,
    `${defaults.relay} without any --source`,
  ),
  list(
    '--source <url>',
    'a PDS to follow, speaking for the accounts it hosts; may be repeated',
    'AVOCET_SOURCE',
    env,
    'none',
  ),
  flag(
    '--from-oldest',
    'start a relay at the oldest event it has, not with what happens now',
    'AVOCET_FROM_OLDEST',
  ),
  option('--plc-url <url>', 'the did:plc directory', 'AVOCET_PLC_URL', defaults.plcUrl, parseHttpUrl),
  option('--data <folder>', 'where the database is kept', 'AVOCET_DATA', defaults.dataFolder),
  option('--host <address>', 'the address to serve on; 0.0.0.0 for all', 'AVOCET_HOST', defaults.host),
  option('--port <number>', 'the port to serve on', 'AVOCET_PORT', defaults.port, parsePort),
  option(
    '--collections <list>',
    'these collections, of whoever has records of them: app.bsky.feed.post,app.bsky.graph.*',
    'AVOCET_COLLECTIONS',
    undefined,
    parseCollections,
  ),
  list(
    '--lexicons <folder or NSID>',
    'lexicons, in a folder or published: records are judged by them and get typed queries; may be repeated',
    'AVOCET_LEXICONS',
    env,
    'none',
  ),
  flag(
    '--update-lexicons',
    'ask for published lexicons anew, not as they were when they were found',
    'AVOCET_UPDATE_LEXICONS',
  ),
  list(
    '--dns <server>',
    'a DNS server that published lexicons are found by, address or address:port; may be repeated',
    'AVOCET_DNS',
    env,
    "the system's",
  ),
  list(
    '--index <fields>',
    'what a collection can be asked by, as in app.bsky.feed.post:createdAt,reply.parent.uri+createdAt; may be repeated',
    'AVOCET_INDEX',
    env,
    'createdAt of those with --lexicons',
    ' ',
  ),
  list(
    '--search <fields>',
    'which fields of a collection can be searched, as in com.example.note:title,text; may be repeated',
    'AVOCET_SEARCH',
    env,
    'none',
    ' ',
  ),
  list(
    '--queries <file>',
    'how query lexicons of --lexicons are answered, a file of JSON; may be repeated',
    'AVOCET_QUERIES',
    env,
    'none',
  ),
  option('--repos <dids>', 'index these repos, whatever they have', 'AVOCET_REPOS', undefined, parseDids),
  new Option('--no-backfill', 'do not read whole repos: only what the stream brings'),
  option(
    '--log-hours <hours>',
    'how long the log of changes is kept',
    'AVOCET_LOG_HOURS',
    defaults.logRetentionHours,
    parsePositive,
  ),
  option(
    '--log-mb <MiB>',
    'room on disk for the log of changes, about; the oldest go first',
    'AVOCET_LOG_MB',
    defaults.logBytes / 1024 ** 2,
    parsePositive,
  ),
  option(
    '--subscribers <number>',
    'how many may follow streams at the same time',
    'AVOCET_SUBSCRIBERS',
    defaults.streams.subscribers,
    parseCount,
  ),
  option(
    '--subscribers-per-address <number>',
    'how many of them from one address; 0: no bound, as behind a proxy',
    'AVOCET_SUBSCRIBERS_PER_ADDRESS',
    defaults.streams.perAddress,
    parseCount,
  ),
  option(
    '--zstd-dictionary <file>',
    'zstd dictionary to pack streams with, for who asks for it',
    'AVOCET_ZSTD_DICTIONARY',
    undefined,
  ),
  option(
    '--workers <number>',
    'threads that verify and validate live events; 0: the one that answers queries does it',
    'AVOCET_WORKERS',
    defaults.workers,
    parseWorkers,
  ),
  option(
    '--account-mb <MiB>',
    'room on disk for the records of one account; past it they are kept without content',
    'AVOCET_ACCOUNT_MB',
    defaults.accountQuota / 1024 ** 2,
    parsePositive,
  ),
  option(
    '--resync-seconds <number>',
    'a repo is read whole again no sooner than so many seconds after the last time',
    'AVOCET_RESYNC_SECONDS',
    defaults.resyncIntervalMs / 1000,
    parsePositive,
  ),
  option(
    '--audit-per-minute <number>',
    'repos that are compared with their hosts in a minute, drawn at random; 0: none',
    'AVOCET_AUDIT_PER_MINUTE',
    defaults.audit.perMinute,
    parseCount,
  ),
  option(
    '--audit-mb-per-day <MiB>',
    'how much is read for that in a day',
    'AVOCET_AUDIT_MB_PER_DAY',
    defaults.audit.bytesPerDay / 1024 ** 2,
    parsePositive,
  ),
  flag(
    '--allow-loopback',
    'development: plain HTTP, and addresses of this machine and network',
    'AVOCET_ALLOW_LOOPBACK',
  ),
]

/** @throws IndexerError `bad-config`: a source is named twice */
export function toConfig(flags: RunFlags): IndexerConfig {
  const relays = flags.relay.length + flags.source.length === 0 ? [defaults.relay] : flags.relay
  const sources: SourceConfig[] = [
    ...relays.map((url) => parseSource(url, 'relay', flags.fromOldest ? 'oldest' : 'live')),
    ...flags.source.map((url) => parseSource(url, 'pds', 'oldest')),
  ]
  const twice = sources.find(({ url }, i) => sources.findIndex((other) => other.url === url) < i)
  if (twice !== undefined) throw new IndexerError('bad-config', `Given twice: ${twice.url}`)
  return {
    dataFolder: flags.data,
    host: flags.host,
    port: flags.port,
    sources,
    plcUrl: flags.plcUrl,
    collections: flags.collections ?? null,
    backfill: flags.backfill,
    repos: flags.repos ?? [],
    lexicons: flags.lexicons,
    updateLexicons: flags.updateLexicons,
    ...(flags.dns.length === 0 ? {} : { dns: flags.dns }),
    indexes: flags.index.map(parseIndexes),
    searches: flags.search.map(parseSearch),
    queries: flags.queries,
    allowLoopback: flags.allowLoopback,
    logRetentionMs: flags.logHours * 3_600_000,
    logBytes: flags.logMb * 1024 ** 2,
    streams: { subscribers: flags.subscribers, perAddress: flags.subscribersPerAddress },
    ...(flags.zstdDictionary === undefined ? {} : { zstdDictionary: flags.zstdDictionary }),
    workers: flags.workers,
    accountQuota: flags.accountMb * 1024 ** 2,
    resyncIntervalMs: flags.resyncSeconds * 1000,
    audit: { perMinute: flags.auditPerMinute, bytesPerDay: flags.auditMbPerDay * 1024 ** 2 },
  }
}
