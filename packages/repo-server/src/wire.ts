import { BlobError } from '@avocet/blobs'
import { DataError } from '@avocet/data'
import { RepoError } from '@avocet/repo'
import { SequencerError } from '@avocet/sequencer'
import { XrpcError } from '@avocet/xrpc'

import { RepoServerError, type RepoServerErrorCode } from './error.ts'

/** Status and XRPC error name of every code. The names are those that client libraries key on. */
const ERROR_TABLE: Readonly<Record<RepoServerErrorCode, readonly [number, string]>> = {
  'invalid-request': [400, 'InvalidRequest'],
  'account-not-found': [400, 'AccountNotFound'],
  'account-deactivated': [401, 'AccountDeactivated'],
  'account-takendown': [401, 'AccountTakedown'],
  'not-your-repo': [403, 'AccountNotFound'],
  'unresolvable-did': [400, 'UnresolvableDid'],
  'repo-not-found': [400, 'RepoNotFound'],
  'repo-deactivated': [400, 'RepoDeactivated'],
  'repo-takendown': [400, 'RepoTakendown'],
  'repo-busy': [503, 'RepoBusy'],
  'rev-ahead': [409, 'RepoNeedsRepair'],
  'clock-behind': [409, 'ClockBehind'],
  'import-busy': [503, 'ImportsBusy'],
  'import-running': [409, 'ImportRunning'],
  'import-stopped': [409, 'ImportStopped'],
  'import-too-slow': [408, 'RequestTimeout'],
  'lexicon-too-slow': [504, 'UpstreamTimeout'],
  'record-not-found': [400, 'RecordNotFound'],
  'record-exists': [400, 'RecordAlreadyExists'],
  'head-not-found': [400, 'HeadNotFound'],
  'block-not-found': [400, 'InvalidRequest'],
  'invalid-swap': [400, 'InvalidSwap'],
  'invalid-record': [400, 'InvalidRequest'],
  'blob-not-found': [400, 'BlobNotFound'],
  'blob-not-found-public': [400, 'InvalidRequest'],
  'blob-too-large': [413, 'PayloadTooLarge'],
  'mime-mismatch': [400, 'InvalidMimeType'],
  'invalid-size': [400, 'InvalidSize'],
  'quota-exceeded': [413, 'QuotaExceeded'],
  busy: [503, 'ServiceUnavailable'],
  'too-many-at-once': [429, 'RateLimitExceeded'],
}

const REPO_ERRORS: ReadonlyMap<string, readonly [number, string]> = new Map([
  ['record-exists', [400, 'RecordAlreadyExists']],
  ['record-not-found', [400, 'RecordNotFound']],
  ['duplicate-path', [400, 'InvalidRequest']],
  ['too-many-writes', [400, 'InvalidRequest']],
  ['commit-too-large', [413, 'PayloadTooLarge']],
  ['record-too-large', [413, 'PayloadTooLarge']],
  // Too many long keys of one layer side by side: a tree that nobody could read again.
  ['node-too-large', [400, 'InvalidRequest']],
  ['invalid-record', [400, 'InvalidRequest']],
  ['invalid-path', [400, 'InvalidRequest']],
  ['head-moved', [409, 'ConcurrentWrites']],
])

/**
 * What the caller of a method of this package is told of a failure, for `mapError` of a router; undefined for what nobody
 * expects, which becomes a 500 without its message.
 */
export function toXrpcError(error: unknown): XrpcError | undefined {
  if (error instanceof RepoServerError) {
    const [status, name] = ERROR_TABLE[error.code]
    return new XrpcError(status, name, error.message, { cause: error })
  }
  if (error instanceof RepoError) {
    const known = REPO_ERRORS.get(error.code)
    return known === undefined
      ? undefined
      : new XrpcError(known[0], known[1], error.message, { cause: error })
  }
  if (error instanceof SequencerError) {
    if (error.code === 'FutureCursor') {
      return new XrpcError(400, 'FutureCursor', 'Cursor in the future.', { cause: error })
    }
    if (error.code === 'ConsumerTooSlow') {
      return new XrpcError(400, 'ConsumerTooSlow', 'Stream consumer too slow', { cause: error })
    }
    return undefined
  }
  if (error instanceof BlobError) {
    const message = 'The store of blobs does not work at the moment'
    return new XrpcError(503, 'ServiceUnavailable', message, { cause: error })
  }
  return error instanceof DataError
    ? new XrpcError(400, 'InvalidRequest', error.message, { cause: error })
    : undefined
}
