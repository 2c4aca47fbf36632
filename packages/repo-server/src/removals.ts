import type { BlobStore } from '@avocet/blobs'
import type { Did } from '@avocet/syntax'

import { untilDone } from './blob-turns.ts'
import type { RepoServerStore } from './store.ts'

/**
 * Removing what repositories leave behind. One is gone with the transaction of its removal; its rows, files and events go
 * afterwards, some at a time, also after a restart.
 */
export interface Removals {
  /**
   * Removes all of it, the blobs of some accounts at a time. Resolves when nothing is left; what fails is tried again by the
   * next call.
   */
  run(): Promise<void>
  /** Resolves when no blob of a former account of this DID is left, so that another may be made. */
  blobsGone(did: Did): Promise<void>
}

/** Accounts whose blobs are removed at a time: each may be many requests to a bucket. */
const AT_ONCE = 8

/** Removals from a store, and from that of blobs. */
export function createRemovals(
  { upkeep, blobTurns }: Pick<RepoServerStore, 'upkeep' | 'blobTurns'>,
  files: Pick<BlobStore, 'removeAll'>,
): Removals {
  const removing = new Map<Did, Promise<void>>()

  const removeBlobs = async (did: Did): Promise<void> => {
    const isDeparted = async (): Promise<boolean> => (await upkeep.departed()).includes(did)
    if (!(await isDeparted())) return
    const remove = (): Promise<void> => files.removeAll(did)
    if (blobTurns === undefined) await remove()
    else {
      await untilDone(did, () =>
        blobTurns.removeAll(did, async () => {
          // Another process may have done it meanwhile, and the account be back.
          if (await isDeparted()) await remove()
        }),
      )
    }
    while (await upkeep.forgetBlobs(did));
  }

  // Looking whether there are any is part of it: who looked while another removed them would take those of a new account.
  const blobsGone: Removals['blobsGone'] = async (did) => {
    const running = removing.get(did) ?? removeBlobs(did).finally(() => removing.delete(did))
    removing.set(did, running)
    await running
  }

  return {
    run: async () => {
      const failures: unknown[] = []
      const attempt = (task: Promise<void>): Promise<void> => task.catch((error) => void failures.push(error))
      const left = [...(await upkeep.departed())]
      const removeNext = async (): Promise<void> => {
        for (let did = left.shift(); did !== undefined; did = left.shift()) await attempt(blobsGone(did))
      }
      await Promise.all([attempt(upkeep.sweep()), ...Array.from({ length: AT_ONCE }, removeNext)])
      if (failures.length > 0) throw failures[0]
      // The events of those whose blobs went only now.
      await upkeep.sweep()
    },
    blobsGone,
  }
}
