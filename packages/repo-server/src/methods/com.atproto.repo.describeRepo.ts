import { ComAtprotoRepoDescribeRepo } from '@avocet/lexicons/com.atproto'
import type { Handle } from '@avocet/syntax'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { servedRepo } from '../repo-access.ts'

/** Whose repository this is and which collections it has. */
export function describeRepo(router: Router, { parts }: RepoHost): void {
  const { accounts, store } = parts.options
  router.add(ComAtprotoRepoDescribeRepo.main, async ({ params }) => {
    const { did } = await servedRepo(parts, params.repo)
    const { handle, didDoc, handleIsCorrect } = await accounts.describe(did)
    const collections = await store.records.collections(did)
    return { handle: handle as Handle, did, didDoc, collections, handleIsCorrect }
  })
}
