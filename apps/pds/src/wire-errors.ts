import { BlobError } from '@avocet/blobs'
import { DataError } from '@avocet/data'
import { RepoError } from '@avocet/repo'
import { RepoServerError } from '@avocet/repo-server'
import { SequencerError } from '@avocet/sequencer'
import { XrpcError } from '@avocet/xrpc'

import { ERROR_TABLE, PdsError } from './errors.ts'
import { storageFailure } from './health/storage-failure.ts'

/**
 * What the caller is told of a failure: its status and name by `ERROR_TABLE`, or by the kinds of failure of the
 * packages this server composes, or that the disk below it failed. Undefined for what nobody expects, which becomes a 500 without its message.
 */
export function toXrpcError(error: unknown): XrpcError | undefined {
  if (error instanceof PdsError) {
    const [status, name] = ERROR_TABLE[error.code]
    return new XrpcError(status, name, error.message, { cause: error })
  }
  if (error instanceof RepoServerError) {
    const [status, name] = ERROR_TABLE[error.code]
    return new XrpcError(status, name, messageOf(error), { cause: error })
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
    return new XrpcError(503, 'ServiceUnavailable', 'The store of blobs does not work at the moment', {
      cause: error,
    })
  }
  if (storageFailure(error) !== null) {
    return new XrpcError(503, 'ServiceUnavailable', 'The server cannot store data at the moment', {
      cause: error,
    })
  }
  if (error instanceof DataError) return new XrpcError(400, 'InvalidRequest', error.message, { cause: error })
  return undefined
}

/** What an operator may do about it stands beside what is wrong. */
function messageOf({ code, message, did }: RepoServerError): string {
  if (code !== 'rev-ahead') return message
  return `${message}: if the clock of the server is right, its operator mends it by: avocet-pds repair-rev ${did}`
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
