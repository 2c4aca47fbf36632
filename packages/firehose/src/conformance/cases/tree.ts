// Step 7: signed trees that break the format, and CARs that do not hold enough of them.
// Spec: https://atproto.com/specs/repository#mst-structure

import { type BlockMap, type CID, CidMap, type DataObject } from '@avocet/data'
import { keyLayer, proofNodes } from '@avocet/mst'
import type { FailureReason } from '../../reasons.ts'
import { block, changeNode, forge, type RawNode, treeWith } from '../forge.ts'
import type { Case } from '../script.ts'
import { type Account, create, post, remove, type World } from '../world.ts'
import { attempt, goesOn } from './accounts.ts'

const PATH = 'app.bsky.feed.post/'

/** The first `count` keys of exactly this layer. */
function keysOfLayer(layer: number, count: number, prefix = 'k'): string[] {
  const keys: string[] = []
  for (let i = 0; keys.length < count; i++) {
    const key = `${prefix}${String(i).padStart(5, '0')}`
    if (keyLayer(PATH + key) === layer) keys.push(key)
  }
  return keys
}

/** A repo of two layers: three keys on layer 1, six on layer 0 between and around them. */
async function layered(world: World): Promise<{ account: Account; high: string[] }> {
  const account = world.createAccount()
  const high = keysOfLayer(1, 3)
  const records = [...high, ...keysOfLayer(0, 6)].map((key) => [PATH + key, post(key)] as const)
  await world.fill(account, records)
  return { account, high }
}

/** The root of the tree that a commit leads to is changed, signed as it is then, and sent with all nodes. */
function brokenRoot(
  name: string,
  about: string,
  change: (node: RawNode, blocks: BlockMap) => void,
  reason: FailureReason = 'node-malformed',
): Case {
  return {
    name,
    group: 'tree',
    about,
    async build(script, world) {
      const { account } = await layered(world)
      script.accept('#commit', world.event(await world.commit(account, [create('start')])))
      const commit = await attempt(world, account, create('zz'))
      const tree = treeWith(account, [[`${PATH}zz`, commit.ops[0]!.cid]])
      const root = changeNode(tree.blocks.get(tree.root)!, (node) => change(node, tree.blocks))
      const add = [...tree.blocks, [root.cid, root.bytes] as const]
      script.reject(reason, '#commit', await forge(world, account, commit, { data: root.cid, add }))
      await goesOn(script, world, account)
    },
  }
}

const text = new TextDecoder()
const bytes = new TextEncoder()

/** Writes the node's keys anew, with the longest shared prefixes, in the order given. */
function setKeys(node: RawNode, keys: readonly string[], prefixes = true): void {
  let last = ''
  for (const [i, key] of keys.entries()) {
    let shared = 0
    if (prefixes) while (shared < last.length && last[shared] === key[shared]) shared++
    node.e[i]!.p = shared
    node.e[i]!.k = bytes.encode(key.slice(shared))
    last = key
  }
}

function keysOf(node: RawNode): string[] {
  let last = ''
  return node.e.map(({ p, k }) => {
    last = last.slice(0, p) + text.decode(k)
    return last
  })
}

