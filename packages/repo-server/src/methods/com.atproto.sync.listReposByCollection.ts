import { ComAtprotoSyncListReposByCollection } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'

/** Repositories here that have a record of a collection, page by page in order of DID. */
export function listReposByCollection(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncListReposByCollection.main, async ({ params }) => {
    const { collection, limit, cursor = '' } = params
    const dids = await parts.options.store.records.reposWith(collection, cursor, limit)
    const last = dids.length === limit ? dids.at(-1)! : undefined
    return { repos: dids.map((did) => ({ did })), ...(last === undefined ? {} : { cursor: last }) }
  })
}
