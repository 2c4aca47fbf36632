// What can be configured, and the checks that a person gets to read.

import { availableParallelism } from 'node:os'
import { isDid, isNsid } from '@avocet/syntax'
import type { AuditBudget } from './coverage/audit.ts'
import { IndexerError } from './errors.ts'
import type { DeclaredIndexes } from './projections/declare.ts'
import type { DeclaredSearch } from './search/declare.ts'
import type { DoorLimits } from './stream/doors.ts'
import type { TapConfig } from './tap/tap.ts'
import type { WebhookConfig } from './webhooks/settings.ts'

const MAX_WORKERS = 64
const MIB = 1024 * 1024

/** One upstream. */
export type SourceConfig = {
  /** `ws://` or `wss://` with the host; the path is added. */
  readonly url: string
  /** A `relay` speaks for everybody; a `pds` only for the accounts it hosts, which is checked. */
  readonly kind: 'relay' | 'pds'
  /** Where to start when nothing is stored for it: at its oldest event, or with what happens from now on. */
  readonly start: 'oldest' | 'live'
}

/** Where the admin API is served, apart from everything else, and what lets in. */
export type AdminConfig = {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** At least 16 visible ASCII characters. */
  readonly token: string
}

/** Settings of `createIndexer`. */
export type IndexerConfig = {
  /** Folder of the database; null keeps everything in memory. */
  readonly dataFolder: string | null
  readonly host: string
  /** 0 takes any free port; null serves nothing. */
  readonly port: number | null
  readonly sources: readonly SourceConfig[]
  /** Base URL of the did:plc directory. */
  readonly plcUrl: string
  /** Collections to index, exact or ending in `.*`; null for all of the repos that are followed. */
  readonly collections: readonly string[] | null
  /** Follow the repos that have a record of this collection, instead of those that have one of `collections`. Default: none. */
  readonly signalCollection?: string
  /** Follow every repo that the sources speak of. Default: when neither `collections` nor `signalCollection` names something. */
  readonly everything?: boolean
  /** Origins (http or https) to ask for the repos that have a collection. Default: the sources. */
  readonly directories?: readonly string[]
  /** Serve the admin API. Default: not. */
  readonly admin?: AdminConfig
  /** Whether repos are read whole when first seen, and those a source lists are looked for. */
  readonly backfill: boolean
  /** Repos to index even if no source mentions them. */
  readonly repos: readonly string[]
  /** Development: plain HTTP and addresses of this machine and its network may be used. */
  readonly allowLoopback: boolean
  /** How long the log of changes is kept, ms. */
  readonly logRetentionMs: number
  /** Bytes on disk that the log may take, about: the oldest go first. Default: `defaults.logBytes`. */
  readonly logBytes?: number
  /**
   * How long it is kept for a group of Tap or a webhook that has not acknowledged it, as long as `logBytes` has room, ms. Default:
   * `defaults.consumerRetentionMs`.
   */
  readonly consumerRetentionMs?: number
  /** How many may subscribe to streams, in all and from one address (0: no bound). Default: `defaults.streams`. */
  readonly streams?: DoorLimits
  /** How long a subscriber may take next to nothing of what waits for it, ms. Default: a minute. */
  readonly slowSubscriberMs?: number
  /** How often subscribers are asked whether they are still there, ms; who does not answer is let go. Default: half a minute. */
  readonly pingMs?: number
  /** Serves Tap's `/channel` and calls. Default: they are not served. */
  readonly tap?: TapConfig
  /** Where events are sent to. */
  readonly webhooks?: readonly WebhookConfig[]
  /** File with the zstd dictionary that frames of streams are packed with, for who asks for it. Default: none are packed. */
  readonly zstdDictionary?: string
  /**
   * Threads that verify, decode and validate live events, so that a costly one does not hold queries up. 0: it is done where
   * queries are answered. Default: `defaults.workers`.
   */
  readonly workers?: number
  /**
   * Bytes on disk that the records of one account may take, about. Past it the places of its records are kept without content, up to
   * as much again. Default: `defaults.accountQuota`.
   */
  readonly accountQuota?: number
  /** Lexicons beside the bundled ones: folders, and NSIDs of those that others publish. Default: none. */
  readonly lexicons?: readonly string[]
  /** Whether those of others are asked for anew; otherwise they stay as they were when they were found. Default: no. */
  readonly updateLexicons?: boolean
  /** DNS servers that they are found by, `address` or `address:port`. Default: those of the system. */
  readonly dns?: readonly string[]
  /** What collections are to be asked by; those of `lexicons` by `createdAt` unless they are here. Default: none. */
  readonly indexes?: readonly DeclaredIndexes[]
  /** Files that say how query lexicons of `lexicons` are answered. Default: none. */
  readonly queries?: readonly string[]
  /** Which fields of collections can be searched. Default: none. */
  readonly searches?: readonly DeclaredSearch[]
  /** Least time between two readings of one whole repo, ms. Default: `defaults.resyncIntervalMs`. */
  readonly resyncIntervalMs?: number
  /** What the sampled audit may cost. It needs `backfill`. Default: `defaults.audit`. */
  readonly audit?: AuditBudget
  /** Told of what a person watching should know, a line each. */
  readonly onLog?: (line: string) => void
}

