import { formatCid } from '@avocet/data'
import { ComAtprotoSyncGetLatestCommit } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** Where a repository stands. */
export function getLatestCommit(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetLatestCommit.main, async (context) => {
    const { did } = await readableRepo(parts, context, context.params.did)
    const head = await parts.options.store.repos.getHead(did)
    if (head === null) throw new RepoServerError('repo-not-found', `Could not find root for DID: ${did}`)
    return { cid: formatCid(head.commit), rev: head.rev }
  })
}
