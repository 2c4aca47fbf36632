// The tree alone: building it, and one insert with its proof and its new nodes, beside @atproto/repo and @atcute/mst.
import { MemoryBlockstore, MST } from '@atproto/repo'
import { buildInclusionProof, MemoryBlockStore, mstDiff, NodeStore, NodeWrangler } from '@atcute/mst'
import { cidForCbor, formatCid, type BlockMap, type CID, CidMap } from '@avocet/data'
import { buildTree, diff, loadTree, overlay } from '@avocet/mst'
import { compare, record, save } from './support/compare.ts'

type AtprotoCid = Parameters<MST['add']>[1]

const TID = '234567abcdefghijklmnopqrstuvwxyz'
/** Keys like those of real repositories: a few collections, record keys that are times. */
function entriesOf(count: number): [string, CID][] {
  const collections = ['app.bsky.feed.like', 'app.bsky.feed.post', 'app.bsky.graph.follow']
  const entries: [string, CID][] = []
  for (let i = 0; i < count; i++) {
    let rest = 1_700_000_000_000 + i * 37_003
    let rkey = ''
    for (let n = 0; n < 11; n++) {
      rkey = TID[rest % 32]! + rkey
      rest = Math.floor(rest / 32)
    }
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, i)
    entries.push([`${collections[i % 3]}/3k${rkey}`, cidForCbor(bytes)])
  }
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

const entries = entriesOf(20_000)
const built = buildTree(entries)

await compare(
  'build a tree of 20 000 sorted keys',
  { unit: 'keys', items: entries.length, target: 8 },
  {
    avocet: () => buildTree(entries).root,
    '@atproto/repo': async () => {
      let tree = await MST.create(new MemoryBlockstore())
      for (const [key, value] of entries) tree = await tree.add(key, value as unknown as AtprotoCid)
      return tree.getPointer()
    },
  },
)

{
  // A twentieth of the keys: this peer stores every intermediate tree.
  const some = entriesOf(1000)
  await compare(
    'build a tree of 1 000 keys, one by one in the peer',
    { unit: 'keys', items: some.length },
    {
      avocet: () => buildTree(some).root,
      '@atcute/mst': async () => {
        const wrangler = new NodeWrangler(new NodeStore(new MemoryBlockStore()))
        let root: string | null = null
        for (const [key, value] of some)
          root = await wrangler.putRecord(root, key, { $link: formatCid(value) })
        return root
      },
    },
  )
}

{
  const [, value] = entries[77]!
  const extra = Array.from(
    { length: 512 },
    (_, i) => `app.bsky.feed.post/3k${(i * 7919).toString(32).padStart(11, '2')}`,
  )
  let next = 0
  const mine: BlockMap = new CidMap(built.blocks)
  const peer = new MemoryBlockStore()
  for (const [cid, bytes] of built.blocks) await peer.put(formatCid(cid), Uint8Array.from(bytes))
  const atproto = new MemoryBlockstore()
  for (const [cid, bytes] of built.blocks) await atproto.putBlock(cid as unknown as AtprotoCid, bytes)
  const rootText = formatCid(built.root)
  await compare(
    'one insert into a stored tree of 20 000 keys, its proof and its new nodes stored',
    { unit: 'inserts', target: 5 },
    {
      avocet: () => {
        const key = extra[next++ % extra.length]!
        const tree = loadTree(built.root, mine)
        tree.insert(key, value)
        const { created, removed } = tree.changes()
        const proof = tree.proof([key], true)
        for (const [cid, bytes] of created) mine.set(cid, bytes)
        return [proof.size, removed.length]
      },
      '@atcute/mst': async () => {
        const key = extra[next++ % extra.length]!
        const store = new NodeStore(peer)
        const root = await new NodeWrangler(store).putRecord(rootText, key, { $link: formatCid(value) })
        const proof = await buildInclusionProof(store, root, key)
        return [root, proof]
      },
      '@atproto/repo': async () => {
        const key = extra[next++ % extra.length]!
        const tree = await MST.load(atproto, built.root as unknown as AtprotoCid).add(
          key,
          value as unknown as AtprotoCid,
        )
        const { blocks } = await tree.getUnstoredBlocks()
        const proof = await tree.getCoveringProof(key)
        await atproto.putMany(blocks)
        return proof
      },
    },
  )
  const changed = loadTree(built.root, built.blocks)
  for (let i = 0; i < 20; i++) changed.insert(extra[i * 11]!, value)
  const { root: after, created } = changed.changes()
  const both = overlay(created, built.blocks)
  for (const [cid, bytes] of created) await peer.put(formatCid(cid), Uint8Array.from(bytes))
  const afterText = formatCid(after)
  await compare(
    'compare two trees of 20 000 keys that differ in 20',
    { unit: 'diffs' },
    {
      avocet: () => diff(built.root, after, both).recordOps.length,
      '@atcute/mst': () => mstDiff(new NodeStore(peer), rootText, afterText),
    },
  )
}

// How the cost grows with the tree.
for (const count of [1000, 10_000, 100_000, 1_000_000]) {
  const list = entriesOf(count)
  const start = performance.now()
  const { root, blocks } = buildTree(list)
  const buildSeconds = (performance.now() - start) / 1000
  const [, value] = list[0]!
  // The best of several short runs: the machine may be busy with other things meanwhile.
  const perSecond = (work: (i: number) => void): number => {
    let best = 0
    for (let run = 0; run < 12; run++) {
      const from = performance.now()
      for (let i = run * 50; i < run * 50 + 50; i++) work(i)
      best = Math.max(best, 50_000 / (performance.now() - from))
    }
    return best
  }
  const inserts = perSecond((i) => {
    const tree = loadTree(root, blocks)
    tree.insert(`app.bsky.feed.post/3k${(i * 104_729).toString(32).padStart(11, '2')}`, value)
    tree.root()
  })
  const pages = perSecond((i) => {
    const page = loadTree(root, blocks).entries({ after: list[(i * 7919) % list.length]![0] })
    for (let n = 0; n < 50; n++) page.next()
  })
  const diffs = perSecond((i) => {
    const tree = loadTree(root, blocks)
    tree.insert(`app.bsky.feed.post/3k${(i * 104_729).toString(32).padStart(11, '2')}`, value)
    const { created, root: changed } = tree.changes()
    diff(root, changed, overlay(created, blocks))
  })
  const size = count.toLocaleString('en').replaceAll(',', ' ')
  record(`${size} keys: build`, { unit: 'keys' }, [{ name: 'avocet', perSecond: count / buildSeconds }])
  record(`${size} keys: insert one and hash`, { unit: 'inserts' }, [{ name: 'avocet', perSecond: inserts }])
  record(`${size} keys: list 50 from anywhere`, { unit: 'pages' }, [{ name: 'avocet', perSecond: pages }])
  record(`${size} keys: insert one and diff`, { unit: 'diffs' }, [{ name: 'avocet', perSecond: diffs }])
}

save('mst')
