// All pairs of the 128 subsets of a perfect tree with seven keys (layers 0 1 0 2 0 1 0), against plain set arithmetic:
// the manner of https://github.com/DavidBuchanan314/mst-test-suite.
import { encode } from '@avocet/cbor'
import { type CID, cidForCbor, CidMap, formatCid } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { diff } from '../src/diff.ts'
import { MstError } from '../src/error.ts'
import { keyLayer } from '../src/layer.ts'
import { invertTreeOps } from '../src/ops.ts'
import { overlay } from '../src/source.ts'
import { loadTree } from '../src/tree.ts'

const keys: string[] = []
for (const layer of [0, 1, 0, 2, 0, 1, 0]) {
  let i = keys.length === 0 ? 0 : Number(keys.at(-1)!.slice(2)) + 1
  while (keyLayer(`k/${String(i).padStart(2, '0')}`) !== layer) i++
  keys.push(`k/${String(i).padStart(2, '0')}`)
}
const values = keys.map((key) => cidForCbor(encode({ $type: 'mst-test-data', value_for: key })))
const changedValues = keys.map((key) => cidForCbor(encode({ changed: key })))

interface Subset {
  readonly entries: ReadonlyMap<string, CID>
  readonly root: CID
  readonly nodes: ReadonlySet<string>
}
const blocks = new CidMap<Uint8Array>()
function subset(bits: number, changed = 0): Subset {
  const entries = new Map<string, CID>()
  keys.forEach((key, i) => {
    if ((bits >> i) & 1) entries.set(key, (changed >> i) & 1 ? changedValues[i]! : values[i]!)
  })
  const tree = buildTree(entries)
  for (const [cid, bytes] of tree.blocks) blocks.set(cid, bytes)
  return { entries, root: tree.root, nodes: new Set([...tree.blocks.keys()].map(formatCid)) }
}
const subsets = Array.from({ length: 128 }, (_, bits) => subset(bits))
const text = (cids: Iterable<CID>): string[] => [...cids].map(formatCid).toSorted()

function naiveOps(a: Subset, b: Subset) {
  return keys
    .map((key) => ({ key, value: b.entries.get(key) ?? null, prev: a.entries.get(key) ?? null }))
    .filter(({ value, prev }) => (value && formatCid(value)) !== (prev && formatCid(prev)))
}

/** All that must hold of a diff; returns how it falls short, or null. */
function check(a: Subset, b: Subset, minimality = true): string | null {
  const result = diff(a.root, b.root, blocks)
  const ops = naiveOps(a, b)
  const same = (x: unknown, y: unknown): boolean => JSON.stringify(x) === JSON.stringify(y)
  if (!same(result.recordOps, ops)) return 'record ops'
  const created = [...b.nodes].filter((cid) => !a.nodes.has(cid)).toSorted()
  const deleted = [...a.nodes].filter((cid) => !b.nodes.has(cid)).toSorted()
  if (!same(text(result.createdNodes.keys()), created)) return 'created nodes'
  if (!same(text(result.deletedNodes.keys()), deleted)) return 'deleted nodes'

  // The proof is what get() needs, all of it and no more.
  const proof = result.proofNodes
  const prove = (source: CidMap<Uint8Array>): boolean =>
    ops.every(({ key, value }) => same(loadTree(b.root, source).get(key), value))
  if (!prove(proof)) return 'proof nodes do not prove'
  if (
    result.recordOps.every((op) => op.value !== null) &&
    !text(proof.keys()).every((cid) => created.includes(cid))
  ) {
    return 'a proof without deletions is part of the created nodes'
  }
  for (const cid of proof.keys())
    if (!fails(() => prove(without(proof, cid)))) return 'proof has a node too many'

  // From the inversion's nodes alone the ops lead back, and each of them is read for it.
  const needed = result.inversionNodes
  const invert = (source: CidMap<Uint8Array>): string => {
    const tree = loadTree(b.root, source)
    invertTreeOps(tree, ops)
    return formatCid(tree.root())
  }
  if (invert(needed) !== formatCid(a.root)) return 'inversion nodes do not lead back'
  for (const cid of minimality ? needed.keys() : []) {
    // A new root is named, not read, so leaving out that very node does no harm.
    if (formatCid(cid) === formatCid(a.root)) continue
    const back: string[] = []
    if (!fails(() => back.push(invert(without(needed, cid)))) && back[0] === formatCid(a.root)) {
      return 'inversion has a node too many'
    }
  }
  return null
}

