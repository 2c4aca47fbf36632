import type { ComAtprotoSyncListRepos } from '@avocet/lexicons/com.atproto'
import type { MethodHandler } from '@avocet/xrpc-server'
import type { RecordReader } from '../queries/records.ts'
import { hostingStatus } from './account.ts'

/** com.atproto.sync.listRepos: every repo that is indexed, in the order of DIDs; the cursor is the last DID. */
export function listRepos(records: RecordReader): MethodHandler<typeof ComAtprotoSyncListRepos.main> {
  return ({ params }) => {
    const rows = records.accounts(params.cursor ?? '', params.limit)
    const last = rows.length === params.limit ? rows.at(-1) : undefined
    return {
      ...(last === undefined ? {} : { cursor: last.did }),
      repos: rows.map(({ did, head, rev, status }) => ({
        did: did as `did:${string}:${string}`,
        head: head ?? '',
        rev: rev ?? '',
        ...hostingStatus(status),
      })),
    }
  }
}
