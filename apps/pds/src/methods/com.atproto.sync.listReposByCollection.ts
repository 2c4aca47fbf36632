import { ComAtprotoSyncListReposByCollection } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { RecordIndex } from '@avocet/repo-server/sqlite'

/** Repositories here that have a record of a collection, page by page in order of DID. */
export function listReposByCollection(router: Router, records: RecordIndex): void {
  router.add(ComAtprotoSyncListReposByCollection.main, ({ params }) => {
    const { collection, limit, cursor = '' } = params
    const dids = records.reposWith(collection, cursor, limit)
    const last = dids.length === limit ? dids.at(-1)! : undefined
    return { repos: dids.map((did) => ({ did })), ...(last === undefined ? {} : { cursor: last }) }
  })
}
