import type { Did } from '@avocet/syntax'

/** What can go wrong with the repositories of a host. Nothing here knows HTTP. */
export class RepoServerError extends Error {
  override readonly name = 'RepoServerError'
  readonly code: RepoServerErrorCode

  /** The repository concerned, where it matters which. */
  readonly did: Did | undefined

  constructor(code: RepoServerErrorCode, message: string, options: { cause?: unknown; did?: Did } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.did = options.did
  }
}

/**
 * Codes of {@link RepoServerError}.
 *
 * - `account-deactivated`, `account-takendown`: of a repository that takes no writes. `repo-not-found`: there is none.
 * - `repo-busy`: others wrote to the repository each time the commit was made anew. Try again.
 * - `rev-ahead`: the newest revision is in the future, so that nothing can follow it.
 * - `invalid-swap`: the commit or record is not the one that the caller named.
 * - `blob-not-found`, `mime-mismatch`, `invalid-size`: a record refers to a blob that is not here, or is not as it says.
 */
export type RepoServerErrorCode =
  | 'invalid-request'
  | 'account-not-found'
  | 'account-deactivated'
  | 'account-takendown'
  | 'not-your-repo'
  | 'unresolvable-did'
  | 'repo-not-found'
  | 'repo-deactivated'
  | 'repo-takendown'
  | 'repo-busy'
  | 'rev-ahead'
  | 'clock-behind'
  | 'import-busy'
  | 'import-running'
  | 'import-stopped'
  | 'import-too-slow'
  | 'lexicon-too-slow'
  | 'record-not-found'
  | 'record-exists'
  | 'head-not-found'
  | 'block-not-found'
  | 'invalid-swap'
  | 'invalid-record'
  | 'blob-not-found'
  | 'blob-not-found-public'
  | 'blob-too-large'
  | 'mime-mismatch'
  | 'invalid-size'
  | 'quota-exceeded'
  | 'busy'
  | 'too-many-at-once'
