import { ComAtprotoSyncGetHead } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { formatCid } from '@avocet/data'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import { readableRepo } from '../repos/readable.ts'

/** Deprecated form of getLatestCommit, still asked for by older tools. */
export function getHead(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  repos: RepoStore<Database>,
): void {
  router.add(ComAtprotoSyncGetHead.main, async (context) => {
    const { did } = await readableRepo(accounts, authorizer, context, context.params.did)
    const head = await repos.getHead(did)
    if (head === null) throw new PdsError('head-not-found', `Could not find root for DID: ${did}`)
    return { root: formatCid(head.commit) }
  })
}
