import type { CarBlock } from '@avocet/car'
import { type CID, cidEquals, cidKey } from '@avocet/data'
import { RepoError } from './error.ts'

/** Gives the blocks of a CAR in the order they are asked for, holding back those that come before their turn. */
export interface BlockBuffer {
  /** The block, if it is at hand. */
  takeNow(cid: CID): Uint8Array | undefined
  /** Reads on until the block comes; null if it does not. @throws {RepoError} `buffer-exceeded` */
  take(cid: CID): Promise<Uint8Array | null>
  /** Reads to the end of the source. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Bytes counted for a block that is held back, besides its own: key, CID, map slot. */
const OVERHEAD = 250
/** Bytes of small blocks that are kept after use, since a record may stand at several paths and come only once. */
const RETAINED = 8 * 1024 * 1024
const RETAINED_BLOCK = 4096

/** @param limit bytes that may be held back at a time. */
export function createBlockBuffer(source: AsyncIterator<CarBlock>, limit: number): BlockBuffer {
  const waiting = new Map<string, Uint8Array>()
  const used = new Map<string, Uint8Array>()
  let waitingSize = 0
  let usedSize = 0
  let ended = false

  const hold = ({ cid, bytes }: CarBlock): void => {
    const key = cidKey(cid)
    if (waiting.has(key) || used.has(key)) return
    waitingSize += bytes.length + OVERHEAD
    if (waitingSize > limit) {
      throw new RepoError(
        'buffer-exceeded',
        `blocks come in an order that needs too much memory; max=${limit}`,
      )
    }
    waiting.set(key, bytes)
  }
  /** Keeps a copy, so that the chunk the block is part of can go. */
  const retain = (key: string, bytes: Uint8Array): void => {
    if (bytes.length > RETAINED_BLOCK || used.has(key)) return
    used.set(key, bytes.slice())
    usedSize += bytes.length + OVERHEAD
    for (const [oldest, block] of used) {
      if (usedSize <= RETAINED) break
      used.delete(oldest)
      usedSize -= block.length + OVERHEAD
    }
  }
  const next = async (): Promise<CarBlock | null> => {
    if (ended) return null
    const result = await source.next()
    if (result.done !== true) return result.value
    ended = true
    return null
  }
  const takeNow = (cid: CID): Uint8Array | undefined => {
    const key = cidKey(cid)
    const bytes = waiting.get(key)
    if (bytes === undefined) return used.get(key)
    waiting.delete(key)
    waitingSize -= bytes.length + OVERHEAD
    retain(key, bytes)
    return bytes
  }

  return {
    takeNow,
    async take(cid) {
      const bytes = takeNow(cid)
      if (bytes !== undefined) return bytes
      for (let block = await next(); block !== null; block = await next()) {
        if (cidEquals(block.cid, cid)) {
          retain(cidKey(cid), block.bytes)
          return block.bytes
        }
        hold(block)
      }
      return null
    },
    async drain() {
      waiting.clear()
      waitingSize = 0
      while ((await next()) !== null);
    },
    async close() {
      ended = true
      waiting.clear()
      used.clear()
      await source.return?.()
    },
  }
}