function without(map: CidMap<Uint8Array>, cid: CID): CidMap<Uint8Array> {
  const less = new CidMap(map)
  less.delete(cid)
  return less
}

function fails(work: () => unknown): boolean {
  try {
    work()
    return false
  } catch (error) {
    if (error instanceof MstError && error.code === 'missing-block') return true
    throw error
  }
}

describe('diff', () => {
  it('of all 16 384 pairs of subsets', { timeout: 240_000 }, () => {
    const wrong: [number, number, string][] = []
    // Leaving out one node after the other takes most of the time: some of the pairs will do for that.
    const share = process.env['AVOCET_FUZZ'] ? 1 : 9
    subsets.forEach((a, i) =>
      subsets.forEach((b, j) => {
        const problem = check(a, b, (i * 5 + j) % share === 0)
        if (problem !== null) wrong.push([i, j, problem])
      }),
    )
    expect(wrong.slice(0, 10)).toEqual([])
  })

  it('of pairs with updates', () => {
    const wrong: unknown[] = []
    for (let i = 0; i < 128; i += 3) {
      for (let j = 0; j < 128; j += 5) {
        const problem = check(subset(i), subset(j, (i * 37 + j) % 128))
        if (problem !== null) wrong.push([i, j, problem])
      }
    }
    expect(wrong.slice(0, 10)).toEqual([])
  })

  it('from nothing, and of a tree with itself', () => {
    const all = subsets[127]!
    expect(diff(null, all.root, blocks).recordOps).toHaveLength(7)
    const none = diff(all.root, all.root, { get: () => undefined })
    expect([none.recordOps.length, none.createdNodes.size, none.deletedNodes.size]).toEqual([0, 0, 0])
  })

  it('reads only what differs', () => {
    const many = Array.from({ length: 20_000 }, (_, i): [string, CID] => [
      `a/${String(i).padStart(6, '0')}`,
      values[0]!,
    ])
    const big = buildTree(many)
    const tree = loadTree(big.root, big.blocks)
    tree.insert('a/010000x', values[1]!)
    tree.remove('a/003333')
    const after = tree.root()
    const changed = overlay(tree.changes().created, big.blocks)
    let reads = 0
    const result = diff(big.root, after, {
      get: (cid) => {
        reads++
        return changed.get(cid)
      },
    })
    expect(result.recordOps.map((op) => op.key)).toEqual(['a/003333', 'a/010000x'])
    // Each node that differs is read once, and no other.
    expect(reads).toBe(result.createdNodes.size + result.deletedNodes.size)
  })

  it.each([3, 4, 5, 6])('reads little more than what differs where the trees part at layer %i', (layer) => {
    const all = Array.from({ length: 5000 }, (_, i) => `a/${String(i).padStart(6, '0')}`)
    const fewer = all.filter((key) => keyLayer(key) < layer)
    const [whole, lower] = [all, fewer].map((list) => buildTree(list.map((key) => [key, values[0]!])))
    const source = overlay(whole!.blocks, lower!.blocks)
    for (const [from, to] of [
      [whole!, lower!],
      [lower!, whole!],
    ] as const) {
      let reads = 0
      const result = diff(from.root, to.root, {
        get: (cid) => {
          reads++
          return source.get(cid)
        },
      })
      expect(result.recordOps).toHaveLength(all.length - fewer.length)
      // Where two subtrees of one layer begin at different keys both are opened, though one may come again further on.
      const extra = reads - result.createdNodes.size - result.deletedNodes.size
      expect(extra).toBeLessThanOrEqual(result.recordOps.length)
    }
  })
})
