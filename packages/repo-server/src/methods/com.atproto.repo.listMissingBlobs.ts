import { ComAtprotoRepoListMissingBlobs } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { ownerMethod } from '../owner-method.ts'

/** Blobs that the caller's records refer to and that are not here yet. */
export function listMissingBlobs(router: Router, { parts }: RepoHost): void {
  const { store } = parts.options
  router.add(ComAtprotoRepoListMissingBlobs.main, {
    ...ownerMethod(parts, 'com.atproto.repo.listMissingBlobs'),
    handler: async ({ params, auth }) => {
      const { limit, cursor = '' } = params
      const page = await store.blobs.missing(auth.did, cursor, limit)
      const last = page.length === limit ? page.at(-1)!.cid : undefined
      return { blobs: page, ...(last === undefined ? {} : { cursor: last }) }
    },
  })
}
