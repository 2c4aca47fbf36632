import { ComAtprotoRepoGetRecord } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import { JSON_TYPE, type RecordReader, recordJson } from '@avocet/repo-server'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { findAccount } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'
import type { FindRemoteRecord } from '../proxy/remote-records.ts'

/** One record of a repository that lives here; one that lives elsewhere, or moved there, is asked for there. */
export function getRecord(
  router: Router,
  accounts: AccountStore,
  records: RecordReader,
  findRemote: FindRemoteRecord,
): void {
  router.add(ComAtprotoRepoGetRecord.main, async (context) => {
    const { repo, collection, rkey, cid } = context.params
    const account = findAccount(accounts, repo)
    const status = account === null ? null : accountStatus(account)
    if (account === null || status?.active !== true) {
      // What this server took down it does not hand out from elsewhere either.
      const isTakenDown = status !== null && !status.active && status.status === 'takendown'
      const name = { repo: account?.did ?? repo, collection, rkey, cid }
      const remote = isTakenDown ? null : await findRemote(name)
      if (remote === null) throw new PdsError('invalid-request', 'Could not locate record')
      return respond({ encoding: JSON_TYPE, body: JSON.stringify(remote) })
    }
    const record = await records.get(account.did, collection, rkey)
    if (record === null || record.takedownRef !== null || (cid !== undefined && cid !== record.cid)) {
      throw new PdsError(
        'record-not-found',
        `Could not locate record: at://${account.did}/${collection}/${rkey}`,
      )
    }
    return respond({ encoding: JSON_TYPE, body: recordJson(record) })
  })
}
