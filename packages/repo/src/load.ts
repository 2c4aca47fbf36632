import { type BlockMap, type CID, CidMap } from '@avocet/data'
import { loadTree, MstError, type Tree } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { RepoError } from './error.ts'
import type { BlockReader } from './types.ts'

/** What of a tree to load: the paths to some keys, and for those to be removed also their neighbours'. */
export interface PathsToLoad {
  readonly keys: readonly string[]
  readonly withNeighbours: readonly string[]
}

/** A tree and the blocks it was loaded from. */
export interface LoadedTree {
  readonly tree: Tree
  readonly blocks: BlockMap
}

/**
 * Loads the part of a stored tree that work on some keys needs, one round trip to the store per layer.
 *
 * @param blocks from an earlier, incomplete attempt.
 * @throws {RepoError} `missing-block`, `malformed-repo`
 */
export async function loadPaths(
  store: BlockReader,
  did: Did,
  root: CID,
  paths: PathsToLoad,
  blocks: BlockMap = new CidMap<Uint8Array>(),
): Promise<LoadedTree> {
  const tree = loadTree(root, blocks)
  for (;;) {
    const missing = typed(() => [...tree.missing(paths.keys), ...tree.missing(paths.withNeighbours, true)])
    if (missing.length === 0) return { tree, blocks }
    await fetchInto(blocks, store, did, missing)
  }
}

/** @throws {RepoError} `missing-block` */
export async function fetchInto(
  blocks: BlockMap,
  store: BlockReader,
  did: Did,
  cids: readonly CID[],
): Promise<void> {
  const found = await store.getBlocks(did, cids)
  for (const cid of cids) {
    const bytes = found.get(cid)
    if (bytes === undefined) throw missingBlock(cid, 'stored block is missing', { did })
    blocks.set(cid, bytes)
  }
}

/**
 * Does tree work that may find a node missing which the plan of what to load did not foresee: loads it and starts again
 * on a new tree. `work` must therefore not have effects outside the tree it gets.
 */
export async function withTree<T>(
  store: BlockReader,
  did: Did,
  root: CID,
  paths: PathsToLoad,
  work: (tree: Tree, blocks: BlockMap) => T,
): Promise<T> {
  const blocks: BlockMap = new CidMap<Uint8Array>()
  for (;;) {
    const { tree } = await loadPaths(store, did, root, paths, blocks)
    try {
      return work(tree, blocks)
    } catch (error) {
      if (!(error instanceof MstError) || error.code !== 'missing-block') throw error
      await fetchInto(blocks, store, did, [error.cid!])
    }
  }
}

/** Runs tree work, its errors turned into those of this package. */
export function typed<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw toRepoError(error)
  }
}

/** The error of this package that stands for an error of the tree; anything else comes back as it is. */
export function toRepoError(error: unknown): unknown {
  if (!(error instanceof MstError)) return error
  if (error.code === 'missing-block') return new RepoError('missing-block', error.message, { cause: error })
  if (error.code === 'node-too-large') return new RepoError('node-too-large', error.message, { cause: error })
  return new RepoError('malformed-repo', error.message, { cause: error })
}

/** A `missing-block` error. */
export function missingBlock(cid: CID, what: string, at: { did?: Did; path?: string } = {}): RepoError {
  const where = `${at.did === undefined ? '' : ` did=${at.did}`}${at.path === undefined ? '' : ` path=${at.path}`}`
  return new RepoError(
    'missing-block',
    `${what}; cid=${cid.toString()}${where}`,
    at.path === undefined ? {} : { path: at.path },
  )
}
