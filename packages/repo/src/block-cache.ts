import { type CID, CidMap } from '@avocet/data'

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
  let young = new Map<number, CidMap<Uint8Array>>()
  let old = new Map<number, CidMap<Uint8Array>>()
  let youngSize = 0
  const add = (repo: number, cid: CID, bytes: Uint8Array): void => {
    let blocks = young.get(repo)
    if (blocks === undefined) young.set(repo, (blocks = new CidMap()))
    blocks.set(cid, bytes)
    youngSize += bytes.length + OVERHEAD
    if (youngSize <= limit / 2) return
    old = young
    young = new Map()
    youngSize = 0
  }
  return {
    get(repo, cid) {
      const bytes = young.get(repo)?.get(cid)
      if (bytes !== undefined) return bytes
      const older = old.get(repo)?.get(cid)
      if (older !== undefined) add(repo, cid, older)
      return older
    },
    set(repo, cid, bytes) {
      if (bytes.length > limit / 64) return
      if (young.get(repo)?.has(cid) !== true) add(repo, cid, bytes)
    },
    delete(repo, cid) {
      old.get(repo)?.delete(cid)
      const blocks = young.get(repo)
      const bytes = blocks?.get(cid)
      if (bytes === undefined) return
      blocks!.delete(cid)
      youngSize -= bytes.length + OVERHEAD
    },
  }
}
