import { createKeypair } from '@avocet/crypto'
import { decodeNode, type EntriesOptions, loadTree } from '@avocet/mst'
import { createTidClock, type Did, type Nsid } from '@avocet/syntax'
import * as fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { applyWrites } from '../src/apply.ts'
import { listEntries, listRecords } from '../src/entries.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'
import { prepareWrite } from '../src/prepare.ts'

const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
const collections: readonly Nsid[] = ['com.example.a', 'com.example.note', 'com.example.noted']
const keys = collections.flatMap((collection) =>
  Array.from({ length: 60 }, (_, i) => `${collection}/k${i * 3}`),
)
const signer = createKeypair()
const store = createMemoryRepoStore()
/** Blocks asked for, one array a call. */
const asked: number[] = []
const counting = {
  ...store,
  snapshot: async (owner: Did) => {
    const snapshot = (await store.snapshot(owner))!
    return {
      head: snapshot.head,
      getBlocks: (...given: Parameters<typeof snapshot.getBlocks>) => {
        asked.push(given[1].length)
        return snapshot.getBlocks(...given)
      },
      [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose](),
    }
  },
}

beforeAll(async () => {
  const writes = keys.map((path) => {
    const [collection, rkey] = path.split('/') as [Nsid, string]
    return prepareWrite({ action: 'create', collection, rkey, record: { path } })
  })
  await store.apply(
    await applyWrites({ did, head: null, store, writes, signer, rev: createTidClock().next() }),
  )
})

async function paths(options: EntriesOptions): Promise<string[]> {
  await using snapshot = (await store.snapshot(did))!
  const found: string[] = []
  for await (const { path } of listEntries(snapshot, options)) found.push(path)
  return found
}

it('lists what the tree lists, whatever the range', async () => {
  const head = (await store.getHead(did))!
  const nodes = new Map<string, Uint8Array>()
  const tree = loadTree(head.data, {
    get: (cid) => nodes.get(cid.toString()),
  })
  for (;;) {
    try {
      void [...tree.entries({})]
      break
    } catch (error) {
      const { cid } = error as { cid?: Parameters<typeof store.getBlocks>[1][number] }
      nodes.set(cid!.toString(), (await store.getBlocks(did, [cid!])).get(cid!)!)
    }
  }
  const bound = fc.oneof(
    fc.constant(undefined),
    fc.constantFrom('', ...keys),
    fc.constantFrom(...keys).map((key) => `${key}x`),
  )
  const prefix = fc.constantFrom(undefined, 'com.example.note/', 'com.example.note', 'com.example.a/k1', 'zz')
  const ranges = fc.record({ prefix, from: bound, after: bound, reverse: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(ranges, async (range) => {
      const options = Object.fromEntries(
        Object.entries(range).filter(([, value]) => value !== undefined),
      ) as EntriesOptions
      expect(await paths(options)).toEqual([...tree.entries(options)].map(([path]) => path))
    }),
    { numRuns: 300 },
  )
})

it('reads no more than a page and the way to it', async () => {
  asked.length = 0
  let count = 0
  for await (const { path } of listRecords(counting, did, { prefix: 'com.example.note/' })) {
    expect(path.startsWith('com.example.note/')).toBe(true)
    if (++count === 50) break
  }
  expect(asked.filter((length) => length > 1)).toEqual([25, 25])
})

it('reads no node whose keys all stand before the range', async () => {
  const { data } = (await store.getHead(did))!
  const { keys: rootKeys, children } = decodeNode((await store.getBlocks(did, [data])).get(data)!, null)
  // A key of the root with a subtree before it: what that holds is less than the key.
  const key = rootKeys.find((_, i) => children[i] !== null)!
  const nodesRead = async (options: EntriesOptions): Promise<number> => {
    await using snapshot = await counting.snapshot(did)
    asked.length = 0
    for await (const entry of listEntries(snapshot, options)) expect(entry.path).toBe(key)
    return asked.length
  }
  const past = await nodesRead({ prefix: key, from: `${key}\0` })
  expect(await nodesRead({ prefix: key, from: key })).toBe(past)
})
