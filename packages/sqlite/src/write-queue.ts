import type { Database } from './database.ts'

/** Writes of one job, in order, some of them ahead of the disk. */
export interface WriteQueue {
  /** Queues a write; resolves when the next may be made ready. @throws what an earlier one threw */
  add(fn: () => void): Promise<void>
  /** Resolves when all are on the disk. @throws what one of them threw */
  done(): Promise<void>
}

/**
 * For long jobs of many small transactions: waiting for the disk after each would leave the processor idle, waiting for none
 * would take memory without bound.
 *
 * @param ahead writes that may be under way while another is made ready
 */
export function createWriteQueue(db: Database, ahead = 3): WriteQueue {
  const pending: Promise<void>[] = []
  return {
    async add(fn) {
      const write = db.write(fn)
      // Whoever waits for it gets the error.
      write.catch(() => {})
      pending.push(write)
      if (pending.length > ahead) await pending.shift()
    },
    async done() {
      await Promise.all(pending.splice(0))
    },
  }
}
