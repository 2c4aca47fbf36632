import { formatCid } from '@avocet/data'
import { ComAtprotoSyncListRepos } from '@avocet/lexicons/com.atproto'
import type { RepoStore } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Router } from '@avocet/xrpc-server'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'

/** Every repository here, page by page in order of DID. */
export function listRepos(router: Router, accounts: AccountStore, store: RepoStore<Database>): void {
  router.add(ComAtprotoSyncListRepos.main, async ({ params }) => {
    const { limit, cursor = '' } = params
    const page = accounts.list(cursor, limit)
    const repos = await Promise.all(
      page.map(async (account) => {
        const head = await store.getHead(account.did)
        if (head === null) return []
        return [{ did: account.did, head: formatCid(head.commit), rev: head.rev, ...accountStatus(account) }]
      }),
    )
    const last = page.length === limit ? page.at(-1)!.did : undefined
    return { repos: repos.flat(), ...(last === undefined ? {} : { cursor: last }) }
  })
}
