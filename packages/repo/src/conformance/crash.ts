// A store must come through a kill at any instant: a process writes and says what was acknowledged, another kills it,
// opens the database again and checks.

import { formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { checkRepo } from '../check.ts'
import { exportRepo } from '../export.ts'
import { importRepo } from '../import.ts'
import { createMemoryRepoStore } from '../memory-store.ts'
import { prepareWrite, type WriteInput } from '../prepare.ts'
import type { RepoDirectory, RepoStore } from '../types.ts'
import { createRepoWriter } from '../writer.ts'
import { clock, collection, equal, signer } from './support.ts'

/** A store in the process that will be killed, or in the one that checks. */
export interface CrashTarget<Tx> {
  readonly store: RepoStore<Tx> & RepoDirectory<Tx>
  /** Appends to a log of commits in the given transaction. */
  readonly log: (tx: Tx, did: Did, rev: string) => void | Promise<void>
  /** The revisions logged for a repository, in order. */
  readonly logged: (did: Did) => Promise<readonly string[]>
  /** How many blocks the store holds for a repository. */
  readonly countBlocks: (did: Did) => Promise<number>
}

const dids: readonly Did[] = [
  'did:web:one.example.com',
  'did:web:two.example.com',
  'did:web:three.example.com',
]

/**
 * Writes without end: small commits to several repositories side by side, with imports and exports in between.
 *
 * @param acknowledge called when a commit is stored, with its repository and revision: must reach the other process
 *   before it returns.
 */
export async function writeUntilKilled<Tx>(
  target: CrashTarget<Tx>,
  acknowledge: (did: Did, rev: string) => void,
): Promise<never> {
  const { store, log } = target
  const writer = createRepoWriter({ store, clock, signer: () => signer })
  const alongside = (tx: Tx, commit: { did: Did; rev: string }): void | Promise<void> =>
    log(tx, commit.did, commit.rev)
  const work = async (did: Did): Promise<never> => {
    if ((await store.getHead(did)) === null)
      acknowledge(did, (await writer.create(did, [], { alongside })).rev)
    const present = new Set<string>()
    for await (const path of paths(store, did)) present.add(path.slice(collection.length + 1))
    for (let round = 1; ; round++) {
      const writes = randomWrites(present).map((write) => prepareWrite(write))
      const commit = await writer.write(did, writes, { alongside })
      if (commit !== null) acknowledge(did, commit.rev)
      if (round % 25 === 0)
        for await (const chunk of exportRepo(store, did)) equal(chunk.length > 0, true, 'export')
      if (round % 40 === 0 && did === dids[0]) {
        const imported = await importInto(target, did)
        acknowledge(did, imported)
        present.clear()
        for await (const path of paths(store, did)) present.add(path.slice(collection.length + 1))
      }
    }
  }
  return Promise.race(dids.map((did) => work(did)))
}

async function* paths<Tx>(store: RepoStore<Tx>, did: Did): AsyncGenerator<string, void> {
  const found: string[] = []
  await checkRepo(store, did, { onRecord: ({ path }) => void found.push(path) })
  yield* found
}

/** Replaces the repository by one of 200 records that was made elsewhere. */
async function importInto<Tx>({ store, log }: CrashTarget<Tx>, did: Did): Promise<string> {
  const elsewhere = createMemoryRepoStore()
  const writes = Array.from({ length: 200 }, (_, i) =>
    prepareWrite({ action: 'create', collection, rkey: `i${i}`, record: { i: i % 50 } }),
  )
  await createRepoWriter({ store: elsewhere, clock, signer: () => signer }).create(did, writes)
  const head = await store.getHead(did)
  const revOf = (archived: string): string =>
    clock.nextAfter(head !== null && head.rev > archived ? head.rev : archived)
  let rev = ''
  await importRepo({
    did,
    store,
    source: exportRepo(elsewhere, did),
    key: signer.publicKey,
    signer,
    rev: (archived) => (rev = revOf(archived)),
    alongside: (tx) => log(tx, did, rev),
  })
  return rev
}

function randomWrites(present: Set<string>): WriteInput[] {
  const writes: WriteInput[] = []
  const used = new Set<string>()
  const count = 1 + Math.floor(Math.random() * 6)
  for (let i = 0; i < count; i++) {
    const rkey = `k${Math.floor(Math.random() * 150)}`
    if (used.has(rkey)) continue
    used.add(rkey)
    const record = { text: `text ${Math.floor(Math.random() * 30)}` }
    if (!present.has(rkey)) {
      present.add(rkey)
      writes.push({ action: 'create', collection, rkey, record })
    } else if (Math.random() < 0.5) {
      present.delete(rkey)
      writes.push({ action: 'delete', collection, rkey })
    } else {
      writes.push({ action: 'update', collection, rkey, record })
    }
  }
  return writes
}

/**
 * Checks a store after a kill: every acknowledged commit is there, each commit has its line in the log and the newest is
 * the head, no commit is half there, and no block is kept that no commit needs.
 *
 * @param acknowledged the newest revision acknowledged per repository.
 */
export async function checkAfterCrash<Tx>(
  target: CrashTarget<Tx>,
  acknowledged: ReadonlyMap<string, string>,
): Promise<void> {
  const { store, logged, countBlocks } = target
  for (const did of dids) {
    const head = await store.getHead(did)
    const revs = await logged(did)
    const newest = acknowledged.get(did)
    if (head === null) {
      equal(
        [newest ?? null, revs.length],
        [null, 0],
        `${did}: no repository, so no acknowledgement and no log`,
      )
      continue
    }
    equal(revs.at(-1), head.rev, `${did}: the newest commit in the log is the head`)
    equal(revs.toSorted(), [...new Set(revs)], `${did}: the log is in order`)
    if (newest !== undefined) equal(revs.includes(newest), true, `${did}: ${newest} was acknowledged`)
    const report = await checkRepo(store, did)
    equal(
      report.faults.map((fault) => [fault.code, formatCid(fault.cid)]),
      [],
      `${did}: faults`,
    )
    equal(await countBlocks(did), report.blocks, `${did}: blocks stored and blocks in use`)
  }
}
