import { SyntaxFault, type Did, type Tid, type TidClock } from '@avocet/syntax'

import { RepoServerError } from './error.ts'

/**
 * The revision that follows a repository's own. A head too far in the future stops the writes of its repository alone: what
 * would follow it, relays refuse.
 * @throws RepoServerError `rev-ahead`
 */
export function revAfter(tids: TidClock, did: Did, rev: Tid | null): Tid {
  return next(tids, rev, (cause) => {
    const message = `The newest revision of this repository is in the future; rev=${rev}`
    return new RepoServerError('rev-ahead', message, { cause, did })
  })
}

/**
 * The revision that follows that of an archive from elsewhere.
 * @throws RepoServerError `invalid-request` when the archive's is more than five minutes ahead
 */
export function revAfterArchive(tids: TidClock, archived: Tid): Tid {
  return next(tids, archived, (cause) => {
    const message = `The revision of the archive is in the future; rev=${archived}`
    return new RepoServerError('invalid-request', message, { cause })
  })
}

/** @throws what `refuse` makes of a revision that is ahead of the clock */
function next(tids: TidClock, rev: Tid | null, refuse: (cause: SyntaxFault) => RepoServerError): Tid {
  try {
    return tids.nextAfter(rev)
  } catch (cause) {
    throw cause instanceof SyntaxFault && cause.code === 'tid-ahead' ? refuse(cause) : cause
  }
}
