import { ComAtprotoRepoDeleteRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { RepoWriter } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { ownRepo } from '../accounts/lookup.ts'
import { writeLimits } from '../http/rate-limits.ts'

/** Deletes a record; one that is not there makes no commit. */
export function deleteRecord(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  writer: RepoWriter,
): void {
  router.add(ComAtprotoRepoDeleteRecord.main, {
    auth: (context) => authorizer.access(context),
    rateLimit: writeLimits(1),
    handler: async ({ input, auth }) => {
      const did = ownRepo(accounts, input.repo, auth.did)
      const { collection, rkey, swapRecord } = input
      const write = { action: 'discard', collection, rkey, swapRecord } as const
      const { commit } = await writer.write(did, [write], input.swapCommit)
      return commit === null ? {} : { commit }
    },
  })
}
