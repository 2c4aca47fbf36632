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
 * Of an account or a repository:
 * - `account-deactivated`, `account-takendown`: it takes no writes. `repo-deactivated`, `repo-takendown`: it is not shown.
 * - `account-not-found`, `repo-not-found`: there is none. `not-your-repo`: it is another's. `unresolvable-did`: its document could
 *   not be had.
 * - `rev-ahead`: the newest revision is in the future, so that nothing can follow it. `clock-behind`: or the clock of this machine is
 *   in the past, so that it must not be repaired.
 * - `repo-busy`: others wrote to it each time the commit was made anew, or removed blobs while one was stored. Try again.
 *
 * Of records:
 * - `invalid-record`: it is not as its lexicon says, or is of none that is known. `lexicon-too-slow`: that could not be had in time.
 * - `record-exists`, `record-not-found`; `head-not-found`, `block-not-found`: of the methods of com.atproto.sync.
 * - `invalid-swap`: the commit or record is not the one that the caller named.
 * - `invalid-request`: whatever else is wrong with what was asked; `message` says it.
 *
 * Of blobs:
 * - `blob-not-found`, `mime-mismatch`, `invalid-size`: a record refers to a blob that is not here, or is not as it says.
 * - `blob-not-found-public`: nobody is shown such a blob. `blob-too-large`: more bytes than one may have.
 * - `quota-exceeded`: the account has no room for it.
 *
 * Of work that is bounded:
 * - `import-running`: one of this account is under way. `import-stopped`: the account changed meanwhile. `import-too-slow`: the
 *   archive did not come in time.
 * - `import-busy`, `busy`: too much of it on this server. `too-many-at-once`: too much of it for one caller.
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
