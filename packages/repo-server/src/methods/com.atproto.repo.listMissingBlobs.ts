import { ComAtprotoRepoListMissingBlobs } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'

/** Blobs that the caller's records refer to and that are not here yet. */
export function listMissingBlobs(router: Router, { parts }: RepoHost): void {
  const { access, store } = parts.options
  router.add(ComAtprotoRepoListMissingBlobs.main, {
    auth: (context) => access.authorize(context, { method: 'com.atproto.repo.listMissingBlobs' }),
    handler: async ({ params, auth }) => {
      const { limit, cursor = '' } = params
      const page = await store.blobs.missing(auth.did, cursor, limit)
      const last = page.length === limit ? page.at(-1)!.cid : undefined
      return { blobs: page, ...(last === undefined ? {} : { cursor: last }) }
    },
  })
}
