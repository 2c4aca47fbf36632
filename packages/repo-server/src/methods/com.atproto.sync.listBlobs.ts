import { ComAtprotoSyncListBlobs } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** CIDs of the blobs that the records of a repository refer to, page by page. */
export function listBlobs(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncListBlobs.main, async (context) => {
    const { did, since, limit, cursor = '' } = context.params
    await readableRepo(parts, context, did)
    const cids = await parts.options.store.blobs.page(did, { since, after: cursor, limit })
    const last = cids.length === limit ? cids.at(-1)! : undefined
    return { cids, ...(last === undefined ? {} : { cursor: last }) }
  })
}
