import { ComAtprotoRepoCreateRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { type RepoWriter, recordUri } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { ownRepo } from '../accounts/lookup.ts'
import { REPO_WRITE_LIMITS, writeLimits } from '../http/rate-limits.ts'
import type { RecordLexicons } from '../repos/lexicons.ts'
import { checkRecord } from '../repos/validation.ts'

/** Writes a new record; a like, repost, follow or block of the same subject is replaced. */
export function createRecord(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  writer: RepoWriter,
  lexicons: RecordLexicons,
  nextTid: () => string,
): void {
  router.add(ComAtprotoRepoCreateRecord.main, {
    auth: (context) => authorizer.access(context),
    limits: REPO_WRITE_LIMITS,
    rateLimit: writeLimits(3),
    handler: async ({ input, auth }) => {
      const did = ownRepo(accounts, input.repo, auth.did)
      const { collection, validate } = input
      const { rkey, ...record } = await checkRecord(
        { collection, rkey: input.rkey, record: input.record, validate },
        lexicons,
        nextTid,
      )
      const write = { action: 'create', collection, rkey, record, dedupe: validate !== false } as const
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
