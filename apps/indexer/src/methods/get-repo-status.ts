import type { ComAtprotoSyncGetRepoStatus } from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import type { MethodHandler } from '@avocet/xrpc-server'
import type { RecordReader } from '../queries/records.ts'
import type { RepoReader } from '../queries/repos.ts'
import { hostingStatus } from './account.ts'

/** com.atproto.sync.getRepoStatus: whether an account is active, and the newest revision indexed of it. */
export function getRepoStatus(
  records: RecordReader,
  repos: RepoReader,
): MethodHandler<typeof ComAtprotoSyncGetRepoStatus.main> {
  return ({ params }) => {
    const account = records.account(params.did)
    const repo = repos.get(params.did)
    if (account === null && repo === null) {
      throw new XrpcError(400, 'RepoNotFound', `Could not find repo for DID: ${params.did}`)
    }
    if (account?.status) return { did: params.did, ...hostingStatus(account.status) }
    const rev = account?.rev ?? repo?.rev ?? null
    // What is known but not read whole yet is said to be desynchronized, as the lexicon has it for hosts that lag.
    if (repo !== null && repo.status !== 'synchronized') {
      return { did: params.did, active: false, status: 'desynchronized', ...(rev === null ? {} : { rev }) }
    }
    return { did: params.did, active: true, ...(rev === null ? {} : { rev }) }
  }
}
