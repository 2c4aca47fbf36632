import { ComAtprotoSyncGetRecord } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import type { RepoExports } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { readableRepo } from '../repos/readable.ts'

/** A record with the blocks that prove it is (or is not) in the repository, up to the signed commit. */
export function syncGetRecord(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  exports: RepoExports,
): void {
  router.add(ComAtprotoSyncGetRecord.main, async (context) => {
    const { did } = await readableRepo(accounts, authorizer, context, context.params.did)
    const { collection, rkey } = context.params
    return respond({
      encoding: 'application/vnd.ipld.car',
      body: await exports.record(did, `${collection}/${rkey}`),
    })
  })
}
