// The same trees and commits, made by @atproto/repo, @atcute/mst and by us, have the same roots.
import { Secp256k1Keypair } from '@atproto/crypto'
import {
  MemoryBlockstore,
  MST,
  Repo,
  WriteOpAction,
  type CommitData,
  type RecordCreateOp,
  type RecordWriteOp,
} from '@atproto/repo'
import { MemoryBlockStore, NodeStore, NodeWrangler } from '@atcute/mst'
import { importKeypair } from '@avocet/crypto'
import { cidForCbor, formatCid, type CID } from '@avocet/data'
import { buildTree, emptyTree } from '@avocet/mst'
import { applyWrites, createMemoryRepoStore, prepareWrite, verifyCommit, type WriteInput } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { fuzzRounds } from '@avocet/testing'
import { expect, it } from 'vitest'

type AtprotoCid = Parameters<MST['add']>[1]

/** mulberry32: the same trees in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const values = Array.from({ length: 7 }, (_, i) => cidForCbor(Uint8Array.of(i)))
const collections = ['app.bsky.feed.like', 'app.bsky.feed.post', 'com.example.x'] as const
const randomKey = (random: (below: number) => number): string =>
  `${collections[random(3)]}/${['', '3k', 'self~', 'a:b.'][random(4)]}${random(300).toString(36)}k`

it('2 000 random trees: inserted, updated and removed in random order', async () => {
  const random = createRandom(20_260_101)
  const different: unknown[] = []
  for (let round = 0; round < 2000; round++) {
    const state = new Map<string, CID>()
    const ours = emptyTree()
    let atproto = await MST.create(new MemoryBlockstore())
    const wrangler = new NodeWrangler(new NodeStore(new MemoryBlockStore()))
    let atcute: string | null = null
    const steps = 1 + random(30)
    for (let step = 0; step < steps; step++) {
      const key = randomKey(random)
      const value = values[random(values.length)]!
      const present = state.has(key)
      if (present && random(2) === 0) {
        state.delete(key)
        ours.remove(key)
        atproto = await atproto.delete(key)
        atcute = await wrangler.deleteRecord(atcute, key)
        continue
      }
      state.set(key, value)
      if (present) ours.update(key, value)
      else ours.insert(key, value)
      const theirs = value as unknown as AtprotoCid
      atproto = present ? await atproto.update(key, theirs) : await atproto.add(key, theirs)
      atcute = await wrangler.putRecord(atcute, key, { $link: formatCid(value) })
    }
    const root = formatCid(ours.root())
    const built = formatCid(buildTree([...state].toSorted(([a], [b]) => (a < b ? -1 : 1))).root)
    const pointer = (await atproto.getPointer()).toString()
    if (built !== root || pointer !== root) different.push([round, root, built, pointer])
    // An empty tree is null to this peer when it never held anything.
    if (atcute !== null && atcute !== root) different.push([round, root, '@atcute/mst', atcute])
  }
  expect(different).toEqual([])
}, 120_000)

const histories = fuzzRounds(100, 340)
it(`${histories * 6} commits of ${histories} random histories: same roots, ops and new blocks as @atproto/repo, signatures of each accepted`, async () => {
  const random = createRandom(7)
  const secret = new Uint8Array(32).fill(9)
  const signer = importKeypair('k256', secret)
  const peerSigner = await Secp256k1Keypair.import(secret)
  const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
  for (let history = 0; history < histories; history++) {
    const store = createMemoryRepoStore()
    let peer: Repo | null = null
    const present = new Set<string>()
    for (let step = 0; step < 6; step++) {
      const inputs: WriteInput[] = []
      const used = new Set<string>()
      for (let n = 1 + random(8); n > 0; n--) {
        const path = randomKey(random)
        if (used.has(path)) continue
        used.add(path)
        const [collection, rkey] = path.split('/') as [(typeof collections)[number], string]
        const record = { $type: collection, n: random(5) }
        if (!present.has(path)) inputs.push({ action: 'create', collection, rkey, record })
        else if (random(2) === 0 && step > 0) inputs.push({ action: 'delete', collection, rkey })
        if (present.has(path)) continue
        present.add(path)
      }
      for (const input of inputs)
        if (input.action === 'delete') present.delete(`${input.collection}/${input.rkey}`)
      const theirs = inputs.map((input): RecordWriteOp =>
        input.action === 'delete'
          ? { action: WriteOpAction.Delete, collection: input.collection, rkey: input.rkey }
          : {
              action: WriteOpAction.Create,
              collection: input.collection,
              rkey: input.rkey,
              record: input.record as RecordCreateOp['record'],
            },
      )
      const storage: MemoryBlockstore =
        (peer?.storage as MemoryBlockstore | undefined) ?? new MemoryBlockstore()
      const made: CommitData =
        peer === null
          ? await Repo.formatInitCommit(
              storage,
              did,
              peerSigner,
              theirs as Parameters<typeof Repo.formatInitCommit>[3],
            )
          : await peer.formatCommit(theirs, peerSigner)
      const head = await store.getHead(did)
      const commit = await applyWrites({
        did,
        head,
        store,
        writes: inputs.map(prepareWrite),
        signer,
        rev: made.rev,
      })
      await store.apply(commit)
      peer = peer === null ? await Repo.createFromCommit(storage, made) : await peer.applyCommit(made)

      expect(formatCid(commit.data)).toBe((await peer.data.getPointer()).toString())
      // Signatures differ each time, so commits do; all other new blocks are the same.
      const names = (cids: Iterable<{ toString(): string }>, but: string): string[] =>
        [...cids]
          .map(String)
          .filter((cid) => cid !== but)
          .toSorted()
      const ourNew = names([...commit.newBlocks.keys()].map(formatCid), formatCid(commit.commit))
      const theirNew = names(made.newBlocks.cids(), made.cid.toString())
      expect(theirNew.every((cid) => ourNew.includes(cid))).toBe(true)
      const blocks = { get: (cid: CID) => made.newBlocks.get(cid as unknown as AtprotoCid) ?? undefined }
      const signed = verifyCommit({ blocks, commit: made.cid as unknown as CID, did, key: signer.publicKey })
      expect(signed.ok).toBe(true)
    }
  }
}, 120_000)
