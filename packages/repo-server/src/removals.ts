import type { BlobStore } from '@avocet/blobs'
import type { Did } from '@avocet/syntax'

import type { RepoServerStore } from './store.ts'

/**
 * Removing what repositories leave behind. One is gone with the transaction of its removal; its rows, files and events go
 * afterwards, some at a time, also after a restart.
 */
export interface Removals {
  /** Removes all of it. Resolves when nothing is left; what fails is tried again by the next call. */
  run(): Promise<void>
  /** Resolves when no blob of a former account of this DID is left, so that another may be made. */
  blobsGone(did: Did): Promise<void>
}

/** Removals from a store, and from that of blobs. */
export function createRemovals(
  { upkeep }: Pick<RepoServerStore, 'upkeep'>,
  files: Pick<BlobStore, 'removeAll'>,
): Removals {
  const removing = new Map<Did, Promise<void>>()

  const removeBlobs = async (did: Did): Promise<void> => {
    await files.removeAll(did)
    while (await upkeep.forgetBlobs(did));
  }

  const blobsGone: Removals['blobsGone'] = async (did) => {
    if (!(await upkeep.departed()).includes(did)) return
    const running = removing.get(did) ?? removeBlobs(did).finally(() => removing.delete(did))
    removing.set(did, running)
    await running
  }

  return {
    run: async () => {
      const outcomes = await Promise.allSettled([
        upkeep.sweep(),
        ...(await upkeep.departed()).map((did) => blobsGone(did)),
      ])
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      // The events of those whose blobs went only now.
      await upkeep.sweep()
    },
    blobsGone,
  }
}
