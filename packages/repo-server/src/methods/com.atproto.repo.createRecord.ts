import { ComAtprotoRepoCreateRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { ownRepo } from '../repo-access.ts'
import { checkRecord } from '../validation.ts'
import { writeSettings } from '../write-settings.ts'
import { writtenRecord } from '../written-record.ts'

/** Writes a new record; a like, repost, follow or block of the same subject is replaced. */
export function createRecord(router: Router, { parts }: RepoHost): void {
  const { writer, checks } = parts
  router.add(ComAtprotoRepoCreateRecord.main, {
    ...writeSettings<ComAtprotoRepoCreateRecord.Input>(
      parts,
      'com.atproto.repo.createRecord',
      ({ collection }) => [{ resource: 'repo', collection, action: 'create' }],
      3,
    ),
    handler: async ({ input, auth }) => {
      const did = await ownRepo(parts, input.repo, auth.did)
      const { collection, validate } = input
      const given = { collection, rkey: input.rkey, record: input.record, validate }
      const { rkey, ...record } = await checkRecord(given, checks)
      const write = { action: 'create', collection, rkey, record, dedupe: validate !== false } as const
      const { commit, cids } = await writer.write(did, [write], input.swapCommit)
      return { ...writtenRecord(did, write, cids[0]!), ...(commit === null ? {} : { commit }) }
    },
  })
}
