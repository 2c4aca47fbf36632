import { ComAtprotoSyncGetRepoStatus } from '@avocet/lexicons/com.atproto'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Router } from '@avocet/xrpc-server'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { PdsError } from '../errors.ts'

/** Whether a repository is served, and where it stands. */
export function getRepoStatus(router: Router, accounts: AccountStore, store: RepoStore<Database>): void {
  router.add(ComAtprotoSyncGetRepoStatus.main, async ({ params }) => {
    const account = accounts.get(params.did)
    if (account === null) throw new PdsError('repo-not-found', `Could not find repo for DID: ${params.did}`)
    const status = accountStatus(account)
    const head = status.active ? await store.getHead(account.did) : null
    return { did: account.did, ...status, ...(head === null ? {} : { rev: head.rev }) }
  })
}
