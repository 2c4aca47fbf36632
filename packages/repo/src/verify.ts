// https://atproto.com/specs/sync#firehose-validation-best-practices

import { type PublicKey, verifySignature, type VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import { invertTreeOps, loadTree, MstError, type NodeSource } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { toTreeOp } from './apply.ts'
import { type Commit, readCommit } from './commit.ts'
import { RepoError } from './error.ts'
import { toRepoError } from './load.ts'
import type { RepoOp } from './types.ts'

/** An outcome: a value, or the typed reason why there is none. */
export type RepoResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RepoError }

/** Runs `work`; a {@link RepoError} it throws becomes the failed outcome. */
export function attempt<T>(work: () => T): RepoResult<T> {
  try {
    return { ok: true, value: work() }
  } catch (thrown) {
    return failed(thrown)
  }
}

/** The failed outcome of a {@link RepoError}. @throws anything else */
export function failed(thrown: unknown): { readonly ok: false; readonly error: RepoError } {
  const error = toRepoError(thrown)
  if (error instanceof RepoError) return { ok: false, error }
  throw error
}

/** What {@link verifyCommit} takes. */
export interface VerifyCommitOptions {
  /** Blocks that hash to their CIDs, as `readCar` gives them. */
  readonly blocks: NodeSource
  readonly commit: CID
  readonly did: Did
  readonly key: PublicKey
  /** Default: `verifySignature` of `@avocet/crypto`. */
  readonly verify?: VerifySignature
}

/**
 * Reads a commit and checks that it is this repository's and signed by this key.
 *
 * @returns failures `missing-block`, `malformed-commit`, `unsupported-version`, `did-mismatch`, `bad-signature`
 */
export function verifyCommit(options: VerifyCommitOptions): RepoResult<Commit> {
  return attempt(() => {
    const { key, verify = verifySignature } = options
    const read = readOwnCommit(options)
    if (!verify(key, read.unsigned, read.sig)) throw badSignature(read)
    return read
  })
}

/**
 * Reads a commit that must be of one repository. Its signature is left to check.
 *
 * @throws {RepoError} `missing-block`, `malformed-commit`, `unsupported-version`, `did-mismatch`
 */
export function readOwnCommit(options: Pick<VerifyCommitOptions, 'blocks' | 'commit' | 'did'>): Commit {
  const { blocks, commit, did } = options
  const bytes = blocks.get(commit)
  if (bytes === undefined)
    throw new RepoError('missing-block', `commit block is missing; cid=${commit.toString()}`)
  const read = readCommit(bytes)
  if (read.did !== did) {
    throw new RepoError('did-mismatch', `commit is of another repository; did=${did} commit=${read.did}`)
  }
  return read
}

/** The failure of a commit that the key did not sign. */
export function badSignature({ did, rev }: Pick<Commit, 'did' | 'rev'>): RepoError {
  return new RepoError('bad-signature', `commit is not signed by the key; did=${did} rev=${rev}`)
}

/**
 * Takes the ops of a commit back on the partial tree that its event carries: deletions first, then by path.
 *
 * @param blocks of the event.
 * @param data root of the tree after the ops.
 * @returns the root before them: the commit is sound if this is its `prevData`.
 * @throws {RepoError} `inversion-failed` where the tree is not what the ops say, `missing-block`, `malformed-repo`
 */
export function invertOps(blocks: NodeSource, data: CID, ops: readonly RepoOp[]): CID {
  const tree = loadTree(data, blocks)
  try {
    invertTreeOps(tree, ops.map(toTreeOp))
    return tree.root()
  } catch (error) {
    if (error instanceof MstError && (error.code === 'key-exists' || error.code === 'key-not-found')) {
      throw new RepoError('inversion-failed', `ops do not fit the tree: ${error.message}`, {
        path: error.key!,
        cause: error,
      })
    }
    throw toRepoError(error)
  }
}
