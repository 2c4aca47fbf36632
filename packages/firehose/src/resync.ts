// A repo read whole, and compared with what is stored: creates, updates and deletes.
// Spec: https://atproto.com/specs/sync ("Resynchronization"), lexicon com.atproto.sync.getRepo

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type ByteBudget, type CarSource, RepoError, readRepo } from '@avocet/repo'
import type { Did, Tid } from '@avocet/syntax'
import type { ContentLimits } from './content.ts'
import { type CopyHost, readCopies, type RepoCopy } from './copies.ts'
import { differences, type StoredRecord } from './differences.ts'
import { ResyncError } from './errors.ts'
import type { Resync, ResyncPart, ResyncRequest } from './options.ts'
import { DEFAULT_POLICY } from './policy.ts'

export type { StoredRecord } from './differences.ts'

/** Options of {@link createResync}. */
export type CreateResyncOptions = {
  /** Fetches the repo's CAR, or names the hosts that may have it, in the order to ask them. @throws ResyncError */
  readonly fetchRepo: (request: ResyncRequest) => Promise<CarSource> | readonly CopyHost<RepoCopy>[]
  /** The app's records of this repo in order of path (by code units), only of wanted collections. */
  readonly stored: (did: Did) => Iterable<StoredRecord> | AsyncIterable<StoredRecord>
  /** Collections the app keeps. Default: all. */
  readonly wanted?: (collection: string) => boolean
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

  async function* read(
    did: Did,
    key: PublicKey,
    { car, block }: RepoCopy,
    least: Tid | null,
  ): AsyncGenerator<ResyncPart, void, undefined> {
    try {
      const reader = await readRepo(car, {
        did,
        key,
        ...(options.verify === undefined ? {} : { verify: options.verify }),
        ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
        ...(options.budget === undefined ? {} : { budget: options.budget }),
        ...(block === undefined ? {} : { recall: block }),
      })
      try {
        const { rev, data, commit } = reader
        if (least !== null && rev < least) {
          throw new ResyncError(
            'rev-regression',
            `copy is older than what is known; rev=${rev} known=${least}`,
          )
        }
        const wanted = options.wanted ?? ((): boolean => true)
        const bounds = { maxOps: maxPartOps, maxBytes: maxPartBytes, limits }
        for await (const { ops, last } of differences(reader.batches, options.stored(did), wanted, bounds)) {
          yield { rev, commit, data, ops, last }
        }
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

  return (request) => {
    const { did, identity } = request
    const key = identity?.key ?? null
    if (key === null) return keyless(did)
    const from = options.fetchRepo(request)
    const open = async (): Promise<RepoCopy> => ({ car: await (from as Promise<CarSource>) })
    const hosts = from instanceof Promise ? [{ own: true, open }] : from
    return readCopies(request, hosts, (copy, least) => read(did, key, copy, least))
  }
}

// oxlint-disable-next-line require-yield -- it fails before its first part
async function* keyless(did: Did): AsyncGenerator<ResyncPart, void, undefined> {
  throw new ResyncError('fetch-failed', `account has no key to verify with; did=${did}`)
}
