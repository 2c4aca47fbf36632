import { ComAtprotoSyncListBlobs } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { BlobIndex } from '@avocet/repo-server/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { readableRepo } from '../repos/readable.ts'

/** CIDs of the blobs that the records of a repository refer to, page by page. */
export function listBlobs(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  blobs: BlobIndex,
): void {
  router.add(ComAtprotoSyncListBlobs.main, async (context) => {
    const { did, since, limit, cursor = '' } = context.params
    await readableRepo(accounts, authorizer, context, did)
    const cids = blobs.page(did, { since, after: cursor, limit })
    const last = cids.length === limit ? cids.at(-1)! : undefined
    return { cids, ...(last === undefined ? {} : { cursor: last }) }
  })
}
