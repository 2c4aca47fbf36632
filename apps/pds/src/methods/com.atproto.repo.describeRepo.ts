import type { DataObject } from '@avocet/data'
import { handleOf, type DidResolver } from '@avocet/did'
import { ComAtprotoRepoDescribeRepo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { RecordIndex } from '@avocet/repo-server/sqlite'

import { shownHandle } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { servedRepo } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'

/** Whose repository this is and which collections it has. */
export function describeRepo(
  router: Router,
  accounts: AccountStore,
  records: RecordIndex,
  dids: DidResolver,
): void {
  router.add(ComAtprotoRepoDescribeRepo.main, async ({ params }) => {
    const account = servedRepo(accounts, params.repo)
    const resolved = await dids.resolve(account.did)
    if (!resolved.ok) {
      throw new PdsError('unresolvable-did', `Could not resolve DID: ${account.did}`, {
        cause: resolved.error,
      })
    }
    return {
      handle: shownHandle(account),
      did: account.did,
      didDoc: resolved.value as unknown as DataObject,
      collections: records.collections(account.did),
      handleIsCorrect: account.handle !== null && handleOf(resolved.value) === account.handle,
    }
  })
}
