import { cidForCbor, CidMap, type CID } from '@avocet/data'
import { createRandom } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { buildTree, findValue, keyLayer, loadTree, MAX_DEPTH, MstError } from '../src/index.ts'

const entry = (i: number): [string, CID] => [
  `com.example.a/${String(i).padStart(5, '0')}`,
  cidForCbor(new Uint8Array([i, i >> 8])),
]
const code = (work: () => unknown): string | null => {
  try {
    work()
    return null
  } catch (error) {
    return (error as MstError).code
  }
}

describe('one value', () => {
  it('is what the whole tree has', () => {
    const random = createRandom(5)
    for (const count of [0, 1, 2, 50, 2000]) {
      const entries = Array.from({ length: count }, (_, i) => entry(2 * i))
      const { root, blocks } = buildTree(entries)
      const tree = loadTree(root, blocks)
      const keys = [...entries.slice(0, 200).map(([key]) => key), 'a/a', 'z/z', '', 'com.example.a/']
      for (let i = 0; i < 200; i++) keys.push(entry(random.below(2 * count + 2))[0])
      for (const key of keys) {
        const found = findValue(root, blocks, key)
        expect(found?.toString(), key).toBe(tree.get(key)?.toString())
      }
      if (count > 0) expect(findValue(root, blocks, entry(0)[0])?.equals(entry(0)[1])).toBe(true)
    }
  })

  it('needs the nodes on its path and no others, and believes none that is out of place', () => {
    const { root, blocks } = buildTree(Array.from({ length: 500 }, (_, i) => entry(i)))
    const key = Array.from({ length: 500 }, (_, i) => entry(i)[0]).find((one) => keyLayer(one) === 0)!
    const asked = new CidMap<Uint8Array>()
    const seen = {
      get: (cid: CID) => {
        asked.set(cid, blocks.get(cid)!)
        return blocks.get(cid)
      },
    }
    expect(findValue(root, seen, key)).not.toBeNull()
    expect(asked.size).toBeLessThan(8)
    expect(asked.size).toBeGreaterThan(1)
    for (const [cid] of asked) {
      const less = new CidMap(blocks)
      less.delete(cid)
      expect(code(() => findValue(root, less, key))).toBe('missing-block')
      if (cid.equals(root)) continue
      // Other nodes of the tree, sound by themselves, in its place.
      for (const [other, bytes] of blocks) {
        if (asked.has(other)) continue
        const wrong = new CidMap(blocks)
        wrong.set(cid, bytes)
        expect(code(() => findValue(root, wrong, key))).toBe('malformed-node')
      }
    }
    expect(MAX_DEPTH).toBe(64)
  })
})
