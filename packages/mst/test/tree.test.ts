import { encode } from '@avocet/cbor'
import { type BlockMap, type CID, cidForCbor, CidMap, formatCid } from '@avocet/data'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { inversionNodes, invertTreeOps, type TreeOp } from '../src/ops.ts'
import { coveringProofNodes, proofNodes } from '../src/proof.ts'
import { overlay } from '../src/source.ts'
import { emptyTree, loadTree } from '../src/tree.ts'

const values = Array.from({ length: 5 }, (_, i) => cidForCbor(encode({ value: i })))
// A small alphabet, so that keys collide, share prefixes and neighbour each other.
const key = fc
  .tuple(fc.constantFrom('a.b.c', 'a.b.d', 'app.bsky.feed.post'), fc.nat(400))
  .map(([c, n]) => `${c}/k${n}`)
const entries = fc
  .dictionary(key, fc.nat(4), { maxKeys: 120 })
  .map((object) => sorted(new Map(Object.entries(object))))
const changes = fc.dictionary(key, fc.option(fc.nat(4), { nil: null }), { minKeys: 1, maxKeys: 20 })

function sorted(map: ReadonlyMap<string, number>): [string, CID][] {
  return [...map].map(([k, v]): [string, CID] => [k, values[v]!]).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
const cids = (list: Iterable<CID>): string[] => [...list].map((cid) => formatCid(cid)).toSorted()

/** Turns the tree of `from` into that of `from` with `wanted` applied; null is a removal. */
function change(from: readonly [string, CID][], wanted: Record<string, number | null>) {
  const before = buildTree(from)
  const state = new Map(from)
  const tree = loadTree(before.root, before.blocks)
  const ops: TreeOp[] = []
  for (const [name, index] of Object.entries(wanted)) {
    const prev = state.get(name) ?? null
    const value = index === null ? null : values[index]!
    if (prev === value) continue
    if (value === null) {
      expect(formatCid(tree.remove(name))).toBe(formatCid(prev!))
      state.delete(name)
    } else {
      if (prev === null) tree.insert(name, value)
      else tree.update(name, value)
      state.set(name, value)
    }
    ops.push({ key: name, value, prev })
    // Sealing in the middle must leave no trace.
    if (ops.length % 3 === 0) tree.root()
  }
  const after = buildTree([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return { before, after, tree, ops }
}

describe('tree', () => {
  it('has the same root in whatever order keys come', () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), (list, random) => {
        const tree = emptyTree()
        const shuffled = list
          .map((entry) => ({ entry, order: random.next().value as number }))
          .toSorted((a, b) => a.order - b.order)
        for (const { entry } of shuffled) tree.insert(...entry)
        expect(formatCid(tree.root())).toBe(formatCid(buildTree(list).root))
      }),
      { numRuns: 100 },
    )
  })

  it('is the built tree after any changes, with exactly the nodes created and removed that differ', () => {
    fc.assert(
      fc.property(entries, changes, (list, wanted) => {
        const { before, after, tree } = change(list, wanted)
        const { root, created, removed } = tree.changes()
        expect(formatCid(root)).toBe(formatCid(after.root))
        expect(cids(created.keys())).toEqual(
          cids([...after.blocks.keys()].filter((cid) => !before.blocks.has(cid))),
        )
        expect(cids(removed)).toEqual(cids([...before.blocks.keys()].filter((cid) => !after.blocks.has(cid))))
        for (const [cid, bytes] of created)
          expect(Buffer.from(bytes).equals(after.blocks.get(cid)!)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('comes back to the same root when what was inserted is removed', () => {
    fc.assert(
      fc.property(entries, changes, (list, wanted) => {
        const { before, tree, ops } = change(list, wanted)
        invertTreeOps(tree, ops)
        expect(formatCid(tree.root())).toBe(formatCid(before.root))
        const { created, removed } = tree.changes()
        expect([created.size, removed.length]).toEqual([0, 0])
      }),
      { numRuns: 100 },
    )
  })

  it('inverts from the new nodes and a proof alone, in any order from the covering one', () => {
    fc.assert(
      fc.property(entries, changes, (list, wanted) => {
        const { before, after, tree, ops } = change(list, wanted)
        const source = overlay(tree.changes().created, before.blocks)
        const invert = (blocks: BlockMap, order?: (a: TreeOp, b: TreeOp) => number): string => {
          const partial = loadTree(after.root, blocks)
          invertTreeOps(partial, ops, order)
          return formatCid(partial.root())
        }
        expect(invert(inversionNodes(after.root, source, ops))).toBe(formatCid(before.root))
        const keys = ops.map((op) => op.key)
        const covering = coveringProofNodes(after.root, source, keys)
        const byKey = (a: TreeOp, b: TreeOp): number => (a.key < b.key ? -1 : 1)
        expect(invert(covering)).toBe(formatCid(before.root))
        expect(invert(covering, byKey)).toBe(formatCid(before.root))
        expect(invert(covering, (a, b) => -byKey(a, b))).toBe(formatCid(before.root))
        expect(invert(covering, () => 0)).toBe(formatCid(before.root))
      }),
      { numRuns: 200 },
    )
  })

  it('lists any range, either way, as a sorted array does', () => {
    const text = fc.oneof(key, fc.constantFrom('', 'a', 'a.b.d/', 'a.b.d/k2', 'zzz'))
    fc.assert(
      fc.property(
        entries,
        fc.option(text, { nil: undefined }),
        fc.option(text, { nil: undefined }),
        fc.constantFrom('', 'a.b.d/', 'a', 'app.bsky.feed.post/k1'),
        fc.boolean(),
        (list, from, after, prefix, reverse) => {
          const { root, blocks } = buildTree(list)
          const options = {
            ...(from === undefined ? {} : { from }),
            ...(after === undefined ? {} : { after }),
            prefix,
            reverse,
          }
          const got = [...loadTree(root, blocks).entries(options)].map(([name]) => name)
          const all = list.map(([name]) => name).filter((name) => name.startsWith(prefix))
          const start = after ?? from
          const wanted = (reverse ? all.toReversed() : all).filter(
            (name) =>
              start === undefined ||
              (after === undefined && name === start) ||
              (reverse ? name < start : name > start),
          )
          expect(got).toEqual(wanted)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('reads only what a range overlaps', () => {
    const many = Array.from({ length: 5000 }, (_, i): [string, CID] => [
      `a/${String(i).padStart(5, '0')}`,
      values[0]!,
    ])
    const { root, blocks } = buildTree(many)
    const tree = loadTree(root, blocks)
    expect([...tree.entries({ from: 'a/02500', prefix: 'a/0250' })]).toHaveLength(10)
    expect(tree.loads).toBeLessThan(25)
    tree.get('a/04000')
    expect(tree.loads).toBeLessThan(40)
  })

  it('says which nodes to load, layer by layer, until all operations can be done', () => {
    fc.assert(
      fc.property(entries, changes, (list, wanted) => {
        const full = buildTree(list)
        const blocks: BlockMap = new CidMap<Uint8Array>()
        const tree = loadTree(full.root, blocks)
        const keys = Object.keys(wanted)
        for (let round = 0; ; round++) {
          const missing = tree.missing(keys, true)
          if (missing.length === 0) break
          for (const cid of missing) blocks.set(cid, full.blocks.get(cid)!)
          expect(round).toBeLessThan(20)
        }
        for (const name of keys) {
          const present = list.some(([other]) => other === name)
          const partial = loadTree(full.root, blocks)
          if (present) partial.remove(name)
          else partial.insert(name, values[0]!)
          expect(partial.root()).toBeDefined()
        }
        expect(
          cids(proofNodes(full.root, full.blocks, keys).keys()).every((cid) =>
            cids(blocks.keys()).includes(cid),
          ),
        ).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('names the missing node', () => {
    const many = Array.from({ length: 300 }, (_, i): [string, CID] => [`a/${i + 100}`, values[0]!])
    const { root, blocks } = buildTree(many)
    const less = new CidMap(blocks)
    const path = [...proofNodes(root, blocks, ['a/200']).keys()]
    const gone = path.at(-1)!
    less.delete(gone)
    const tree = loadTree(root, less)
    for (const work of [() => tree.get('a/200'), () => tree.remove('a/200'), () => [...tree.entries()]]) {
      expect(work).toThrow(expect.objectContaining({ name: 'MstError', code: 'missing-block', cid: gone }))
    }
    expect(() => loadTree(root, { get: () => undefined }).get('a/1')).toThrow(
      expect.objectContaining({ code: 'missing-block', cid: root }),
    )
  })

  it('refuses keys that exist, that do not, and that are none', () => {
    const tree = emptyTree()
    tree.insert('a/b', values[0]!)
    expect(() => tree.insert('a/b', values[0]!)).toThrow(
      expect.objectContaining({ code: 'key-exists', key: 'a/b' }),
    )
    expect(() => tree.remove('a/c')).toThrow(expect.objectContaining({ code: 'key-not-found', key: 'a/c' }))
    expect(() => tree.update('a/c', values[0]!)).toThrow(expect.objectContaining({ code: 'key-not-found' }))
    for (const bad of ['', 'a', '/a', 'a/', 'a/b/c', 'a/b c', 'a/é', `a/${'x'.repeat(1023)}`]) {
      expect(() => tree.insert(bad, values[0]!)).toThrow(expect.objectContaining({ code: 'invalid-key' }))
    }
    expect(() =>
      buildTree([
        ['a/c', values[0]!],
        ['a/b', values[0]!],
      ]),
    ).toThrow(expect.objectContaining({ code: 'unsorted' }))
    expect(() => buildTree([['a', values[0]!]])).toThrow(expect.objectContaining({ code: 'invalid-key' }))
  })
})
