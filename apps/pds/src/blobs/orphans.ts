import type { AccountStore } from '../accounts/account-store.ts'
import type { BlobFiles } from './blob-files.ts'
import type { BlobIndex } from './blob-index.ts'
import type { Uploads } from './uploads.ts'

/**
 * Removes the files that no row knows: a process that was killed between moving a file and noting it, or between a
 * deletion and its files, leaves them. Only what an earlier process wrote is looked at.
 * @param before when this process began, ms since 1970
 */
export async function collectOrphans(
  accounts: AccountStore,
  index: BlobIndex,
  files: BlobFiles,
  uploads: Uploads,
  before: number,
): Promise<number> {
  let count = 0
  const dids = accounts.dids()
  for (const did of dids) {
    for await (const names of files.written(did, before)) {
      const known = index.among(did, names)
      const orphans = names.filter((name) => !known.has(name))
      await uploads.discard(did, orphans)
      count += orphans.length
    }
  }
  return count + (await files.keepOnly(accounts.dids(), before))
}
