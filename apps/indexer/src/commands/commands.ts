import { Command, CommanderError, Option } from 'commander'
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
import { version } from '../version.ts'
import { type ConsumerFlags, consumerOptions, toConsumers } from './consumer-options.ts'
import { addCoverage, type CoverageCommands } from './coverage.ts'
import { addManagement } from './manage.ts'
import { type ManagedFlags, managedOptions, toManaged } from './managed-options.ts'
import { flag, list, option } from './options.ts'
import { replay } from './replay.ts'
import { coverage } from './report-coverage.ts'
import { run } from './run.ts'
import { verify } from './verify.ts'

const EXAMPLES = `
Examples:
  # Posts and everything of the graph, from the network's relay, in ./data/indexer
  $ avocet-indexer run --collections app.bsky.feed.post,app.bsky.graph.*

  # Everything of one PDS on this machine
  $ avocet-indexer run --everything --source ws://localhost:2583 --plc-url http://localhost:2582 --allow-loopback

  # One more collection, while it runs
  $ AVOCET_ADMIN_TOKEN=... avocet-indexer collections add app.bsky.feed.like

  # Verify a capture of raw frames, with the keys in a file
  $ avocet-indexer replay frames.bin.zst --did-docs did_docs.json.zst

  # Compare a repo with what is indexed of it
  $ avocet-indexer verify did:plc:ewvi7nxzyoun6zhxrhs64oiz
`

type RunFlags = {
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
  backfill: boolean
  logHours: number
  logMb: number
  subscribers: number
  subscribersPerAddress: number
  zstdDictionary?: string
  workers: number
  accountMb: number
  auditPerMinute: number
  auditMbPerDay: number
  allowLoopback: boolean
} & ConsumerFlags &
  ManagedFlags
type ReplayFlags = {
  didDocs?: string
  plcUrl: string
  data?: string
  collections?: string[]
  quiet?: boolean
  json?: boolean
}

/** Errors that say how it is used. */
const USAGE: ReadonlySet<string> = new Set(['nothing-wanted'])

/** What the commands do once their flags are read. */
export type Commands = { readonly run: typeof run; readonly replay: typeof replay } & CoverageCommands

