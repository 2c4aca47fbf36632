import { ComAtprotoRepoPutRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { upgradeProfile } from '../legacy-blobs.ts'
import { ownRepo } from '../repo-access.ts'
import { checkRecord } from '../validation.ts'
import { writeSettings } from '../write-settings.ts'
import { writtenRecord } from '../written-record.ts'

/** Creates or replaces a record; one that is the same already makes no commit. */
export function putRecord(router: Router, { parts }: RepoHost): void {
  const { options, writer, checks } = parts
  const { records, blobs } = options.store
  router.add(ComAtprotoRepoPutRecord.main, {
    ...writeSettings<ComAtprotoRepoPutRecord.Input>(
      parts,
      'com.atproto.repo.putRecord',
      // Whoever may do one of them only, does not get to know which it is.
      ({ collection }) => [
        { resource: 'repo', collection, action: 'create' },
        { resource: 'repo', collection, action: 'update' },
      ],
      2,
    ),
    handler: async ({ input, auth }) => {
      const did = await ownRepo(parts, input.repo, auth.did)
      const { collection, validate, swapRecord } = input
      const isUpdate = (await records.get(did, collection, input.rkey)) !== null
      const given = isUpdate ? await upgradeProfile(did, collection, input.record, blobs) : input.record
      const { rkey, ...record } = await checkRecord(
        { collection, rkey: input.rkey, record: given, validate },
        checks,
      )
      const write = { action: 'put', collection, rkey, record, swapRecord } as const
      const { commit, cids } = await writer.write(did, [write], input.swapCommit)
      return { ...writtenRecord(did, write, cids[0]!), ...(commit === null ? {} : { commit }) }
    },
  })
}
