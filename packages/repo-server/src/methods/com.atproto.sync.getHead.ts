import { formatCid } from '@avocet/data'
import { ComAtprotoSyncGetHead } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** Deprecated form of getLatestCommit, still asked for by older tools. */
export function getHead(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetHead.main, async (context) => {
    const { did } = await readableRepo(parts, context, context.params.did)
    const head = await parts.options.store.repos.getHead(did)
    if (head === null) throw new RepoServerError('head-not-found', `Could not find root for DID: ${did}`)
    return { root: formatCid(head.commit) }
  })
}
