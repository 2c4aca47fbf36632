import type { CarBlock } from '@avocet/car'
import type { BlockMap, CID } from '@avocet/data'
import { decodeNode, type Link, type TreeNode } from '@avocet/mst'
import type { Tid } from '@avocet/syntax'
import { missingBlock, typed } from './load.ts'
import type { RepoSnapshot } from './types.ts'

/** A node on the way down, with the blocks below it that were fetched together. */
interface Level {
  readonly node: TreeNode
  readonly blocks: BlockMap
  /** Index of the next step: child 0, record 0, child 1, record 1, … */
  step: number
  readonly low: string
  readonly high: string
}

/** A block of a walk: a node, or the record at `path`. */
export interface WalkedBlock extends CarBlock {
  readonly path: string | null
}

/**
 * The commit and all blocks below it in pre-order: a node, then its subtrees and records from left to right. What is held at
 * a time is one node per layer with the blocks directly below each.
 *
 * @param since leaves out what was there at that revision: a subtree whose node is older is older as a whole.
 * @throws {RepoError} `missing-block`, `malformed-repo`
 */
export async function* walkSnapshot(
  snapshot: RepoSnapshot,
  commitBytes: Uint8Array,
  since?: Tid,
): AsyncGenerator<WalkedBlock, void> {
  const { did, data, commit } = snapshot.head
  yield { cid: commit, bytes: commitBytes, path: null }
  const open = async (
    cid: CID,
    bytes: Uint8Array,
    above: Level | null,
    low: string,
    high: string,
  ): Promise<Level> => {
    const node = typed(() => decodeNode(bytes, above === null ? null : above.node.layer - 1, cid, low, high))
    const links: CID[] = []
    for (let i = 0; i < node.children.length; i++) {
      const child = node.children[i] as Link | null
      if (child !== null) links.push(child.cid)
      if (i < node.values.length) links.push(node.values[i]!.cid)
    }
    const blocks = await snapshot.getBlocks(did, links, since ?? '')
    return { node, blocks, step: 0, low, high }
  }
  const fetched = await snapshot.getBlocks(did, [data], since ?? '')
  const root = fetched.get(data)
  if (root === undefined) {
    if (since !== undefined) return
    throw missingBlock(data, 'root of the tree is missing', { did })
  }
  yield { cid: data, bytes: root, path: null }
  const levels = [await open(data, root, null, '', '')]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { node, step } = level
    const index = step >> 1
    level.step++
    if (index >= node.children.length) {
      levels.pop()
      continue
    }
    const path = step % 2 === 0 ? null : (node.keys[index] ?? null)
    const link = path === null ? (node.children[index] as Link | null) : node.values[index]!
    if (link === null || (step % 2 === 1 && path === null)) continue
    const { cid } = link
    const bytes = level.blocks.get(cid)
    if (bytes === undefined) {
      if (since !== undefined) continue
      throw missingBlock(cid, 'stored block is missing', path === null ? { did } : { did, path })
    }
    yield { cid, bytes, path }
    if (path === null) {
      const low = index > 0 ? node.keys[index - 1]! : level.low
      levels.push(await open(cid, bytes, level, low, node.keys[index] ?? level.high))
    }
  }
}
