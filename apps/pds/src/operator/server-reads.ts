import { statfs } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

import type { Sequencer } from '@avocet/sequencer'

import type { RelayState } from '../events/crawlers.ts'
import type { LimitHit, LimitHits } from '../limits/limit-hits.ts'
import type { MailLog, MailLogEntry } from '../mail/mail-log.ts'
import { createBlobMeter } from '../operations/blob-meter.ts'
import type { ChoreRound, ChoreRounds } from '../operations/chore-rounds.ts'
import type { LastError, LastErrors } from '../operations/last-errors.ts'
import type { BlobTotals, Totals, Vitals } from '../stores/rows.ts'
import type { Stores } from '../stores/stores.ts'

/** What is stored. Sums are of some minutes ago, null while they are made for the first time. */
export interface StorageState {
  readonly accounts: number | null
  readonly blobs: BlobTotals | null
  /** Free and all bytes of the disks under the folders of this server. */
  readonly disks: readonly { readonly folder: string; readonly free: number; readonly size: number }[]
  readonly quota: { readonly blobBytes: number; readonly records: number }
}

/** The log of events and who reads it, and what waits. */
export interface StreamState {
  /** Number of the newest event, and the lowest that can still be read. */
  readonly newest: number
  readonly oldest: number
  readonly eventsPerSecond: number
  readonly bytesPerSecond: number
  readonly subscribers: readonly {
    readonly since: string
    readonly position: number
    readonly lag: number
    readonly events: number
    readonly bytes: number
  }[]
  /** Writes that are not on the disk yet. */
  readonly waitingWrites: number
  /** Why the server cannot store data; null when it can. */
  readonly problem: string | null
  /** The last rounds of chores in this process, the newest first. */
  readonly chores: readonly ChoreRound[]
}

/** State of this process for the operator: page and commands alike. */
export interface ServerReads {
  storage(): Promise<StorageState>
  stream(): Promise<StreamState>
  relays(): readonly RelayState[]
  limits(): readonly LimitHit[]
  errors(): readonly LastError[]
  mails(): readonly MailLogEntry[]
}

/** What the reads compose. */
export interface ServerReadsParts {
  readonly stores: { readonly totals: Totals; readonly vitals: Pick<Vitals, 'pendingWrites'> } & {
    readonly log: Stores['server']['log']
  }
  readonly sequencer: Pick<Sequencer, 'stats'>
  readonly problem: () => string | null
  readonly quota: StorageState['quota']
  /** Folders whose disks are looked at, by the names they get. */
  readonly folders: Readonly<Record<string, string>>
  readonly relays: () => readonly RelayState[]
  readonly hits: Pick<LimitHits, 'list'>
  readonly errors: LastErrors
  readonly mails: Pick<MailLog, 'list'>
  readonly rounds: Pick<ChoreRounds, 'list'>
}

/** How many accounts with the most blobs are told. */
const LARGEST = 20
/** Subscribers that are told, those furthest behind first. */
const MAX_SUBSCRIBERS = 100
/** How long a look waits for a sum. */
const PATIENCE_MS = 1000

/** Reads of the state of this process. */
export function createServerReads(parts: ServerReadsParts): ServerReads {
  const { stores, sequencer, problem, quota, folders, relays, hits, errors, mails, rounds } = parts
  const accounts = createBlobMeter(() => stores.totals.accounts())
  const blobs = createBlobMeter(() => stores.totals.blobs(LARGEST))

  return {
    storage: async () => ({
      accounts: await soon(accounts()),
      blobs: await soon(blobs()),
      disks: await Promise.all(
        Object.entries(folders).map(async ([folder, path]) => {
          const { bavail, bsize, blocks } = await statfs(path)
          return { folder, free: bavail * bsize, size: blocks * bsize }
        }),
      ),
      quota,
    }),
    stream: async () => {
      const { newest, oldest } = await stores.log.bounds()
      const { eventsPerSecond, bytesPerSecond, subscribers } = sequencer.stats()
      return {
        newest,
        oldest,
        eventsPerSecond,
        bytesPerSecond,
        subscribers: subscribers
          .toSorted((one, other) => other.lag - one.lag)
          .slice(0, MAX_SUBSCRIBERS)
          .map(({ since, position, lag, events, bytes }) => ({
            since: new Date(since).toISOString(),
            position,
            lag,
            events,
            bytes,
          })),
        waitingWrites: stores.vitals.pendingWrites(),
        problem: problem(),
        chores: rounds.list(),
      }
    },
    relays,
    limits: () => hits.list(),
    errors: () => errors.list(),
    mails: () => mails.list(),
  }
}

/** What is known soon; null for what takes longer, and is known at a later look. */
async function soon<T>(sum: Promise<T>): Promise<T | null> {
  sum.catch(() => {})
  const cut = new AbortController()
  const late = wait(PATIENCE_MS, null, { signal: cut.signal, ref: false }).catch(() => null)
  try {
    return await Promise.race([sum, late])
  } finally {
    cut.abort()
  }
}
