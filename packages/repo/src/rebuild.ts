import type { Signer } from '@avocet/crypto'
import { type CID, cidEquals, cidForCbor } from '@avocet/data'
import { createTreeBuilder } from '@avocet/mst'
import type { Did, Tid } from '@avocet/syntax'
import { signCommit } from './commit.ts'
import { RepoError } from './error.ts'
import type { NewHead } from './import.ts'
import type { RepoHead, RepoStore, StoredBlock } from './types.ts'

/** A record to rebuild from. */
export interface RecordSource {
  readonly path: string
  readonly bytes: Uint8Array
}

/** What {@link rebuildRepo} takes. */
export interface RebuildOptions<Tx> {
  readonly store: RepoStore<Tx>
  readonly did: Did
  readonly signer: Signer
  /** Must be above the present head's. */
  readonly rev: Tid
  /** It may be lower: the present one is known to be wrong, made by a clock that ran ahead. */
  readonly unsafeOlderRev?: true
  /** All records, in key order: from a table of the app, or what `checkRepo` found. Iterated twice. */
  readonly records: () => AsyncIterable<RecordSource> | Iterable<RecordSource>
  readonly alongside?: (tx: Tx, head: NewHead) => void | Promise<void>
}

/**
 * Makes a repository anew from its records: a tree built from nothing, a new commit, in place of whatever was stored. Memory
 * does not depend on how many there are; whether others get their turn meanwhile is up to `records`.
 *
 * @throws {RepoError} `stale-rev`, `head-moved`, `inactive-repo`, `malformed-repo` when records change meanwhile; MstError `unsorted`, `invalid-key`
 */
export async function rebuildRepo<Tx>(
  options: RebuildOptions<Tx>,
): Promise<RepoHead & { readonly commitBytes: Uint8Array }> {
  const { store, did, signer, rev, records, alongside } = options
  const head = await store.getHead(did)
  if (head !== null && rev <= head.rev && options.unsafeOlderRev !== true) {
    throw new RepoError('stale-rev', `revision is not above the one before; rev=${rev} head=${head.rev}`)
  }
  // The nodes are made twice rather than kept: a large tree has more bytes of them than a process should hold.
  const tree = createTreeBuilder(() => {})
  for await (const { path, bytes } of records()) tree.add(path, cidForCbor(bytes))
  const data = tree.finish()
  const { commit, commitBytes } = await signCommit({ did, data, rev }, signer)
  const stored = allBlocks({ cid: commit, bytes: commitBytes }, data, records)
  const made = { did, rev, data, commit, commitBytes }
  await store.replace({ did, rev, data, commit }, stored, alongside && ((tx) => alongside(tx, made)))
  return made
}

async function* allBlocks(
  commit: StoredBlock,
  root: CID,
  records: RebuildOptions<unknown>['records'],
): AsyncGenerator<StoredBlock, void> {
  yield commit
  const nodes: StoredBlock[] = []
  const tree = createTreeBuilder((cid, bytes) => void nodes.push({ cid, bytes }))
  for await (const { path, bytes } of records()) {
    const cid = cidForCbor(bytes)
    tree.add(path, cid)
    yield* nodes.splice(0)
    yield { cid, bytes }
  }
  if (!cidEquals(tree.finish(), root)) {
    throw new RepoError('malformed-repo', 'records were others when they were read again')
  }
  yield* nodes
}
