import { encode } from '@avocet/cbor'
import { cidForCbor, cidFromBytes, formatCid, type CID } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { buildTree } from '../src/build.ts'
import { decodeNode } from '../src/node.ts'
import { scanLinks } from '../src/scan.ts'

/** A node's links as `decodeNode` has them, in the order of a walk. */
function linksOf(bytes: Uint8Array): string[] {
  const { children, values } = decodeNode(bytes, null)
  return children.flatMap((child, i) => [
    ...(child === null ? [] : [`node ${formatCid((child as { cid: CID }).cid)}`]),
    ...(i < values.length ? [`record ${formatCid(values[i]!.cid)}`] : []),
  ])
}

function scanned(bytes: Uint8Array, before = 0, after = 0): string[] {
  const placed = new Uint8Array(before + bytes.length + after).fill(0xf6)
  placed.set(bytes, before)
  const found: number[] = []
  scanLinks(placed, before, before + bytes.length, found)
  return found.map((at) => {
    const digest = Math.abs(at)
    return `${at < 0 ? 'node' : 'record'} ${formatCid(cidFromBytes(placed.slice(digest - 4, digest + 32)))}`
  })
}

/** Every node of a tree of so many keys, of all lengths that change the form of a head. */
function nodesOf(count: number): Uint8Array[] {
  const entries = Array.from({ length: count }, (_, i) => {
    const key = `com.example.note/${String(i).padStart(6, '0')}${'x'.repeat((i * 37) % 300)}`
    return [key, cidForCbor(encode({ i }))] as const
  })
  return [...buildTree(entries).blocks.values()]
}

describe('scanLinks', () => {
  it.each([0, 1, 2, 50, 3000])('finds what decodeNode finds, in a tree of %i keys', (count) => {
    const nodes = nodesOf(count)
    expect(nodes.length).toBeGreaterThan(0)
    for (const bytes of nodes) {
      const layered = (): string[] => {
        // A node below the root may have no entries; its layer is of no concern here.
        try {
          return linksOf(bytes)
        } catch {
          return scanned(bytes)
        }
      }
      expect(scanned(bytes)).toEqual(layered())
      expect(scanned(bytes, 7, 5)).toEqual(scanned(bytes))
    }
  })

  it('refuses a node cut anywhere, one with bytes after its end, and what is no node', () => {
    const [bytes] = nodesOf(40)
    for (let length = 0; length < bytes!.length; length++) {
      expect(() => scanned(bytes!.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ name: 'MstError', code: 'malformed-node' }),
      )
    }
    for (const wrong of [Uint8Array.of(...bytes!, 0), encode({ text: 'hello' }), encode([])]) {
      expect(() => scanned(wrong)).toThrow(
        expect.objectContaining({ name: 'MstError', code: 'malformed-node' }),
      )
    }
  })
})
