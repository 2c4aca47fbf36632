import { ComAtprotoRepoDeleteRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { ownRepo } from '../repo-access.ts'
import { writeSettings } from '../write-settings.ts'

/** Deletes a record; one that is not there makes no commit. */
export function deleteRecord(router: Router, { parts }: RepoHost): void {
  const { needs, auth, permit, rateLimit } = writeSettings<ComAtprotoRepoDeleteRecord.Input>(
    parts,
    'com.atproto.repo.deleteRecord',
    ({ collection }) => [{ resource: 'repo', collection, action: 'delete' }],
    1,
  )
  router.add(ComAtprotoRepoDeleteRecord.main, {
    needs,
    auth,
    permit,
    rateLimit,
    handler: async ({ input, auth: caller }) => {
      const did = await ownRepo(parts, input.repo, caller.did)
      const { collection, rkey, swapRecord } = input
      const write = { action: 'discard', collection, rkey, swapRecord } as const
      const { commit } = await parts.writer.write(did, [write], input.swapCommit)
      return commit === null ? {} : { commit }
    },
  })
}
