// Trees that random keys hardly ever make: keys many layers apart, nodes without keys, large nodes, absent siblings, and
// subtrees that hang where their keys do not belong.
import { encode } from '@avocet/cbor'
import { type BlockMap, type CID, cidForCbor, CidMap, formatCid } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { diff } from '../src/diff.ts'
import { lowerBound } from '../src/key.ts'
import { keyLayer } from '../src/layer.ts'
import { Link } from '../src/link.ts'
import { decodeNode, encodeNode } from '../src/node.ts'
import { invertTreeOps, inversionOrder, type TreeOp } from '../src/ops.ts'
import { coveringProofNodes, proofNodes } from '../src/proof.ts'
import { loadTree, type Tree } from '../src/tree.ts'

const value = cidForCbor(encode({ value: 1 }))
const otherValue = cidForCbor(encode({ value: 2 }))
const text = (cids: Iterable<CID>): string[] => [...cids].map(formatCid).toSorted()

/** The first key of a layer that begins with a prefix. */
function keyOf(layer: number, prefix: string): string {
  for (let i = 0; ; i++) if (keyLayer(prefix + i) === layer) return prefix + i
}
const treeOf = (keys: readonly string[]) => buildTree(keys.toSorted().map((key) => [key, value] as const))

describe('keys many layers apart', () => {
  const keys = [0, 4, 1, 0, 3, 0].map((layer, i) => keyOf(layer, `k/${i}-`))
  const subsets = Array.from({ length: 1 << keys.length }, (_, bits) => {
    const own = keys.filter((_key, i) => (bits >> i) & 1)
    return { own, ...treeOf(own) }
  })

  it('come and go one by one: the same tree, and exactly the nodes that differ', () => {
    for (const [bits, before] of subsets.entries()) {
      for (const [i, key] of keys.entries()) {
        const after = subsets[bits ^ (1 << i)]!
        const tree = loadTree(before.root, before.blocks)
        if ((bits >> i) & 1) tree.remove(key)
        else tree.insert(key, value)
        const { root, created, removed } = tree.changes()
        const name = `${bits} ${i}`
        expect(formatCid(root), name).toBe(formatCid(after.root))
        expect(text(created.keys()), name).toEqual(
          text([...after.blocks.keys()].filter((cid) => !before.blocks.has(cid))),
        )
        expect(text(removed), name).toEqual(
          text([...before.blocks.keys()].filter((cid) => !after.blocks.has(cid))),
        )
      }
    }
  })

  it('are asked for by what each operation reads, and by no more', () => {
    for (const { own, root, blocks } of subsets.filter(({ own: { length } }) => length > 0)) {
      for (const key of keys) {
        for (const neighbours of [false, true]) {
          const have: BlockMap = new CidMap<Uint8Array>()
          const tree = loadTree(root, have)
          for (let missing = tree.missing([key], neighbours); missing.length > 0;) {
            for (const cid of missing) have.set(cid, blocks.get(cid)!)
            missing = tree.missing([key], neighbours)
          }
          const proof = neighbours ? coveringProofNodes(root, blocks, [key]) : proofNodes(root, blocks, [key])
          expect(text(have.keys())).toEqual(text(proof.keys()))
          expect(tree.get(key)).toEqual(own.includes(key) ? value : null)
          if (!neighbours) continue
          if (own.includes(key)) tree.remove(key)
          else tree.insert(key, value)
          expect(formatCid(tree.root())).toBe(formatCid(treeOf(toggled(own, key)).root))
        }
      }
    }
  })

  it('are proved by each node of the covering proof: without one, the key or a neighbour cannot be told', () => {
    const { root, blocks } = subsets.at(-1)!
    for (const key of keys) {
      const proof = coveringProofNodes(root, blocks, [key])
      const at = keys.indexOf(key)
      const around = keys.slice(Math.max(0, at - 1), at + 2)
      for (const cid of proof.keys()) {
        const less = new CidMap(proof)
        less.delete(cid)
        const told = (): unknown => around.map((name) => loadTree(root, less).get(name))
        expect(told, key).toThrow(expect.objectContaining({ code: 'missing-block', cid }))
      }
    }
  })
})

function toggled(own: readonly string[], key: string): string[] {
  return own.includes(key) ? own.filter((name) => name !== key) : [...own, key]
}

describe('a tree of which only the root is there', () => {
  it('becomes its only subtree without reading it', () => {
    const [low, high] = [keyOf(0, 'a/'), keyOf(2, 'b/')]
    const whole = treeOf([low, high])
    const tree = loadTree(whole.root, new CidMap([[whole.root, whole.blocks.get(whole.root)!]]))
    // The subtree is a node of layer 1 without keys: its CID is the most that can be told.
    const below = [...whole.blocks].find(([, bytes]) => bytes.length < 50)![0]
    expect(formatCid(tree.remove(high))).toBe(formatCid(value))
    expect(formatCid(tree.root())).toBe(formatCid(below))
    expect(tree.loads).toBe(1)
    expect(tree.changes()).toMatchObject({ removed: [whole.root] })
    expect(() => tree.get(low)).toThrow(expect.objectContaining({ code: 'missing-block', cid: below }))
  })

  it('refuses to remove a key between two subtrees that are not', () => {
    const keys = [keyOf(0, 'a/'), keyOf(1, 'b/'), keyOf(0, 'c/')]
    const whole = treeOf(keys)
    const tree = loadTree(whole.root, new CidMap([[whole.root, whole.blocks.get(whole.root)!]]))
    expect(() => tree.remove(keys[1]!)).toThrow(expect.objectContaining({ code: 'missing-block' }))
    expect(formatCid(tree.root())).toBe(formatCid(whole.root))
  })
})

