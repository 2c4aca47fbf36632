// A repo read, and compared with what is stored: creates, updates and deletes.
// Spec: https://atproto.com/specs/sync ("Resynchronization"), lexicon com.atproto.sync.getRepo

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import { type ByteBudget, type CarSource, RepoError, readRepo } from '@avocet/repo'
import type { Did, Tid } from '@avocet/syntax'
import type { ContentLimits } from './content.ts'
import { type CopyHost, leastRev, readCopies, type RepoCopy } from './copies.ts'
import { differences, type StoredRecord } from './differences.ts'
import { ResyncError } from './errors.ts'
import type { Resync, ResyncPart, ResyncRequest } from './options.ts'
import { DEFAULT_POLICY } from './policy.ts'
import { openSparse, RepoMoved, type SparseRepo } from './sparse.ts'

export type { StoredRecord } from './differences.ts'

/** Options of {@link createResync}. */
export type CreateResyncOptions = {
  /** Fetches the repo's CAR, or names the hosts that may have it, in the order to ask them. @throws ResyncError */
  readonly fetchRepo: (request: ResyncRequest) => Promise<CarSource> | readonly CopyHost<RepoCopy>[]
  /** The app's records of this repo in order of path (by code units), only of wanted collections. */
  readonly stored: (did: Did) => Iterable<StoredRecord> | AsyncIterable<StoredRecord>
  /** Collections the app keeps. Default: all. */
  readonly wanted?: (collection: string) => boolean
  /**
   * The same as names, or namespaces that end in `.*`; null: all. With it, of large repos only these collections are read, where the
   * account's own host answers `getRecord` and `getBlocks`: all of them, proved by the signed commit, and nothing of the others.
   */
  readonly collections?: () => readonly string[] | null
  /** What is a large repo, in records, about. Default 2000: its export takes as long as the questions. */
  readonly minSparseRecords?: number
  /** Told of each repo that was read to its end. */
  readonly onRead?: (how: 'whole' | 'sparse') => void
  /** Operations of a part, at most. Default 500. */
  readonly maxPartOps?: number
  /** Record bytes of a part, about, each record counted once. Default 4 MiB. */
  readonly maxPartBytes?: number
  /** Bytes of the CAR. Default: no bound (memory does not depend on it). */
  readonly maxSize?: number
  /** Bytes of blocks that come before their turn, over all exports in flight (`createByteBudget` of `@avocet/repo`). Default: 256 MiB each. */
  readonly budget?: ByteBudget
  /** Bounds of what records expand to; of a commit's, those of a part. Default: those of the verifier. */
  readonly limits?: ContentLimits
  readonly verify?: VerifySignature
}

/**
 * A `Resync` for `consume`: the CAR is verified whole while it streams (signature, every hash, the tree's shape), in bounded
 * memory, and compared with what is stored.
 */
export function createResync(options: CreateResyncOptions): Resync {
  const { maxPartOps = 500, maxPartBytes = 4 * 1024 * 1024, limits = DEFAULT_POLICY } = options
  const { minSparseRecords = 2000 } = options

  const verify = options.verify === undefined ? {} : { verify: options.verify }
  const budget = options.budget === undefined ? {} : { budget: options.budget }

  async function* partsOf(
    did: Did,
    how: 'whole' | 'sparse',
    { rev, commit, data, batches }: SparseRepo,
    least: Tid | null,
  ): AsyncGenerator<ResyncPart, void, undefined> {
    if (least !== null && rev < least) {
      throw new ResyncError('rev-regression', `copy is older than what is known; rev=${rev} known=${least}`)
    }
    const wanted = options.wanted ?? ((): boolean => true)
    const bounds = { maxOps: maxPartOps, maxBytes: maxPartBytes, limits }
    for await (const { ops, last } of differences(batches, options.stored(did), wanted, bounds)) {
      // Nobody asks for more after the last one.
      if (last) options.onRead?.(how)
      yield { rev, commit, data, ops, last }
    }
  }

  /** The whole repo. */
  async function* readWhole(
    did: Did,
    key: PublicKey,
    { car, block }: RepoCopy,
    least: Tid | null,
  ): AsyncGenerator<ResyncPart, void, undefined> {
    const bounds = options.maxSize === undefined ? {} : { maxSize: options.maxSize }
    const recall = block === undefined ? {} : { recall: block }
    try {
      const reader = await readRepo(car, { did, key, ...verify, ...bounds, ...budget, ...recall })
      try {
        yield* partsOf(did, 'whole', reader, least)
      } finally {
        await reader.close()
      }
    } catch (cause) {
      if (cause instanceof ResyncError) throw cause
      const invalid = cause instanceof RepoError || (cause instanceof Error && cause.name === 'CarError')
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ResyncError(invalid ? 'invalid-repo' : 'fetch-failed', message, { cause })
    }
  }

  /**
   * Only the wanted collections, as the account's own host proves them.
   * @returns whether that could be done; what it gave before is a part of the way
   * @throws ResyncError `host-busy`
   */
  async function* readSparse(
    request: ResyncRequest,
    key: PublicKey,
    hosts: readonly CopyHost<RepoCopy>[],
  ): AsyncGenerator<ResyncPart, boolean, undefined> {
    const { did } = request
    const collections = options.collections?.() ?? []
    const host = hosts.find(({ own }) => own)
    if (collections.length === 0 || host?.parts === undefined) return false
    const stored = (): ReturnType<typeof options.stored> => options.stored(did)
    const about = { did, key, ...verify, ...budget, collections, minRecords: minSparseRecords, stored }
    let failedAt: CID | null = null
    for (let tries = 0; tries < MAX_SPARSE_TRIES; tries++) {
      try {
        const repo = await openSparse(host.parts(request), { ...about, failedAt })
        if (repo === null) return false
        const parts = partsOf(did, 'sparse', repo, leastRev(request, true))
        for await (const part of parts) yield { ...part, own: true }
        return true
      } catch (error) {
        if (error instanceof RepoMoved) {
          failedAt = error.commit
          continue
        }
        if (!(error instanceof ResyncError)) throw error
        // It will have time for its export as little.
        if (error.code === 'host-busy' && hosts.length === 1) throw error
        return false
      }
    }
    return false
  }

  async function* readFrom(
    request: ResyncRequest,
    key: PublicKey,
    hosts: readonly CopyHost<RepoCopy>[],
  ): AsyncGenerator<ResyncPart, void, undefined> {
    if (yield* readSparse(request, key, hosts)) return
    yield* readCopies(request, hosts, (copy, least) => readWhole(request.did, key, copy, least))
  }

  return (request) => {
    const { did, identity } = request
    const key = identity?.key ?? null
    if (key === null) return keyless(did)
    const from = options.fetchRepo(request)
    const open = async (): Promise<RepoCopy> => ({ car: await (from as Promise<CarSource>) })
    return readFrom(request, key, from instanceof Promise ? [{ own: true, open }] : from)
  }
}

/** Times that a repo which is written to meanwhile is begun again. */
const MAX_SPARSE_TRIES = 3

// oxlint-disable-next-line require-yield -- it fails before its first part
async function* keyless(did: Did): AsyncGenerator<ResyncPart, void, undefined> {
  throw new ResyncError('fetch-failed', `account has no key to verify with; did=${did}`)
}
