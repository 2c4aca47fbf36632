import { type CID, cidKey } from '@avocet/data'

/** The blocks read or written last, up to a number of bytes. Blocks never change, so entries are never stale. */
export interface BlockCache {
  get(repo: number, cid: CID): Uint8Array | undefined
  set(repo: number, cid: CID, bytes: Uint8Array): void
  delete(repo: number, cid: CID): void
}

/** Bytes counted per entry besides the block itself: key, map slot, array header. */
const OVERHEAD = 250

/**
 * Two generations: when the young one has half of the bytes it becomes the old one, and what the old one had and nobody
 * asked for goes. Taking entries out of a `Map` one by one, oldest first, gets slower with each.
 *
 * @param limit bytes; larger blocks than a 64th of it are not kept.
 */
export function createBlockCache(limit: number): BlockCache {
  let young = new Map<string, Uint8Array>()
  let old = new Map<string, Uint8Array>()
  let youngSize = 0
  const keyOf = (repo: number, cid: CID): string => `${repo}/${cidKey(cid)}`
  const add = (key: string, bytes: Uint8Array): void => {
    young.set(key, bytes)
    youngSize += bytes.length + OVERHEAD
    if (youngSize <= limit / 2) return
    old = young
    young = new Map<string, Uint8Array>()
    youngSize = 0
  }
  return {
    get(repo, cid) {
      const key = keyOf(repo, cid)
      const bytes = young.get(key)
      if (bytes !== undefined) return bytes
      const older = old.get(key)
      if (older !== undefined) add(key, older)
      return older
    },
    set(repo, cid, bytes) {
      if (bytes.length > limit / 64) return
      const key = keyOf(repo, cid)
      if (!young.has(key)) add(key, bytes)
    },
    delete(repo, cid) {
      const key = keyOf(repo, cid)
      const bytes = young.get(key)
      old.delete(key)
      if (bytes === undefined) return
      young.delete(key)
      youngSize -= bytes.length + OVERHEAD
    },
  }
}
