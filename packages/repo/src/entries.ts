import type { CID } from '@avocet/data'
import {
  decodeNode,
  type EntriesOptions,
  entryBounds,
  type Link,
  MAX_DEPTH,
  type TreeNode,
} from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { closingAfter } from './closing.ts'
import { Entry, type RepoEntry } from './entry.ts'
import { RepoError } from './error.ts'
import { openSnapshot } from './export.ts'
import { missingBlock, typed } from './load.ts'
import type { RepoSnapshot, RepoStore } from './types.ts'

/** Records fetched from the store together: few at first, since most callers want a page. */
const FIRST_PAGE = 25
const PAGE = 100

/** A path and what is there. */
export interface RepoListEntry {
  readonly path: string
  readonly cid: CID
}

/** A node on the way down. */
interface Level {
  readonly node: TreeNode
  /** Index of the next step: child 0, key 0, child 1, key 1, …, from the end in reverse. */
  step: number
  /** The keys before and after the node in the tree, '' where there is none. */
  readonly above: string
  readonly below: string
}

/**
 * The paths and CIDs of a stored repository in key order, or part of them. Only nodes that overlap the range are read.
 *
 * @throws {RepoError} while iterating: `missing-block`, `malformed-repo`
 */
export async function* listEntries(
  snapshot: RepoSnapshot,
  options: EntriesOptions = {},
): AsyncGenerator<RepoListEntry, void> {
  for await (const page of entryPages(snapshot, options)) yield* page
}

/** The same in pages, a short one first. */
async function* entryPages(
  snapshot: RepoSnapshot,
  options: EntriesOptions,
): AsyncGenerator<readonly RepoListEntry[], void> {
  const bounds = entryBounds(options)
  if (bounds === null) return
  const { low, high, excluded } = bounds
  const { did, data } = snapshot.head
  const reverse = options.reverse === true
  const by = reverse ? -1 : 1
  const open = async (cid: CID, layer: number | null, above: string, below: string): Promise<Level> => {
    const bytes = (await snapshot.getBlocks(did, [cid])).get(cid)
    if (bytes === undefined) throw missingBlock(cid, 'stored block is missing', { did })
    const node = typed(() => decodeNode(bytes, layer, cid, above, below))
    if (node.layer > MAX_DEPTH) throw new RepoError('malformed-repo', 'tree is deeper than any real one')
    return { node, step: reverse ? node.keys.length * 2 : 0, above, below }
  }

  let page: RepoListEntry[] = []
  let size = FIRST_PAGE
  let given = 0
  const levels = [await open(data, null, '', '')]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { node, step } = level
    const { keys, children } = node
    const at = step >> 1
    level.step += by
    if (step < 0 || step > keys.length * 2) {
      levels.pop()
      continue
    }
    if ((step & 1) === 1) {
      const path = keys[at]!
      // What follows is outside as well.
      if (reverse ? path < low : high !== '' && path >= high) break
      if (path < low || (high !== '' && path >= high) || path === excluded) continue
      page.push({ path, cid: node.values[at]!.cid })
      if (page.length < size) continue
      yield page
      given += page.length
      size = Math.min(given, PAGE)
      page = []
      continue
    }
    const child = children[at] as Link | null
    const above = at > 0 ? keys[at - 1]! : level.above
    const below = keys[at] ?? level.below
    const overlaps = (high === '' || above < high) && (below === '' || below > low)
    if (child !== null && overlaps) levels.push(await open(child.cid, node.layer - 1, above, below))
  }
  if (page.length > 0) yield page
}

/**
 * The records of a stored repository in key order, or part of them, as of the moment of the call.
 *
 * @throws {RepoError} while iterating: `repo-not-found`, `missing-block`, `malformed-repo`
 */
export async function* listRecords<Tx>(
  store: RepoStore<Tx>,
  did: Did,
  options: EntriesOptions = {},
): AsyncGenerator<RepoEntry, void> {
  yield* closingAfter(await openSnapshot(store, did), async function* (snapshot) {
    for await (const page of entryPages(snapshot, options)) yield* await withBytes(snapshot, page)
  })
}

async function withBytes(snapshot: RepoSnapshot, page: readonly RepoListEntry[]): Promise<RepoEntry[]> {
  const { did } = snapshot.head
  const found = await snapshot.getBlocks(
    did,
    page.map((entry) => entry.cid),
  )
  return page.map(({ path, cid }) => {
    const bytes = found.get(cid)
    if (bytes === undefined) throw missingBlock(cid, 'stored record is missing', { did, path })
    return new Entry(path, cid, bytes, false)
  })
}
