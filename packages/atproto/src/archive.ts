import { readCommit, readRepoBy, RepoError, type CarSource } from '@avocet/repo'

import { spoken } from './error.ts'
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
    const reader = await readRepoBy(source, { unsafeSkipSignature: true })
    const { did, rev, commitBytes } = reader
    try {
      if (options.unsafeSkipSignature !== true) {
        const { unsigned, sig } = readCommit(commitBytes)
        await withKey(did, options, async (_, verify) => {
          if (await verify(unsigned, sig)) return
          throw new RepoError('bad-signature', `commit is not signed by the key; did=${did} rev=${rev}`)
        })
      }
      yield* entriesOf(reader)
    } finally {
      await reader.close()
    }
  } catch (cause) {
    throw spoken('@avocet/repo', cause)
  }
}
