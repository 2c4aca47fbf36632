import type { CarBlock } from '@avocet/car'
import { type CID, cidEquals, cidForCbor, cidKey } from '@avocet/data'
import { RepoError } from './error.ts'
import { createRecentBlocks } from './recent-blocks.ts'
import { createSeenBlocks } from './seen-blocks.ts'

/** Gives the blocks of a CAR in the order they are asked for, holding back those that come before their turn. */
export interface BlockBuffer {
  /** The block, if it is at hand. */
  takeNow(cid: CID, isRecord: boolean): Uint8Array | undefined
  /** Whether the block given last was given before, and had not come again. */
  readonly isRepeat: boolean
  /** Reads on until the block comes; null if it does not. @throws {RepoError} `buffer-exceeded` */
  take(cid: CID, isRecord: boolean): Promise<Uint8Array | null>
  /** Reads to the end of the source; what comes may be as much as could have been held back. @throws {RepoError} `buffer-exceeded` */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Bytes counted for a block that is held back, besides its own: key, CID, map slot. */
const OVERHEAD = 250
/** Bytes of records that are kept after use. */
const RETAINED = 8 * 1024 * 1024

/** Records that are asked for a second time from where the CAR came from. */
const MAX_RECALLS = 10_000

/**
 * Gives the block of a record that came before and is not at hand any more: a CAR may hold each block once, whatever the distance
 * between the paths that have it. Null: it cannot be had.
 */
export type Recall = (cid: CID) => Promise<Uint8Array | null>

/** Bytes of memory that several reads share. Made by {@link createByteBudget}. */
export interface ByteBudget {
  /** Takes some, if so many are left. */
  take(bytes: number): boolean
  give(bytes: number): void
}

/** A budget of so many bytes. */
export function createByteBudget(limit: number): ByteBudget {
  let taken = 0
  return {
    take(bytes) {
      if (taken + bytes > limit) return false
      taken += bytes
      return true
    },
    give(bytes) {
      taken -= bytes
    },
  }
}

/**
 * @param source blocks in the order they come, some at a time.
 * @param limit bytes that may be held back at a time.
 * @param budget what is held back is taken from it.
 * @param recall for records that are wanted again.
 */
export function createBlockBuffer(
  source: AsyncIterator<readonly CarBlock[]>,
  limit: number,
  budget?: ByteBudget,
  recall?: Recall,
): BlockBuffer {
  const waiting = new Map<string, Uint8Array>()
  const recent = createRecentBlocks(RETAINED)
  const seen = recall === undefined ? null : createSeenBlocks()
  let recalls = 0
  let isRepeat = false
  let waitingSize = 0
  let ended = false
  /** Bytes of blocks handed out. */
  let used = 0

  const hold = ({ cid, bytes }: CarBlock): void => {
    const key = cidKey(cid)
    if (waiting.has(key) || recent.has(cid)) return
    const size = bytes.length + OVERHEAD
    if (waitingSize + size > limit) {
      throw new RepoError(
        'buffer-exceeded',
        `blocks come in an order that needs too much memory; max=${limit}`,
      )
    }
    if (budget?.take(size) === false) {
      throw new RepoError(
        'buffers-full',
        'other reads need the memory for blocks out of order; try again later',
      )
    }
    waitingSize += size
    waiting.set(key, bytes)
  }
  const forget = (): void => {
    waiting.clear()
    budget?.give(waitingSize)
    waitingSize = 0
  }
  /** What came last, of which `position` were looked at. */
  let arrived: readonly CarBlock[] = []
  let position = 0
  /** Waits until more has come; false at the end. */
  const more = async (): Promise<boolean> => {
    if (ended) return false
    const result = await source.next()
    if (result.done === true) ended = true
    else {
      arrived = result.value
      position = 0
    }
    return !ended
  }
  const keep = (cid: CID, bytes: Uint8Array): void => {
    recent.add(cid, bytes)
    seen?.add(cid)
  }
  const again = async (cid: CID): Promise<Uint8Array | null> => {
    if (++recalls > MAX_RECALLS) {
      throw new RepoError('buffer-exceeded', `too many records are wanted again; max=${MAX_RECALLS}`)
    }
    const bytes = await recall!(cid)
    if (bytes === null || !cidEquals(cidForCbor(bytes), cid)) return null
    used += bytes.length + OVERHEAD
    recent.add(cid, bytes)
    isRepeat = true
    return bytes
  }
  const takeNow = (cid: CID, isRecord: boolean): Uint8Array | undefined => {
    isRepeat = false
    if (waiting.size > 0) {
      const key = cidKey(cid)
      const bytes = waiting.get(key)
      if (bytes !== undefined) {
        waiting.delete(key)
        waitingSize -= bytes.length + OVERHEAD
        budget?.give(bytes.length + OVERHEAD)
        used += bytes.length + OVERHEAD
        if (isRecord) keep(cid, bytes)
        return bytes
      }
    }
    const kept = isRecord ? recent.get(cid) : undefined
    isRepeat = kept !== undefined
    if (kept !== undefined) {
      used += kept.length + OVERHEAD
      return kept
    }
    while (position < arrived.length) {
      const block = arrived[position]!
      if (cidEquals(block.cid, cid)) {
        position++
        used += block.bytes.length + OVERHEAD
        if (isRecord) keep(cid, block.bytes)
        return block.bytes
      }
      // A writer that repeats records does so where they are wanted: this one does not.
      if (isRecord && seen?.has(cid) === true) return undefined
      position++
      hold(block)
    }
    return undefined
  }

  return {
    takeNow,
    get isRepeat() {
      return isRepeat
    },
    async take(cid, isRecord) {
      for (;;) {
        const bytes = takeNow(cid, isRecord)
        if (bytes !== undefined) return bytes
        if (position < arrived.length) return again(cid)
        if (!(await more())) return isRecord && seen?.has(cid) === true ? again(cid) : null
      }
    },
    async drain() {
      forget()
      let superfluous = 0
      let repeated = 0
      do {
        for (; position < arrived.length; position++) {
          const block = arrived[position]!
          const size = block.bytes.length + OVERHEAD
          // Writers may repeat a record for each path that has it, so no more bytes than were of use.
          if (recent.has(block.cid)) repeated += size
          else superfluous += size
          if (superfluous > limit || repeated > used) {
            throw new RepoError('buffer-exceeded', `too many blocks that belong to nothing; max=${limit}`)
          }
        }
      } while (await more())
    },
    async close() {
      arrived = []
      position = 0
      ended = true
      forget()
      await source.return?.()
    },
  }
}
