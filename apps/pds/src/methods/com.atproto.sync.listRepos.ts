import { formatCid } from '@avocet/data'
import { ComAtprotoSyncListRepos } from '@avocet/lexicons/com.atproto'
import type { SqliteRepoStore } from '@avocet/repo-sqlite'
import type { Did } from '@avocet/syntax'
import type { Router } from '@avocet/xrpc-server'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'

/** Every repository here, page by page in order of DID. */
export function listRepos(router: Router, accounts: AccountStore, store: SqliteRepoStore): void {
  router.add(ComAtprotoSyncListRepos.main, async ({ params }) => {
    const { limit, cursor = '' } = params
    const page = accounts.list(cursor, limit)
    const heads = new Map((await store.listHeads(cursor as Did, limit)).map((head) => [head.did, head]))
    const repos = await Promise.all(
      page.map(async (account) => {
        // An account without a repository shifts the two pages against each other.
        const head = heads.get(account.did) ?? (await store.getHead(account.did))
        if (head === null) return []
        return [{ did: account.did, head: formatCid(head.commit), rev: head.rev, ...accountStatus(account) }]
      }),
    )
    const last = page.length === limit ? page.at(-1)!.did : undefined
    return { repos: repos.flat(), ...(last === undefined ? {} : { cursor: last }) }
  })
}
