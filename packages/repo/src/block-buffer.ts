import type { CarBlock } from '@avocet/car'
import { type CID, cidEquals, cidKey } from '@avocet/data'
import { RepoError } from './error.ts'
import { createRecentBlocks } from './recent-blocks.ts'

/** Gives the blocks of a CAR in the order they are asked for, holding back those that come before their turn. */
export interface BlockBuffer {
  /** The block, if it is at hand. */
  takeNow(cid: CID, isRecord: boolean): Uint8Array | undefined
  /** Reads on until the block comes; null if it does not. @throws {RepoError} `buffer-exceeded` */
  take(cid: CID, isRecord: boolean): Promise<Uint8Array | null>
  /** Reads to the end of the source. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Bytes counted for a block that is held back, besides its own: key, CID, map slot. */
const OVERHEAD = 250
/** Bytes of records that are kept after use. */
const RETAINED = 8 * 1024 * 1024

/** @param limit bytes that may be held back at a time. */
export function createBlockBuffer(source: AsyncIterator<CarBlock>, limit: number): BlockBuffer {
  const waiting = new Map<string, Uint8Array>()
  const recent = createRecentBlocks(RETAINED)
  let waitingSize = 0
  let ended = false

  const hold = ({ cid, bytes }: CarBlock): void => {
    const key = cidKey(cid)
    if (waiting.has(key) || recent.get(cid) !== undefined) return
    waitingSize += bytes.length + OVERHEAD
    if (waitingSize > limit) {
      throw new RepoError(
        'buffer-exceeded',
        `blocks come in an order that needs too much memory; max=${limit}`,
      )
    }
    waiting.set(key, bytes)
  }
  const next = async (): Promise<CarBlock | null> => {
    if (ended) return null
    const result = await source.next()
    if (result.done !== true) return result.value
    ended = true
    return null
  }
  const takeNow = (cid: CID, isRecord: boolean): Uint8Array | undefined => {
    if (waiting.size > 0) {
      const key = cidKey(cid)
      const bytes = waiting.get(key)
      if (bytes !== undefined) {
        waiting.delete(key)
        waitingSize -= bytes.length + OVERHEAD
        if (isRecord) recent.add(cid, bytes)
        return bytes
      }
    }
    return isRecord ? recent.get(cid) : undefined
  }

  return {
    takeNow,
    async take(cid, isRecord) {
      const bytes = takeNow(cid, isRecord)
      if (bytes !== undefined) return bytes
      for (let block = await next(); block !== null; block = await next()) {
        if (cidEquals(block.cid, cid)) {
          if (isRecord) recent.add(cid, block.bytes)
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
      await source.return?.()
    },
  }
}
