import { createKeypair, type Keypair } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import { createTidClock, type Did, type Nsid, type TidClock } from '@avocet/syntax'
import { applyWrites } from '../apply.ts'
import { RepoError } from '../error.ts'
import { prepareWrite, type WriteInput } from '../prepare.ts'
import type { CommitData, RepoDirectory, RepoHead, RepoStore, StoredBlock } from '../types.ts'

/** A store under test. `alongside` is given `mark`, which must be part of the store's transaction. */
export interface StoreUnderTest<Tx> {
  readonly store: RepoStore<Tx> & RepoDirectory<Tx>
  /** Writes `text` somewhere in the given transaction. */
  readonly mark: (tx: Tx, text: string) => void | Promise<void>
  /** All texts marked and committed so far, in order. */
  readonly marks: () => Promise<readonly string[]>
}

/** One check: throws with a message where the store falls short. */
export interface StoreCheck {
  readonly name: string
  readonly run: <Tx>(target: StoreUnderTest<Tx>) => Promise<void>
}

export const collection: Nsid = 'com.example.note'
export const signer: Keypair = createKeypair()
export const clock: TidClock = createTidClock()
export const alice: Did = 'did:web:alice.example.com'
export const bob: Did = 'did:web:bob.example.com'

export function create(rkey: string, text: string = rkey): WriteInput {
  return { action: 'create', collection, rkey, record: { $type: collection, text } }
}
export function remove(rkey: string): WriteInput {
  return { action: 'delete', collection, rkey }
}

export async function prepare<Tx>(
  store: RepoStore<Tx>,
  did: Did,
  writes: readonly WriteInput[],
): Promise<CommitData> {
  const snapshot = await store.snapshot(did)
  try {
    const head = snapshot?.head ?? null
    const rev = clock.nextAfter(head?.rev ?? null)
    return await applyWrites({
      did,
      head,
      store: snapshot ?? store,
      writes: writes.map(prepareWrite),
      signer,
      rev,
    })
  } finally {
    await snapshot?.[Symbol.asyncDispose]()
  }
}

export async function commit<Tx>(
  store: RepoStore<Tx>,
  did: Did,
  ...writes: WriteInput[]
): Promise<CommitData> {
  const data = await prepare(store, did, writes)
  await store.apply(data)
  return data
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`)
}

export async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  let thrown: unknown = null
  try {
    await work
  } catch (error) {
    thrown = error
  }
  equal(thrown instanceof RepoError ? thrown.code : String(thrown), code, 'error code')
}

export async function has<Tx>(store: RepoStore<Tx>, did: Did, cids: readonly CID[]): Promise<boolean[]> {
  const found = await store.getBlocks(did, cids)
  return cids.map((cid) => found.has(cid))
}

export function recordCid(data: CommitData, rkey: string): CID {
  return data.ops.find((op) => op.path === `${collection}/${rkey}`)!.cid!
}

export async function* stream(
  blocks: Iterable<StoredBlock>,
  failAfter: number = Infinity,
): AsyncGenerator<StoredBlock, void> {
  let count = 0
  for (const block of blocks) {
    if (count++ >= failAfter) throw new Error('the stream broke')
    yield block
  }
}

/** Blocks and head of a little repository, as an import brings them. */
export async function sample(count: number): Promise<{ head: RepoHead; blocks: StoredBlock[] }> {
  const writes = Array.from({ length: count }, (_, i) => prepareWrite(create(`imported${i}`)))
  const none = { getBlocks: () => Promise.reject(new Error('a first commit reads nothing')) }
  const data = await applyWrites({ did: alice, head: null, store: none, writes, signer, rev: clock.next() })
  return {
    head: { did: alice, rev: data.rev, data: data.data, commit: data.commit },
    blocks: [...data.newBlocks].map(([cid, bytes]) => ({ cid, bytes })),
  }
}
