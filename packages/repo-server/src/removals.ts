import type { BlobStore } from '@avocet/blobs'
import type { Did } from '@avocet/syntax'

import { untilDone } from './blob-turns.ts'
import { createClosing } from './closing.ts'
import type { RepoServerStore } from './store.ts'

/**
 * Removing what repositories leave behind. One is gone with the transaction of its removal; its rows, files and events go
 * afterwards, some at a time, also after a restart.
 */
export interface Removals {
  /**
   * Removes all of it, the blobs of some accounts at a time. Resolves when nothing is left of what there was by the time of the call;
   * what fails is tried again by the next call.
   */
  run(): Promise<void>
  /**
   * Resolves when no blob of a former account of this DID is left, so that another may be made.
   * @throws RepoServerError `repo-busy` while its blobs are uploaded, and once the removals are closed
   */
  blobsGone(did: Did): Promise<void>
  /** Begins nothing more; resolves when what is under way is over. The rest is for the next process. */
  close(): Promise<void>
}

/** Accounts whose blobs are removed at a time: each may be many requests to a bucket. */
const AT_ONCE = 8

/** Removals from a store, and from that of blobs. */
export function createRemovals(
  { upkeep, blobTurns }: Pick<RepoServerStore, 'upkeep' | 'blobTurns'>,
  files: Pick<BlobStore, 'removeAll'>,
): Removals {
  const removing = new Map<Did, Promise<void>>()
  const closing = createClosing()
  const { signal } = closing

  const removeBlobs = async (did: Did): Promise<void> => {
    const isDeparted = async (): Promise<boolean> => (await upkeep.departed()).includes(did)
    if (!(await isDeparted())) return
    signal.throwIfAborted()
    const remove = (): Promise<void> => files.removeAll(did)
    if (blobTurns === undefined) await remove()
    else {
      const attempt = (): Promise<boolean> =>
        blobTurns.removeAll(did, async () => {
          // Another process may have done it meanwhile, and the account be back.
          if (await isDeparted()) await remove()
        })
      await untilDone(did, attempt, signal)
    }
    while (await upkeep.forgetBlobs(did)) signal.throwIfAborted()
  }

  // Looking whether there are any is part of it: who looked while another removed them would take those of a new account.
  const blobsGone: Removals['blobsGone'] = async (did) => {
    const running = removing.get(did) ?? removeBlobs(did).finally(() => removing.delete(did))
    removing.set(did, running)
    await running
  }

  const runOnce = async (): Promise<void> => {
    const failures: unknown[] = []
    const attempt = (task: Promise<void>): Promise<void> =>
      task.catch((error) => {
        if (error !== signal.reason) failures.push(error)
      })
    const left = [...(await upkeep.departed())]
    const removeNext = async (): Promise<void> => {
      for (let did = left.shift(); did !== undefined; did = left.shift()) {
        await attempt(blobsGone(did))
      }
    }
    await Promise.all([attempt(upkeep.sweep()), ...Array.from({ length: AT_ONCE }, removeNext)])
    if (failures.length > 0) throw failures[0]
    if (signal.aborted) return
    // The events of those whose blobs went only now.
    await upkeep.sweep()
  }

  let current: Promise<void> | null = null
  let next: Promise<void> | null = null
  const run: Removals['run'] = () => {
    if (signal.aborted) return Promise.resolve()
    if (current !== null) {
      // One run for all who ask meanwhile: the one under way may have looked before there was something to remove.
      return (next ??= current
        .catch(() => {})
        .then(() => {
          next = null
          return run()
        }))
    }
    const task = closing.during(runOnce()).finally(() => (current = null))
    current = task
    return task
  }

  return {
    run,
    blobsGone: (did) => closing.during(blobsGone(did)),
    close: () => closing.close(),
  }
}
