import { formatCid } from '@avocet/data'
import { ComAtprotoSyncListRepos } from '@avocet/lexicons/com.atproto'
import type { Did } from '@avocet/syntax'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { shownStatus } from '../repo-access.ts'

/** Every repository here, page by page in order of DID. */
export function listRepos(router: Router, { parts }: RepoHost): void {
  const { store, accounts } = parts.options
  router.add(ComAtprotoSyncListRepos.main, async ({ params }) => {
    const { limit, cursor } = params
    const page = await store.repos.listHeads((cursor as Did | undefined) ?? null, limit)
    const repos = await Promise.all(
      page.map(async ({ did, commit, rev, status: stored }) => {
        // A repository is listed as its account is; one that no account has is nobody's business.
        const status = accounts.statusOf === undefined ? stored : await accounts.statusOf(did)
        return status === null ? [] : [{ did, head: formatCid(commit), rev, ...shownStatus(status) }]
      }),
    )
    const last = page.length === limit ? page.at(-1)!.did : undefined
    return { repos: repos.flat(), ...(last === undefined ? {} : { cursor: last }) }
  })
}