/** Signed trees that break the format, and CARs that hold too little of them. */
export const TREE_CASES: readonly Case[] = [
  brokenRoot('keys-out-of-order', 'Two keys of a node have changed places.', (node) => {
    const [first, second, ...rest] = keysOf(node)
    setKeys(node, [second!, first!, ...rest])
  }),
  brokenRoot('key-twice', 'A node holds one key twice.', (node) => {
    const [first, , ...rest] = keysOf(node)
    setKeys(node, [first!, first!, ...rest])
  }),
  brokenRoot('prefix-not-shared', 'Keys are written out though they share a prefix.', (node) => {
    setKeys(node, keysOf(node), false)
  }),
  brokenRoot('prefix-too-long', 'A key shares more bytes than the one before it has.', (node) => {
    node.e[1]!.p = 500
  }),
  brokenRoot('key-on-wrong-layer', 'A key of layer 0 stands in a node of layer 1.', (node) => {
    const keys = keysOf(node)
    setKeys(node, [...keys.slice(0, -1), PATH + keysOfLayer(0, 1, 'z')[0]!])
  }),
  brokenRoot('node-empty', 'A node without a key above the root of the tree.', (node, blocks) => {
    const root = block({ l: node.l, e: node.e })
    blocks.set(root.cid, root.bytes)
    node.l = root.cid
    node.e = []
  }),
  brokenRoot('node-with-unknown-field', 'A node with a field that the format does not have.', (node) => {
    ;(node as unknown as DataObject)['x'] = 1
  }),
  brokenRoot('subtree-out-of-range', 'Two subtrees of a node have changed places.', (node) => {
    // The first and the last subtree: both exist, and the new key is in the last.
    const last = node.e.at(-1)!
    ;[node.l, last.t] = [last.t, node.l]
  }),
  brokenRoot('subtree-is-a-record', 'A subtree link points at a record.', (node, blocks) => {
    const record = block(post('not a node'))
    blocks.set(record.cid, record.bytes)
    node.e.at(-1)!.t = record.cid
  }),
  {
    name: 'node-missing',
    group: 'tree',
    about: 'The node that holds the new key is not in the CAR.',
    async build(script, world) {
      const { account } = await layered(world)
      script.accept('#commit', world.event(await world.commit(account, [create('start')])))
      const commit = await attempt(world, account, create('zz'))
      const nodes = proofNodes(commit.data, allNodes(commit.newBlocks, commit.proofBlocks), [`${PATH}zz`])
      const [last] = [...nodes.keys()].slice(-1)
      script.reject('node-missing', '#commit', await forge(world, account, commit, { drop: [last!] }))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'root-missing',
    group: 'tree',
    about: 'The root of the tree is not in the CAR.',
    async build(script, world) {
      const { account } = await layered(world)
      script.accept('#commit', world.event(await world.commit(account, [create('start')])))
      const commit = await attempt(world, account, create('zz'))
      script.reject('node-missing', '#commit', await forge(world, account, commit, { drop: [commit.data] }))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'delete-not-proved',
    group: 'tree',
    about: 'The node that would show that a deleted key is gone is not in the CAR.',
    async build(script, world) {
      const { account } = await layered(world)
      const doomed = keysOfLayer(0, 1)[0]!
      script.accept('#commit', world.event(await world.commit(account, [create('start')])))
      const commit = await attempt(world, account, remove(doomed))
      const nodes = proofNodes(commit.data, allNodes(commit.newBlocks, commit.proofBlocks), [PATH + doomed])
      const [last] = [...nodes.keys()].slice(-1)
      script.reject('delete-not-proved', '#commit', await forge(world, account, commit, { drop: [last!] }))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'delete-neighbours-missing',
    group: 'tree',
    about:
      'A key of a higher layer is deleted; the subtrees beside it, needed to undo that, are not in the CAR.',
    async build(script, world) {
      const { account, high } = await layered(world)
      script.accept('#commit', world.event(await world.commit(account, [create('start')])))
      const commit = await attempt(world, account, remove(high[1]!))
      const keep = proofNodes(commit.data, allNodes(commit.newBlocks, commit.proofBlocks), [])
      keep.set(commit.data, new Uint8Array(0))
      const drop = [...commit.newBlocks.keys(), ...commit.proofBlocks.keys()].filter(
        (cid) => !keep.has(cid) && !cid.equals(commit.commit),
      )
      script.reject('delete-not-proved', '#commit', await forge(world, account, commit, { drop }))
      await goesOn(script, world, account)
    },
  },
]

function allNodes(...maps: readonly BlockMap[]): BlockMap {
  const all: BlockMap = new CidMap<Uint8Array>()
  for (const map of maps)
    for (const [cid, content] of map as Iterable<[CID, Uint8Array]>) all.set(cid, content)
  return all
}
