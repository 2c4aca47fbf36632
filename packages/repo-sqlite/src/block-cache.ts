import { type CID, cidKey } from '@avocet/data'

/** The blocks read or written last, up to a number of bytes. Blocks never change, so entries are never stale. */
export interface BlockCache {
  get(repo: number, cid: CID): Uint8Array | undefined
  set(repo: number, cid: CID, bytes: Uint8Array): void
  delete(repo: number, cid: CID): void
}

/** Bytes counted per entry besides the block itself: key, map slot, array header. */
const OVERHEAD = 200

/** @param limit bytes; larger blocks than a 64th of it are not kept. */
export function createBlockCache(limit: number): BlockCache {
  const entries = new Map<string, Uint8Array>()
  let size = 0
  const key = (repo: number, cid: CID): string => `${repo}/${cidKey(cid)}`
  const drop = (name: string): void => {
    const bytes = entries.get(name)
    if (bytes === undefined) return
    entries.delete(name)
    size -= bytes.length + OVERHEAD
  }
  return {
    get(repo, cid) {
      const name = key(repo, cid)
      const bytes = entries.get(name)
      if (bytes === undefined) return undefined
      entries.delete(name)
      entries.set(name, bytes)
      return bytes
    },
    set(repo, cid, bytes) {
      if (bytes.length > limit / 64) return
      const name = key(repo, cid)
      drop(name)
      entries.set(name, bytes)
      size += bytes.length + OVERHEAD
      for (const oldest of entries.keys()) {
        if (size <= limit) break
        drop(oldest)
      }
    },
    delete(repo, cid) {
      drop(key(repo, cid))
    },
  }
}
