// One repo, several hosts that may have it: a copy that is old or wrong is no copy, and the next host is asked.

import type { Car } from '@avocet/car'
import type { CID } from '@avocet/data'
import type { CarSource } from '@avocet/repo'
import type { Tid } from '@avocet/syntax'
import { isTerminal, ResyncError } from './errors.ts'
import type { ResyncPart, ResyncRequest } from './options.ts'

/** A place that may have a copy. `own`: the account's own host. */
export type CopyHost<T> = {
  readonly own: boolean
  /** @throws ResyncError */
  open(request: ResyncRequest): Promise<T>
  /** For questions about parts of the repo, where the host answers such. */
  parts?(request: ResyncRequest): RepoParts
}

/** Questions about parts of a repo. Null is an answer of more bytes than allowed. @throws ResyncError, CarError */
export type RepoParts = {
  /** The commit, and the nodes on the way to a record or to where it would be (com.atproto.sync.getRecord). */
  record(collection: string, rkey: string, maxBytes: number): Promise<Car | null>
  /** Blocks, as far as the host has them (com.atproto.sync.getBlocks). */
  blocks(cids: readonly CID[], maxBytes: number): Promise<Car | null>
}

/** A repo as a host gives it. `block`: asks the host for one block again; null when it has not got it. */
export type RepoCopy = {
  readonly car: CarSource
  readonly block?: (cid: CID) => Promise<Uint8Array | null>
}

/**
 * Reads a repo from the first host that has a good copy: it verifies to its end, and is not older than what is proved; a mirror's
 * is not older than what is merely claimed either. What a broken copy gave before its fault is a part of the way: the next copy is
 * compared with what is stored then.
 *
 * @param read the parts of an opened copy; has to say `rev` with the first one
 * @throws ResyncError of the account's own host if it was asked, else of the last one
 */
export async function* readCopies<T>(
  request: ResyncRequest,
  hosts: readonly CopyHost<T>[],
  read: (copy: T, least: Tid | null) => AsyncIterable<ResyncPart>,
): AsyncGenerator<ResyncPart, void, undefined> {
  let failure: ResyncError | null = null
  for (const host of hosts) {
    // What is stored follows its head, for all that is known: that this is the newest only the account's own host can say.
    if (!host.own && request.reason === 'source-gap') continue
    try {
      const copy = await host.open(request)
      for await (const part of read(copy, leastRev(request, host.own))) yield { ...part, own: host.own }
      return
    } catch (error) {
      if (request.signal.aborted || !(error instanceof ResyncError)) throw error
      // Only the account's own host can say that a repo is gone for good.
      const passing = !host.own && isTerminal(error.code)
      failure = passing ? new ResyncError('fetch-failed', error.message, { cause: error }) : error
    }
  }
  throw failure ?? new ResyncError('fetch-failed', `nobody has the repo; did=${request.did}`)
}

/** The rev that a copy must have at least. */
export function leastRev({ repo }: ResyncRequest, own: boolean): Tid | null {
  const revs = [repo.rev, repo.floor, own ? null : repo.claimed].filter((rev) => rev !== null)
  return revs.toSorted().at(-1) ?? null
}
