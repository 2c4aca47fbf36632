import { ComAtprotoSyncListReposByCollection } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'

/** Repositories that one request looks at: anybody may ask for a collection that few have. A page may be empty, then. */
const MOST = 2000

/** Repositories here that have a record of a collection, page by page in order of DID. */
export function listReposByCollection(router: Router, { parts }: RepoHost): void {
  const { store } = parts.options
  router.add(ComAtprotoSyncListReposByCollection.main, async ({ params }) => {
    const { collection, limit, cursor = '' } = params
    const { dids, next } = await store.records.reposWith(collection, { after: cursor, limit, most: MOST })
    return { repos: dids.map((did) => ({ did })), ...(next === null ? {} : { cursor: next }) }
  })
}
