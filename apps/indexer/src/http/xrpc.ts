// The XRPC methods, wired to what they need.

import {
  ComAtprotoRepoDescribeRepo,
  ComAtprotoRepoGetRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoSyncGetRepoStatus,
  ComAtprotoSyncListRepos,
} from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import { type Router, createRouter } from '@avocet/xrpc-server'
import type { FindAccount } from '../identity/handles.ts'
import type { Identities } from '../identity/identities.ts'
import { describeRepo } from '../methods/describe-repo.ts'
import { getRecord } from '../methods/get-record.ts'
import { getRepoStatus } from '../methods/get-repo-status.ts'
import { listRecords } from '../methods/list-records.ts'
import { listRepos } from '../methods/list-repos.ts'
import type { RecordReader } from '../queries/records.ts'
import type { RepoReader } from '../queries/repos.ts'
import { version } from '../version.ts'

/** The router of the indexer. `/xrpc/_health` answers as soon as it is served. */
export function createXrpc(options: {
  readonly records: RecordReader
  readonly repos: RepoReader
  readonly identities: Identities
  readonly findAccount: FindAccount
  /** Answers for methods that are no XRPC of the router's; null: neither. */
  readonly others?: (
    nsid: string,
    request: Request,
    address: string | null,
  ) => Response | Promise<Response> | null
  readonly onError: (error: unknown) => void
}): Router {
  const { records, repos, identities, findAccount } = options
  return createRouter({
    health: () => ({ version }),
    onError: options.onError,
    fallback({ nsid, request, address }) {
      const answer = options.others?.(nsid, request, address) ?? null
      if (answer === null) throw new XrpcError(501, 'MethodNotImplemented', 'Method Not Implemented')
      return answer
    },
  })
    .add(ComAtprotoRepoGetRecord.main, getRecord(records, findAccount))
    .add(ComAtprotoRepoListRecords.main, listRecords(records, findAccount))
    .add(ComAtprotoRepoDescribeRepo.main, describeRepo(records, findAccount, identities))
    .add(ComAtprotoSyncGetRepoStatus.main, getRepoStatus(records, repos))
    .add(ComAtprotoSyncListRepos.main, listRepos(records))
}