describe('a large node', () => {
  const all: string[] = []
  for (let i = 0; all.length < 101; i++) {
    const key = `a/${String(i).padStart(4, '0')}`
    if (keyLayer(key) === 0) all.push(key)
  }
  const present = all.filter((_, i) => i % 2 === 1)
  const { root, blocks } = treeOf(present)

  it.each([0, 1, 31, 32, 33, 34, 50, 101])('of %i keys: finds each, and the place of each other', (count) => {
    const keys = all.slice(0, count)
    for (const key of [...all, '', 'a/', 'b']) {
      const expected = keys.findIndex((name) => name >= key)
      expect([key, lowerBound(keys, key)]).toEqual([key, expected === -1 ? count : expected])
    }
  })

  it('takes and gives keys anywhere', () => {
    expect(blocks.size).toBe(1)
    for (const [i, key] of all.entries()) {
      const tree = loadTree(root, blocks)
      expect(tree.get(key)).toEqual(i % 2 === 1 ? value : null)
      if (i % 2 === 1) tree.remove(key)
      else tree.insert(key, value)
      expect(formatCid(tree.root()), key).toBe(formatCid(treeOf(toggled(present, key)).root))
    }
  })
})

describe('a listing', () => {
  const keys = Array.from({ length: 400 }, (_, i) => `a/${String(i * 2).padStart(4, '0')}`)
  const { root, blocks } = treeOf(keys)
  /** Each node but the root with the keys around it ('' = none). */
  const places: [low: string, high: string][] = []
  const collect = (cid: CID, layer: number | null, low: string, high: string): void => {
    const bytes = blocks.get(cid)!
    const decoded = decodeNode(bytes, layer, cid, low, high)
    if (layer !== null) places.push([low, high])
    decoded.children.forEach((child, i) => {
      if (child !== null)
        collect((child as Link).cid, decoded.layer - 1, decoded.keys[i - 1] ?? low, decoded.keys[i] ?? high)
    })
  }
  collect(root, null, '', '')

  it('loads the nodes that its range overlaps, and no others', () => {
    expect(places.length).toBeGreaterThan(80)
    const bounds = ['a/0000', 'a/0001', 'a/0100', 'a/0101', 'a/0400', 'a/0798', 'a/0799']
    const edges = [...new Set(places.flat())].filter((key, i) => key !== '' && i % 4 === 0)
    for (const start of [...bounds, ...edges]) {
      for (const prefix of ['', 'a/', 'a/01', edges[1]!]) {
        for (const reverse of [false, true]) {
          for (const options of [
            { from: start, prefix, reverse },
            { after: start, prefix, reverse },
          ]) {
            const tree = loadTree(root, blocks)
            Array.from(tree.entries(options))
            const end = prefix === '' ? '\uffff' : prefix.slice(0, -1) + nextOf(prefix.at(-1)!)
            const low = reverse || start < prefix ? prefix : start
            const above = 'after' in options ? start : `${start}\0`
            const high = reverse && above < end ? above : end
            const overlapping = places.filter(
              ([lower, upper]) => (upper === '' || upper > low) && lower < high,
            )
            expect([options, tree.loads]).toEqual([options, 1 + overlapping.length])
          }
        }
      }
    }
  })
})

const nextOf = (character: string): string => String.fromCharCode(character.charCodeAt(0) + 1)

describe('inversion', () => {
  const op = (key: string, gone: boolean): TreeOp => ({
    key,
    value: gone ? null : value,
    prev: gone ? value : null,
  })

  it('takes deletions back first, and within them and the rest goes by key', () => {
    const ops = [op('a/2', false), op('a/4', true), op('a/1', false), op('a/3', true)]
    expect(ops.toSorted(inversionOrder).map(({ key }) => key)).toEqual(['a/3', 'a/4', 'a/1', 'a/2'])
    expect(inversionOrder(op('a/1', true), op('a/1', true))).toBe(0)
  })

  it('refuses ops that are not what the tree says', () => {
    const { root, blocks } = treeOf(['a/1', 'a/2'])
    const invert = (change: TreeOp) => () => invertTreeOps(loadTree(root, blocks), [change])
    expect(invert({ key: 'a/1', value: otherValue, prev: null })).toThrow(
      expect.objectContaining({ code: 'key-not-found', key: 'a/1' }),
    )
    expect(invert({ key: 'a/1', value: otherValue, prev: value })).toThrow(
      expect.objectContaining({ code: 'key-not-found', key: 'a/1' }),
    )
    expect(invert({ key: 'a/3', value, prev: null })).toThrow(
      expect.objectContaining({ code: 'key-not-found', key: 'a/3' }),
    )
    expect(invert({ key: 'a/2', value: null, prev: value })).toThrow(
      expect.objectContaining({ code: 'key-exists', key: 'a/2' }),
    )
  })
})