/** The command line. `run` resolves to the exit code: 0 fine, 1 failed, 2 wrong usage. */
export function addCommands(
  env: NodeJS.ProcessEnv,
  commands: Commands = { run, replay, verify, coverage },
): { run(argv: readonly string[]): Promise<number> } {
  let exitCode = 0
  const program = new Command('avocet-indexer')
    .description('A verified, queryable index of the AT Protocol firehose')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(avocet-indexer --help tells more)')
    .exitOverride()

  const running = program
    .command('run', { isDefault: true })
    .description('follow sources, verify and index, and serve the index (the default)')
    .addOption(
      list(
        '--relay <url>',
        'a relay to follow, speaking for all accounts; may be repeated',
        'AVOCET_RELAY',
        env,
        `${defaults.relay} without any --source`,
      ),
    )
    .addOption(
      list(
        '--source <url>',
        'a PDS to follow, speaking for the accounts it hosts; may be repeated',
        'AVOCET_SOURCE',
        env,
        'none',
      ),
    )
    .addOption(
      flag(
        '--from-oldest',
        'start a relay at the oldest event it has, not with what happens now',
        'AVOCET_FROM_OLDEST',
      ),
    )
    .addOption(
      option('--plc-url <url>', 'the did:plc directory', 'AVOCET_PLC_URL', defaults.plcUrl, parseHttpUrl),
    )
    .addOption(option('--data <folder>', 'where the database is kept', 'AVOCET_DATA', defaults.dataFolder))
    .addOption(
      option('--host <address>', 'the address to serve on; 0.0.0.0 for all', 'AVOCET_HOST', defaults.host),
    )
    .addOption(option('--port <number>', 'the port to serve on', 'AVOCET_PORT', defaults.port, parsePort))
    .addOption(
      option(
        '--collections <list>',
        'these collections, of whoever has records of them: app.bsky.feed.post,app.bsky.graph.*',
        'AVOCET_COLLECTIONS',
        undefined,
        parseCollections,
      ),
    )
    .addOption(
      list(
        '--lexicons <folder or NSID>',
        'lexicons, in a folder or published: records are judged by them and get typed queries; may be repeated',
        'AVOCET_LEXICONS',
        env,
        'none',
      ),
    )
    .addOption(
      flag(
        '--update-lexicons',
        'ask for published lexicons anew, not as they were when they were found',
        'AVOCET_UPDATE_LEXICONS',
      ),
    )
    .addOption(
      list(
        '--dns <server>',
        'a DNS server that published lexicons are found by, address or address:port; may be repeated',
        'AVOCET_DNS',
        env,
        "the system's",
      ),
    )
    .addOption(
      list(
        '--index <fields>',
        'what a collection can be asked by, as in app.bsky.feed.post:createdAt,reply.parent.uri+createdAt; may be repeated',
        'AVOCET_INDEX',
        env,
        'createdAt of those with --lexicons',
        ' ',
      ),
    )
    .addOption(
      list(
        '--search <fields>',
        'which fields of a collection can be searched, as in com.example.note:title,text; may be repeated',
        'AVOCET_SEARCH',
        env,
        'none',
        ' ',
      ),
    )
    .addOption(
      option('--repos <dids>', 'index these repos, whatever they have', 'AVOCET_REPOS', undefined, parseDids),
    )
    .addOption(new Option('--no-backfill', 'do not read whole repos: only what the stream brings'))
    .addOption(
      option(
        '--log-hours <hours>',
        'how long the log of changes is kept',
        'AVOCET_LOG_HOURS',
        defaults.logRetentionHours,
        parsePositive,
      ),
    )
    .addOption(
      option(
        '--log-mb <MiB>',
        'room on disk for the log of changes, about; the oldest go first',
        'AVOCET_LOG_MB',
        defaults.logBytes / 1024 ** 2,
        parsePositive,
      ),
    )
    .addOption(
      option(
        '--subscribers <number>',
        'how many may follow streams at the same time',
        'AVOCET_SUBSCRIBERS',
        defaults.streams.subscribers,
        parseCount,
      ),
    )
    .addOption(
      option(
        '--subscribers-per-address <number>',
        'how many of them from one address; 0: no bound, as behind a proxy',
        'AVOCET_SUBSCRIBERS_PER_ADDRESS',
        defaults.streams.perAddress,
        parseCount,
      ),
    )
    .addOption(
      option(
        '--zstd-dictionary <file>',
        'zstd dictionary to pack streams with, for who asks for it',
        'AVOCET_ZSTD_DICTIONARY',
        undefined,
      ),
    )
    .addOption(
      option(
        '--workers <number>',
        'threads that verify and validate live events; 0: the one that answers queries does it',
        'AVOCET_WORKERS',
        defaults.workers,
        parseWorkers,
      ),
    )
    .addOption(
      option(
        '--account-mb <MiB>',
        'room on disk for the records of one account; past it they are kept without content',
        'AVOCET_ACCOUNT_MB',
        defaults.accountQuota / 1024 ** 2,
        parsePositive,
      ),
    )
    .addOption(
      option(
        '--audit-per-minute <number>',
        'repos that are compared with their hosts in a minute, drawn at random; 0: none',
        'AVOCET_AUDIT_PER_MINUTE',
        defaults.audit.perMinute,
        parseCount,
      ),
    )
    .addOption(
      option(
        '--audit-mb-per-day <MiB>',
        'how much is read for that in a day',
        'AVOCET_AUDIT_MB_PER_DAY',
        defaults.audit.bytesPerDay / 1024 ** 2,
        parsePositive,
      ),
    )
    .addOption(
      flag(
        '--allow-loopback',
        'development: plain HTTP, and addresses of this machine and network',
        'AVOCET_ALLOW_LOOPBACK',
      ),
    )
    .action(async (flags: RunFlags) => {
      exitCode = await commands.run({
        ...toConfig(flags),
        ...toConsumers(flags, env),
        ...toManaged(flags, env),
      })
    })
  for (const each of [...managedOptions(env), ...consumerOptions()]) running.addOption(each)

  program
    .command('replay')
    .description('verify and index a capture of raw frames; exit code 1 when any event fails')
    .argument('<frames>', 'file of frames, each after its length (u32, little endian); .zst too')
    .addOption(
      new Option(
        '--did-docs <file>',
        'DID documents as JSON, by DID or as a list; .zst too. Without it the directory is asked',
      ),
    )
    .addOption(
      option('--plc-url <url>', 'the did:plc directory', 'AVOCET_PLC_URL', defaults.plcUrl, parseHttpUrl),
    )
    .addOption(
      new Option('--data <folder>', 'keep the index in this folder (otherwise it is only in memory)'),
    )
    .addOption(
      option(
        '--collections <list>',
        'only these collections',
        'AVOCET_COLLECTIONS',
        undefined,
        parseCollections,
      ),
    )
    .addOption(new Option('--quiet', 'no progress, only the summary'))
    .addOption(new Option('--json', 'the summary as JSON'))
    .action(async (frames: string, flags: ReplayFlags) => {
      exitCode = await commands.replay({
        frames,
        didDocs: flags.didDocs ?? null,
        plcUrl: flags.plcUrl,
        dataFolder: flags.data ?? null,
        collections: flags.collections ?? null,
        quiet: flags.quiet ?? false,
        json: flags.json ?? false,
      })
    })

  addCoverage(program, commands, (code) => {
    exitCode = code
  })
  addManagement(program, env)

  return {
    async run(argv) {
      try {
        await program.parseAsync(argv)
        return exitCode
      } catch (error) {
        // Commander has printed its own message already.
        if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
        if (error instanceof IndexerError) {
          console.error(`avocet-indexer: ${error.message}`)
          return USAGE.has(error.code) ? 2 : 1
        }
        throw error
      }
    },
  }
}

function toConfig(flags: RunFlags): IndexerConfig {
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
    allowLoopback: flags.allowLoopback,
    logRetentionMs: flags.logHours * 3_600_000,
    logBytes: flags.logMb * 1024 ** 2,
    streams: { subscribers: flags.subscribers, perAddress: flags.subscribersPerAddress },
    ...(flags.zstdDictionary === undefined ? {} : { zstdDictionary: flags.zstdDictionary }),
    workers: flags.workers,
    accountQuota: flags.accountMb * 1024 ** 2,
    audit: { perMinute: flags.auditPerMinute, bytesPerDay: flags.auditMbPerDay * 1024 ** 2 },
  }
}
