import { ComAtprotoRepoPutRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { type RepoWriter, recordUri } from '@avocet/repo-server'
import type { BlobIndex, RecordIndex } from '@avocet/repo-server/sqlite'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { ownRepo } from '../accounts/lookup.ts'
import { REPO_WRITE_LIMITS, writeLimits } from '../http/rate-limits.ts'
import { upgradeProfile } from '../repos/legacy-blobs.ts'
import type { RecordLexicons } from '../repos/lexicons.ts'
import { checkRecord } from '../repos/validation.ts'

/** Creates or replaces a record; one that is the same already makes no commit. */
export function putRecord(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  writer: RepoWriter,
  lexicons: RecordLexicons,
  nextTid: () => string,
  records: RecordIndex,
  blobs: BlobIndex,
): void {
  router.add(ComAtprotoRepoPutRecord.main, {
    auth: (context) => authorizer.access(context),
    limits: REPO_WRITE_LIMITS,
    rateLimit: writeLimits(2),
    handler: async ({ input, auth }) => {
      const did = ownRepo(accounts, input.repo, auth.did)
      const { collection, validate, swapRecord } = input
      const isUpdate = records.get(did, collection, input.rkey) !== null
      const given = isUpdate ? upgradeProfile(did, collection, input.record, blobs) : input.record
      const { rkey, ...record } = await checkRecord(
        { collection, rkey: input.rkey, record: given, validate },
        lexicons,
        nextTid,
      )
      const write = { action: 'put', collection, rkey, record, swapRecord } as const
      const { commit, cids } = await writer.write(did, [write], input.swapCommit)
      return {
        uri: recordUri(did, collection, rkey),
        cid: cids[0]!,
        ...(commit === null ? {} : { commit }),
        ...(record.status === undefined ? {} : { validationStatus: record.status }),
      }
    },
  })
}
