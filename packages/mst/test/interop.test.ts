import { CidMap, formatCid, parseCid, type CID } from '@avocet/data'
import { readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { commonPrefixLength } from '../src/key.ts'
import { keyLayer } from '../src/layer.ts'
import { inversionNodes, type TreeOp } from '../src/ops.ts'
import { coveringProofNodes } from '../src/proof.ts'
import { overlay } from '../src/source.ts'
import { loadTree } from '../src/tree.ts'

const heights = await readFixtureText('interop/mst/key_heights.json')
const prefixes = await readFixtureText('interop/mst/common_prefix.json')
const exampleKeys = await readFixtureText('interop/mst/example_keys.txt')
const proofs = await readFixtureText('interop/firehose/commit-proof-fixtures.json')
const isAbsent = heights === null || prefixes === null || exampleKeys === null || proofs === null

describe.skipIf(isAbsent)('interop fixtures', () => {
  it('key_heights.json', () => {
    const cases = JSON.parse(heights!) as { key: string; height: number }[]
    expect(cases.length).toBeGreaterThan(5)
    for (const { key, height } of cases) expect([key, keyLayer(key)]).toEqual([key, height])
  })

  it('common_prefix.json', () => {
    const cases = JSON.parse(prefixes!) as { left: string; right: string; len: number }[]
    expect(cases.length).toBeGreaterThan(5)
    for (const { left, right, len } of cases) {
      // The fixture counts bytes of UTF-8; keys of a tree are ASCII, where these are the characters.
      const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
      expect([left, right, commonPrefixLength(bytes(left), bytes(right))]).toEqual([left, right, len])
    }
  })

  it('example_keys.txt builds to the same root in any order', () => {
    const keys = exampleKeys!.trim().split('\n')
    const value = parseCid('bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454')
    expect(keys.length).toBeGreaterThan(100)
    const built = buildTree(keys.toSorted().map((key) => [key, value] as const))
    const tree = loadTree(buildTree([]).root, buildTree([]).blocks)
    for (const key of keys.toReversed()) tree.insert(key, value)
    expect(formatCid(tree.root())).toBe(formatCid(built.root))
  })

  describe('commit-proof-fixtures.json', () => {
    interface Case {
      comment: string
      leafValue: string
      keys: string[]
      adds: string[]
      dels: string[]
      rootBeforeCommit: string
      rootAfterCommit: string
      blocksInProof: string[]
    }
    const cases = JSON.parse(proofs ?? '[]') as Case[]

    it.each(cases)('$comment', (fixture) => {
      const value = parseCid(fixture.leafValue)
      const before = buildTree(fixture.keys.toSorted().map((key): [string, CID] => [key, value]))
      expect(formatCid(before.root)).toBe(fixture.rootBeforeCommit)
      const tree = loadTree(before.root, before.blocks)
      for (const key of fixture.adds) tree.insert(key, value)
      for (const key of fixture.dels) tree.remove(key)
      expect(formatCid(tree.root())).toBe(fixture.rootAfterCommit)

      const after = overlay(tree.changes().created, before.blocks)
      const ops: TreeOp[] = [
        ...fixture.adds.map((key) => ({ key, value, prev: null })),
        ...fixture.dels.map((key) => ({ key, value: null, prev: value })),
      ]
      const changed = ops.map((op) => op.key)
      const covering = coveringProofNodes(tree.root(), after, changed)
      const minimal = inversionNodes(tree.root(), after, ops)
      const sorted = (cids: Iterable<CID>): string[] => [...cids].map((cid) => formatCid(cid)).toSorted()
      expect(sorted(covering.keys())).toEqual(fixture.blocksInProof.toSorted())
      expect(fixture.blocksInProof).toEqual(expect.arrayContaining(sorted(minimal.keys())))

      // From the blocks of the proof alone, inversion reaches the root before.
      const partial = loadTree(
        tree.root(),
        new CidMap(
          fixture.blocksInProof.map((text) => [parseCid(text), after.get(parseCid(text))!] as const),
        ),
      )
      for (const key of fixture.dels) partial.insert(key, value)
      for (const key of fixture.adds) partial.remove(key)
      expect(formatCid(partial.root())).toBe(fixture.rootBeforeCommit)
    })
  })
})
