import type { BlobStore, BlobUpkeep } from '@avocet/blobs'
import type { Did } from '@avocet/syntax'

import type { Awaitable, RepoServerStore } from './store.ts'
import type { Uploads } from './uploads.ts'

/**
 * Removes the files that no row knows: a process that was killed between moving a file and noting it, or between a
 * deletion and its files, leaves them. Only what an earlier process wrote is looked at.
 * @param dids every account that may have blobs
 * @param before when this process began, ms since 1970
 */
export async function collectOrphans(
  dids: () => Awaitable<readonly Did[]>,
  { blobs }: Pick<RepoServerStore, 'blobs'>,
  files: BlobStore & BlobUpkeep,
  uploads: Uploads,
  before: number,
): Promise<number> {
  let count = 0
  for (const did of await dids()) {
    for await (const entries of files.list(did)) {
      const names = entries.filter(({ writtenAt }) => writtenAt < before).map(({ cid }) => cid)
      if (names.length === 0) continue
      const known = await blobs.among(did, names)
      const orphans = names.filter((name) => !known.has(name))
      await uploads.discard(did, orphans)
      count += orphans.length
    }
  }
  return count + (await files.keepOnly(await dids(), before))
}
