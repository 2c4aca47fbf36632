import { ComAtprotoRepoGetRecord } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { findAccount } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'
import type { AppViewFallback } from '../proxy/app-view.ts'
import type { RecordReader } from '../repos/record-reader.ts'

/** One record of a repository that lives here; one that lives elsewhere is asked of the AppView. */
export function getRecord(
  router: Router,
  accounts: AccountStore,
  records: RecordReader,
  appView: AppViewFallback,
): void {
  router.add(ComAtprotoRepoGetRecord.main, async (context) => {
    const { repo, collection, rkey, cid } = context.params
    const account = findAccount(accounts, repo)
    if (account === null) {
      const answer = await appView(context)
      if (answer !== null) return answer
    }
    if (account === null || !accountStatus(account).active) {
      throw new PdsError('invalid-request', 'Could not locate record')
    }
    const record = await records.get(account.did, collection, rkey)
    if (record === null || record.takedownRef !== null || (cid !== undefined && cid !== record.cid)) {
      throw new PdsError(
        'record-not-found',
        `Could not locate record: at://${account.did}/${collection}/${rkey}`,
      )
    }
    return { uri: record.uri, cid: record.cid, value: record.value }
  })
}
