import { ComAtprotoRepoListRecords } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import { JSON_TYPE, type RecordReader, recordJson } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import { findAccount, servedRepo } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'

/** The records of a collection, page by page, newest key first. */
export function listRecords(router: Router, accounts: AccountStore, records: RecordReader): void {
  router.add(ComAtprotoRepoListRecords.main, async ({ params }) => {
    const { repo, collection, limit, cursor, reverse } = params
    if (findAccount(accounts, repo) === null) {
      throw new PdsError('invalid-request', `Could not find repo: ${repo}`)
    }
    const { did } = servedRepo(accounts, repo)
    const page = await records.page(did, collection, { limit, cursor, reverse })
    const last = page.length === limit ? page.at(-1)!.rkey : undefined
    const list = page.map(recordJson).join(',')
    const rest = last === undefined ? '' : `,"cursor":${JSON.stringify(last)}`
    return respond({ encoding: JSON_TYPE, body: `{"records":[${list}]${rest}}` })
  })
}
