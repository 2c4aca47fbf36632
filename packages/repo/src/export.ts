// https://atproto.com/specs/repository#car-file-serialization

import { writeCar, writeCarStream, type CarBlock } from '@avocet/car'
import { type CID, CidMap } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { closing, closingAfter } from './closing.ts'
import { RepoError } from './error.ts'
import { fetchInto, loadPaths, missingBlock } from './load.ts'
import { writePacked } from './packed.ts'
import type { PackedBlocks, RepoSnapshot, RepoStore, StoredHead } from './types.ts'
import { walkSnapshot } from './walk.ts'

/** What exports need of a store. */
export type Snapshots = Pick<RepoStore<never>, 'snapshot'>

/**
 * A repository as a CAR in pre-order (commit, then each node before what is below it, records in key order), so that a
 * reader can check and use it as it comes. Commits made meanwhile do not disturb it.
 *
 * @throws {RepoError} while iterating: `repo-not-found`, `missing-block`, `malformed-repo`
 */
export function exportRepo(store: Snapshots, did: Did): AsyncIterable<Uint8Array> {
  return exportBlocks(store, did)
}

/**
 * The commit and all blocks that were added after a revision, as a CAR in the same order: with what a reader has from
 * that revision, the repository now.
 *
 * @throws {RepoError} as {@link exportRepo}
 */
export function exportSince(store: Snapshots, did: Did, since: Tid): AsyncIterable<Uint8Array> {
  return exportBlocks(store, did, since)
}

async function* exportBlocks(store: Snapshots, did: Did, since?: Tid): AsyncGenerator<Uint8Array, void> {
  const all = since === undefined ? await readAll(store, did) : null
  if (all !== null) {
    yield* writePacked(all.head, all.blocks)
    return
  }
  yield* closingAfter(await openSnapshot(store, did), async function* (snapshot) {
    const bytes = await commitBytes(snapshot)
    yield* writeCarStream([snapshot.head.commit], walkSnapshot(snapshot, bytes, since))
  })
}

/** All of a repository that is small: its snapshot is closed before the first byte waits for whoever reads. */
async function readAll(
  store: Snapshots,
  did: Did,
): Promise<{ head: StoredHead; blocks: PackedBlocks } | null> {
  return await closing(await openSnapshot(store, did), async (snapshot) => {
    const blocks = await snapshot.readAll?.()
    return blocks ? { head: snapshot.head, blocks } : null
  })
}

/** @throws {RepoError} `repo-not-found` */
export async function openSnapshot(store: Snapshots, did: Did): Promise<RepoSnapshot> {
  const snapshot = await store.snapshot(did)
  if (snapshot === null) throw new RepoError('repo-not-found', `no such repository; did=${did}`)
  return snapshot
}

/** The signed commit's block. @throws {RepoError} `missing-block` */
async function commitBytes(snapshot: RepoSnapshot): Promise<Uint8Array> {
  const { did, commit } = snapshot.head
  const found = await snapshot.getBlocks(did, [commit])
  const bytes = found.get(commit)
  if (bytes === undefined) throw missingBlock(commit, 'commit block is missing', { did })
  return bytes
}

/**
 * The CAR that `com.atproto.sync.getRecord` answers with: the commit, the nodes on the way to the record and the record,
 * or, where there is none, the nodes that prove it.
 *
 * @param path `collection/rkey`.
 * @throws {RepoError} `repo-not-found`, `missing-block`, `malformed-repo`
 */
export async function getRecordProof(store: Snapshots, did: Did, path: string): Promise<Uint8Array> {
  return await closing(await openSnapshot(store, did), (snapshot) => proofFrom(snapshot, did, path))
}

async function proofFrom(snapshot: RepoSnapshot, did: Did, path: string): Promise<Uint8Array> {
  const { commit, data } = snapshot.head
  const { tree, blocks } = await loadPaths(snapshot, did, data, { keys: [path], withNeighbours: [] })
  const record = tree.get(path)
  const records = new CidMap<Uint8Array>()
  if (record !== null) await fetchInto(records, snapshot, did, [record])
  const car: CarBlock[] = [{ cid: commit, bytes: await commitBytes(snapshot) }]
  const add = ([cid, bytes]: [CID, Uint8Array]): void => void car.push({ cid, bytes })
  for (const block of blocks) add(block)
  for (const block of records) add(block)
  return writeCar([commit], car)
}
