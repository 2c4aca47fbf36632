import { CidMap } from '@avocet/data'
import { readRepo, verifyCommit, type CarSource } from '@avocet/repo'

import { spoken, valueOf } from './error.ts'
import type { ReadOptions } from './identity.ts'
import { entriesOf, withKey, type ProvedEntry } from './repo.ts'

/** Settings of {@link archive}. */
export interface ArchiveOptions extends ReadOptions {
  /** Nothing is asked of the network: hashes and the tree are checked, but anybody may have made the archive. */
  readonly unsafeSkipSignature?: true
}

/**
 * The records of a repository in a CAR file: an export, a backup, what a PDS sent. Proved by the key that its account has now, so an archive
 * from before the key was changed fails with `bad-signature`; read as it comes, in the order of the keys. Throws at the end, at the latest,
 * where anything was missing or wrong.
 * @throws {AtprotoError} of `@avocet/did` and `@avocet/repo`
 */
export async function* archive(
  source: CarSource,
  options: ArchiveOptions = {},
): AsyncGenerator<ProvedEntry, void> {
  try {
    // Whose it is stands in the commit, and the key is that account's: checked below, before anything comes out.
    await using reader = await readRepo(source, { unsafeSkipSignature: true })
    const { did, commit, commitBytes } = reader
    if (options.unsafeSkipSignature !== true) {
      const blocks = new CidMap([[commit, commitBytes] as const])
      await withKey(did, options, async (_, key) =>
        valueOf('@avocet/repo', verifyCommit({ blocks, commit, did, key })),
      )
    }
    yield* entriesOf(reader)
  } catch (cause) {
    throw spoken('@avocet/repo', cause)
  }
}
