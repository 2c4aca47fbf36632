import { ComAtprotoSyncGetRepoStatus } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { shownStatus } from '../repo-access.ts'

/** Whether a repository is served, and where it stands. */
export function getRepoStatus(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetRepoStatus.main, async ({ params: { did } }) => {
    const status = await parts.statusOf(did)
    if (status === null) throw new RepoServerError('repo-not-found', `Could not find repo for DID: ${did}`)
    const head = status === 'active' ? await parts.options.store.repos.getHead(did) : null
    return { did, ...shownStatus(status), ...(head === null ? {} : { rev: head.rev }) }
  })
}
