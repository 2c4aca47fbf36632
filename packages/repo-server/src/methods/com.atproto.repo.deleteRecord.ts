import { ComAtprotoRepoDeleteRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { ownRepo } from '../repo-access.ts'
import { writeSettings } from '../write-settings.ts'

/** Deletes a record; one that is not there makes no commit. */
export function deleteRecord(router: Router, { parts }: RepoHost): void {
  const { auth: authorize, rateLimit } = writeSettings(parts, 'com.atproto.repo.deleteRecord', 1)
  router.add(ComAtprotoRepoDeleteRecord.main, {
    auth: authorize,
    rateLimit,
    handler: async ({ input, auth }) => {
      const did = await ownRepo(parts, input.repo, auth.did)
      const { collection, rkey, swapRecord } = input
      await parts.options.access.permit?.(auth, [{ collection, action: 'delete' }])
      const write = { action: 'discard', collection, rkey, swapRecord } as const
      const { commit } = await parts.writer.write(did, [write], input.swapCommit)
      return commit === null ? {} : { commit }
    },
  })
}
