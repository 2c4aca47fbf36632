import { encode } from '@avocet/cbor'
import { type BlockMap, type CID, cidForCbor, CidMap, formatCid } from '@avocet/data'
import { createRandom } from '@avocet/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildTree, type KeyRange, MstError, walkRanges } from '../src/index.ts'

const value = cidForCbor(encode({ value: 1 }))
const names = (entries: readonly (readonly [string, CID])[]): string[] => entries.map(([key]) => key)
const within = (key: string, ranges: readonly KeyRange[]): boolean =>
  ranges.some(({ low, high }) => key >= low && (high === '' || key < high))

/** Few letters, so that keys neighbour each other and the ends of the ranges. */
const key = fc.tuple(fc.constantFrom('a.b', 'a.c', 'b.b'), fc.nat(60)).map(([c, n]) => `${c}/${n}`)
const bound = fc.oneof(
  key,
  fc.constantFrom('', 'a.', 'a.b/', 'a.b0', 'a.c/', 'a.c0', 'b', 'b.b/', 'b.b0', 'c'),
)
const ranges = fc.array(fc.record({ low: bound, high: bound }), { maxLength: 3 })
const keys = fc.uniqueArray(key, { maxLength: 80 }).map((list) => list.toSorted())
const treeOf = (list: readonly string[]): { root: CID; blocks: BlockMap } =>
  buildTree(list.map((one) => [one, value]))

describe('ranges of a tree', () => {
  it('give exactly the entries within, in order', () => {
    fc.assert(
      fc.property(keys, ranges, (list, wanted) => {
        const { root, blocks } = treeOf(list)
        const walk = walkRanges(root, wanted)
        expect([walk.count, walk.estimate, walk.missing.map(formatCid)]).toEqual([0, null, [formatCid(root)]])
        walk.advance(blocks)
        expect(walk.missing).toEqual([])
        expect(names(walk.entries())).toEqual(list.filter((one) => within(one, wanted)))
        expect(walk.count).toBe(walk.entries().length)
      }),
      { numRuns: 500 },
    )
  })

  it('are the same whichever of the missing nodes comes first, and none is asked for twice', () => {
    fc.assert(
      fc.property(keys, ranges, fc.infiniteStream(fc.nat()), (list, wanted, order) => {
        const { root, blocks } = treeOf(list)
        const walk = walkRanges(root, wanted)
        const given = new Set<string>()
        while (walk.missing.length > 0) {
          const cid = walk.missing[order.next().value! % walk.missing.length]!
          expect(given.has(formatCid(cid))).toBe(false)
          given.add(formatCid(cid))
          const one: BlockMap = new CidMap([[cid, blocks.get(cid)!]])
          walk.advance(one)
        }
        expect(names(walk.entries())).toEqual(list.filter((each) => within(each, wanted)))
        // Nothing outside of the ranges' reach was asked for.
        if (wanted.every(({ low, high }) => high !== '' && high <= low)) expect(given.size).toBeLessThan(12)
      }),
      { numRuns: 500 },
    )
  })

  it('are never whole while a node that may have such a key is withheld', () => {
    fc.assert(
      fc.property(keys, ranges, fc.infiniteStream(fc.boolean()), (list, wanted, coins) => {
        const { root, blocks } = treeOf(list)
        const some: BlockMap = new CidMap([...blocks].filter(() => coins.next().value!))
        const walk = walkRanges(root, wanted)
        walk.advance(some)
        const inside = list.filter((one) => within(one, wanted))
        const found = names(walk.entries())
        expect(inside).toEqual(expect.arrayContaining(found))
        if (walk.missing.length === 0) expect(found).toEqual(inside)
        for (const cid of walk.missing) expect(some.get(cid)).toBe(undefined)
      }),
      { numRuns: 1000 },
    )
  })

  it('one of a node that is of another place in the tree is refused', () => {
    const list = Array.from({ length: 400 }, (_, i) => `a.b/${String(i).padStart(4, '0')}`)
    const { root, blocks } = treeOf(list)
    const all = [...blocks]
    const random = createRandom(7)
    let refused = 0
    for (let i = 0; i < 200; i++) {
      const [cid] = all[random.below(all.length)]!
      const [other, bytes] = all[random.below(all.length)]!
      if (cid.equals(other) || cid.equals(root)) continue
      const wrong: BlockMap = new CidMap(blocks)
      wrong.set(cid, bytes)
      const walk = walkRanges(root, [{ low: '', high: '' }])
      try {
        walk.advance(wrong)
        expect.unreachable()
      } catch (error) {
        expect((error as MstError).code).toBe('malformed-node')
        refused++
      }
    }
    expect(refused).toBeGreaterThan(150)
  })

  it('need the nodes at their edges and between them, and the root tells about how many keys there are', () => {
    for (const count of [500, 5000, 50_000]) {
      const list = Array.from({ length: count }, (_, i) => `a.b/${String(i).padStart(5, '0')}`)
      const few = Array.from({ length: 10 }, (_, i) => `a.c/${i}`)
      const { root, blocks } = treeOf([...list, ...few])
      let read = 0
      const walk = walkRanges(root, [{ low: 'a.c/', high: 'a.c0' }])
      walk.advance({ get: (cid) => (read++, blocks.get(cid)) })
      expect(names(walk.entries())).toEqual(few)
      // Each is looked for and then read.
      expect(read / 2).toBeLessThan(20)
      expect(walk.estimate! / count).toBeGreaterThan(1 / 4)
      expect(walk.estimate! / count).toBeLessThan(4)
    }
  })
})
