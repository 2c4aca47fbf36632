import { ComAtprotoRepoListMissingBlobs } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { BlobIndex } from '@avocet/repo-server/sqlite'

import type { Authorizer } from '../accounts/authorizer.ts'

/** Blobs that the caller's records refer to and that are not here yet. */
export function listMissingBlobs(router: Router, authorizer: Authorizer, blobs: BlobIndex): void {
  router.add(ComAtprotoRepoListMissingBlobs.main, {
    auth: (context) => authorizer.access(context, { deactivated: true }),
    handler: ({ params, auth }) => {
      const { limit, cursor = '' } = params
      const page = blobs.missing(auth.did, cursor, limit)
      const last = page.length === limit ? page.at(-1)!.cid : undefined
      return { blobs: page, ...(last === undefined ? {} : { cursor: last }) }
    },
  })
}
