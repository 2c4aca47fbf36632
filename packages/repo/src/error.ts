/**
 * Codes of {@link RepoError}.
 *
 * Writing:
 * - `record-exists`, `record-not-found`: a create met its path, an update or delete did not.
 * - `duplicate-path`: two writes of one commit to one path. `too-many-writes`: more than 200.
 * - `record-too-large`: above 1,000,000 bytes. `commit-too-large`: the event's blocks would exceed 2,000,000 bytes.
 * - `node-too-large`: a tree node would be above its 1,000,000 bytes: too many long keys of one layer side by side.
 * - `invalid-path`: not a collection NSID and a record key. `invalid-record`: not a value of the data model.
 * - `stale-rev`: the revision is not a TID above the one before.
 * - `head-moved`: the repository changed since the commit was prepared; prepare it again.
 * - `invalid-swap`: the newest commit is not the one the caller named.
 * - `repo-not-found`, `repo-exists`, `inactive-repo`: as they say; `inactive-repo` comes as {@link InactiveRepo}.
 *
 * Reading:
 * - `malformed-commit`, `unsupported-version`: a commit block that cannot be read, or is not of version 3.
 * - `no-key`: neither a key to check the signature with nor `unsafeSkipSignature: true` was given.
 * - `did-mismatch`, `bad-signature`: a commit of somebody else, or not signed by the key.
 * - `missing-block`: a commit, node or record that should be there is not.
 * - `malformed-repo`: an archive, tree or record that breaks the format. `inversion-failed`: ops that do not fit the tree.
 * - `buffer-exceeded`: an archive in an order that would need more memory than allowed. `buffers-full`: more than is left of
 *   the budget it shares with other reads.
 */
export type RepoErrorCode =
  | 'record-exists'
  | 'record-not-found'
  | 'duplicate-path'
  | 'too-many-writes'
  | 'record-too-large'
  | 'commit-too-large'
  | 'node-too-large'
  | 'invalid-path'
  | 'invalid-record'
  | 'stale-rev'
  | 'head-moved'
  | 'invalid-swap'
  | 'repo-not-found'
  | 'repo-exists'
  | 'inactive-repo'
  | 'malformed-commit'
  | 'unsupported-version'
  | 'no-key'
  | 'did-mismatch'
  | 'bad-signature'
  | 'missing-block'
  | 'malformed-repo'
  | 'inversion-failed'
  | 'buffer-exceeded'
  | 'buffers-full'

/** Data that goes with a {@link RepoError}, where it applies. */
export interface RepoErrorData {
  /** `collection/rkey` of the record concerned. */
  readonly path?: string
  readonly cause?: unknown
}

/** The one error class of this package ({@link InactiveRepo} is a case of it). */
export class RepoError extends Error {
  override readonly name: string = 'RepoError'
  readonly code: RepoErrorCode
  /** `collection/rkey` of the record concerned, where it is about one. */
  readonly path: string | undefined

  constructor(code: RepoErrorCode, message: string, data: RepoErrorData = {}) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause })
    this.code = code
    this.path = data.path
  }
}