/** What `run` uses unless told. */
export const defaults: {
  readonly dataFolder: string
  readonly host: string
  readonly port: number
  readonly adminPort: number
  readonly plcUrl: string
  readonly relay: string
  readonly logRetentionHours: number
  /** 16 GiB: some three days of a tenth of the network. */
  readonly logBytes: number
  /** Two weeks. */
  readonly consumerRetentionMs: number
  readonly streams: DoorLimits
  /** One where there is a second processor for it. */
  readonly workers: number
  /** 1 GiB: more than two million records of people. */
  readonly accountQuota: number
  /** A minute. */
  readonly resyncIntervalMs: number
  /** A repo a minute, 1 GiB a day. */
  readonly audit: AuditBudget
} = {
  dataFolder: './data/indexer',
  host: '127.0.0.1',
  port: 2584,
  adminPort: 2585,
  plcUrl: 'https://plc.directory',
  relay: 'wss://bsky.network',
  logRetentionHours: 72,
  logBytes: 16 * 1024 * MIB,
  consumerRetentionMs: 14 * 24 * 3_600_000,
  streams: { subscribers: 2000, perAddress: 50 },
  workers: availableParallelism() > 1 ? 1 : 0,
  accountQuota: 1024 * MIB,
  resyncIntervalMs: 60_000,
  audit: { perMinute: 1, bytesPerDay: 1024 * MIB },
}

/**
 * A source from what a person writes: `wss://host`, `https://host` or just `host`.
 * @throws IndexerError `bad-config`
 */
export function parseSource(
  text: string,
  kind: SourceConfig['kind'],
  start: SourceConfig['start'],
): SourceConfig {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `wss://${text}`
  let url: URL
  try {
    url = new URL(withScheme.replace(/^http/i, 'ws'))
  } catch (cause) {
    throw new IndexerError('bad-config', `Not the address of a ${kind}: ${text}`, { cause })
  }
  if (!/^wss?:$/.test(url.protocol))
    throw new IndexerError('bad-config', `Not the address of a ${kind}: ${text}`)
  return { url: `${url.protocol}//${url.host}`, kind, start }
}

/** A port. @throws IndexerError `bad-config` */
export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port < 65536) return port
  throw new IndexerError('bad-config', `Not a port (0 to 65535): ${text}`)
}

/** A list of collections separated by commas. @throws IndexerError `bad-config` */
export function parseCollections(text: string): string[] {
  const list = splitList(text)
  for (const item of list) {
    const nsid = item.endsWith('.*') ? `${item.slice(0, -2)}.any` : item
    if (!isNsid(nsid)) {
      throw new IndexerError(
        'bad-config',
        `Not a collection: ${item} (like app.bsky.feed.post or app.bsky.graph.*)`,
      )
    }
  }
  return list
}

/** One collection. @throws IndexerError `bad-config` */
export function parseCollection(text: string): string {
  if (isNsid(text)) return text
  throw new IndexerError('bad-config', `Not a collection: ${text} (like app.bsky.feed.post)`)
}

/** DIDs separated by commas. @throws IndexerError `bad-config` */
export function parseDids(text: string): string[] {
  const list = splitList(text)
  for (const item of list) if (!isDid(item)) throw new IndexerError('bad-config', `Not a DID: ${item}`)
  return list
}

/** An http(s) base URL without its trailing slash. @throws IndexerError `bad-config` */
export function parseHttpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new IndexerError('bad-config', `Not an http(s) URL: ${text}`)
  }
  return text.replace(/^(.*[^/])?\/*$/s, '$1')
}

/** A number of threads. @throws IndexerError `bad-config` */
export function parseWorkers(text: string): number {
  const workers = Number(text)
  if (/^\d{1,2}$/.test(text) && workers <= MAX_WORKERS) return workers
  throw new IndexerError('bad-config', `Not a number of threads (0 to ${MAX_WORKERS}): ${text}`)
}

/** A whole number from 0 on. @throws IndexerError `bad-config` */
export function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new IndexerError('bad-config', `Not a whole number: ${text}`)
}

/** A positive number. @throws IndexerError `bad-config` */
export function parsePositive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new IndexerError('bad-config', `Not a positive number: ${text}`)
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
