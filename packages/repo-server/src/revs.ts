import { SyntaxFault, type Did, type Tid, type TidClock } from '@avocet/syntax'

import { RepoServerError } from './error.ts'

/**
 * The revision that follows a repository's own. A head too far in the future stops the writes of its repository alone: what
 * would follow it, relays refuse.
 * @throws RepoServerError `rev-ahead`
 */
export function revAfter(tids: TidClock, did: Did, rev: Tid | null): Tid {
  try {
    return tids.nextAfter(rev)
  } catch (cause) {
    if (!(cause instanceof SyntaxFault) || cause.code !== 'tid-ahead') throw cause
    throw new RepoServerError(
      'rev-ahead',
      `The newest revision of this repository is in the future; rev=${rev}`,
      { cause, did },
    )
  }
}

/**
 * The revision that follows that of an archive from elsewhere.
 * @throws RepoServerError `invalid-request` when the archive's is more than five minutes ahead
 */
export function revAfterArchive(tids: TidClock, archived: Tid): Tid {
  try {
    return tids.nextAfter(archived)
  } catch (cause) {
    if (!(cause instanceof SyntaxFault) || cause.code !== 'tid-ahead') throw cause
    throw new RepoServerError(
      'invalid-request',
      `The revision of the archive is in the future; rev=${archived}`,
      {
        cause,
      },
    )
  }
}
