import { formatCid } from '@avocet/data'
import { ComAtprotoSyncGetLatestCommit } from '@avocet/lexicons/com.atproto'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Router } from '@avocet/xrpc-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import { readableRepo } from '../repos/readable.ts'

/** Where a repository stands. */
export function getLatestCommit(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  store: RepoStore<Database>,
): void {
  router.add(ComAtprotoSyncGetLatestCommit.main, async (context) => {
    const { did } = await readableRepo(accounts, authorizer, context, context.params.did)
    const head = await store.getHead(did)
    if (head === null) throw new PdsError('repo-not-found', `Could not find root for DID: ${did}`)
    return { cid: formatCid(head.commit), rev: head.rev }
  })
}
