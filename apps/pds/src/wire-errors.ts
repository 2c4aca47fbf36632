import { RepoServerError, toXrpcError as toRepoXrpcError } from '@avocet/repo-server'
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
    const { challenge } = error
    const headers = challenge === undefined ? {} : { 'www-authenticate': challenge }
    return new XrpcError(status, name, error.message, { cause: error, headers })
  }
  if (error instanceof RepoServerError && error.code === 'rev-ahead') {
    // What an operator may do about it stands beside what is wrong.
    const cure = `if the clock of the server is right, its operator mends it by: avocet-pds repair-rev ${error.did}`
    return new XrpcError(409, 'RepoNeedsRepair', `${error.message}: ${cure}`, { cause: error })
  }
  if (storageFailure(error) !== null) {
    return new XrpcError(503, 'ServiceUnavailable', 'The server cannot store data at the moment', {
      cause: error,
    })
  }
  return toRepoXrpcError(error)
}
