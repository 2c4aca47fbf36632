import { type BlockMap, type CID, CidMap } from '@avocet/data'
import { type EntriesOptions, loadTree, MstError } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { openSnapshot } from './export.ts'
import { fetchInto, missingBlock, toRepoError } from './load.ts'
import type { RepoEntry } from './read.ts'
import type { RepoSnapshot, RepoStore } from './types.ts'

/** Records fetched from the store together. */
const PAGE = 100

/**
 * The paths and CIDs of a stored repository in key order, or part of them. Only nodes that overlap the range are read.
 *
 * @throws {RepoError} while iterating: `missing-block`, `malformed-repo`
 */
export async function* listEntries(
  snapshot: RepoSnapshot,
  options: EntriesOptions = {},
): AsyncGenerator<{ path: string; cid: CID }, void> {
  const { did, data } = snapshot.head
  const blocks: BlockMap = new CidMap<Uint8Array>()
  const tree = loadTree(data, blocks)
  let range = options
  for (;;) {
    try {
      for (const [path, cid] of tree.entries(range)) {
        yield { path, cid }
        range = { ...options, after: path }
      }
      return
    } catch (error) {
      // The iteration starts again behind the last entry once the node it missed is there.
      if (!(error instanceof MstError) || error.code !== 'missing-block') throw toRepoError(error)
      await fetchInto(blocks, snapshot, did, [error.cid!])
    }
  }
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
  await using snapshot = await openSnapshot(store, did)
  let page: { path: string; cid: CID }[] = []
  for await (const entry of listEntries(snapshot, options)) {
    page.push(entry)
    if (page.length < PAGE) continue
    yield* await withBytes(snapshot, page)
    page = []
  }
  yield* await withBytes(snapshot, page)
}

async function withBytes(
  snapshot: RepoSnapshot,
  page: readonly { path: string; cid: CID }[],
): Promise<RepoEntry[]> {
  const { did } = snapshot.head
  const found = await snapshot.getBlocks(
    did,
    page.map((entry) => entry.cid),
  )
  return page.map(({ path, cid }) => {
    const bytes = found.get(cid)
    if (bytes === undefined) throw missingBlock(cid, 'stored record is missing', { did, path })
    return { path, cid, bytes }
  })
}