describe('a subtree in the wrong place', () => {
  // m is the root's only key; a node without keys hangs below c on its left, and below t on its right.
  const [c, m, t] = [keyOf(2, 'c/'), keyOf(3, 'm/'), keyOf(2, 't/')]
  const blocks: BlockMap = new CidMap<Uint8Array>()
  const node = (keys: string[], links: (CID | null)[]): CID => {
    const bytes = encodeNode(
      keys,
      keys.map(() => Link.of(value)),
      links.map((cid) => cid && Link.of(cid)),
    )
    const cid = cidForCbor(bytes)
    blocks.set(cid, bytes)
    return cid
  }
  const hang = (leaf: string, side: 'left' | 'right'): CID => {
    const below = node([], [node([leaf], [null, null])])
    return node(
      [m],
      [node([c], [null, side === 'left' ? below : null]), node([t], [side === 'right' ? below : null, null])],
    )
  }
  const [leftKey, rightKey] = [keyOf(0, 'd/'), keyOf(0, 'n/')]
  const [leftTop, rightTop] = [keyOf(3, 'e/'), keyOf(3, 'o/')]

  const operations: [string, (tree: Tree, key: string, top: string) => unknown][] = [
    ['get', (tree, key) => tree.get(key)],
    ['update', (tree, key) => tree.update(key, otherValue)],
    ['remove', (tree, key) => tree.remove(key)],
    ['insert', (tree, key) => tree.insert(key, value)],
    ['insert above', (tree, _, top) => tree.insert(top, value)],
    ['remove above', (tree) => tree.remove(m)],
    ['proof', (tree, key) => tree.proof([key])],
    ['covering proof', (tree) => tree.proof([m], true)],
    ['missing', (tree, key) => tree.missing([key])],
    ['missing beside', (tree) => tree.missing([m], true)],
    ['entries', (tree) => [...tree.entries()]],
    ['entries backwards', (tree) => [...tree.entries({ reverse: true })]],
  ]
  const places: [string, 'left' | 'right', string][] = [
    ['after the key that follows', 'left', keyOf(0, 'z/')],
    ['before the key that precedes', 'left', keyOf(0, 'a/')],
    ['after the key that follows', 'right', keyOf(0, 'z/')],
    ['before the key that precedes', 'right', keyOf(0, 'a/')],
  ]

  it.each(operations)('is refused by %s', (name, work) => {
    for (const [place, side, leaf] of places) {
      const [key, top] = side === 'left' ? [leftKey, leftTop] : [rightKey, rightTop]
      // Removing m joins both sides; it goes down to the leaf only where both have one.
      const root = name === 'remove above' ? both(side, leaf) : hang(leaf, side)
      expect(() => work(loadTree(root, blocks), key, top), `${side}: ${place}`).toThrow(
        expect.objectContaining({
          code: 'malformed-node',
          message: expect.stringContaining('keys outside the place in the tree') as string,
        }),
      )
    }
  })

  it('is refused by a diff', () => {
    for (const [, side, leaf] of places) {
      expect(() => diff(null, hang(leaf, side), blocks)).toThrow(
        expect.objectContaining({
          code: 'malformed-node',
          message: expect.stringContaining('keys outside the place in the tree') as string,
        }),
      )
    }
  })

  it('is no matter where it belongs', () => {
    const root = both('left', leftKey)
    for (const [, work] of operations.slice(5))
      expect(() => work(loadTree(root, blocks), leftKey, leftTop)).not.toThrow()
    expect(diff(null, root, blocks).recordOps.map(({ key }) => key)).toEqual([c, leftKey, m, rightKey, t])
  })

  function both(side: 'left' | 'right', leaf: string): CID {
    const below = (key: string): CID => node([], [node([key], [null, null])])
    return node(
      [m],
      [
        node([c], [null, below(side === 'left' ? leaf : leftKey)]),
        node([t], [below(side === 'right' ? leaf : rightKey), null]),
      ],
    )
  }
})

describe('a key that changes several times before the tree is sealed', () => {
  it('ends as the last change has it', () => {
    const keys = [keyOf(0, 'a/'), keyOf(1, 'b/'), keyOf(0, 'c/')]
    const before = treeOf(keys)
    for (const key of keys) {
      const tree = loadTree(before.root, before.blocks)
      const after = buildTree(keys.map((name) => [name, name === key ? otherValue : value] as const))
      tree.update(key, cidForCbor(encode({ value: 3 })))
      tree.update(key, otherValue)
      expect(formatCid(tree.root())).toBe(formatCid(after.root))
      tree.update(key, value)
      expect(tree.changes()).toMatchObject({ root: before.root, removed: [] })
      tree.remove(key)
      tree.insert(key, otherValue)
      expect(formatCid(tree.root())).toBe(formatCid(after.root))
    }
  })
})
