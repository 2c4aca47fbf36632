import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { AccountStore } from '../accounts/account-store.ts'
import { PdsError } from '../errors.ts'
import type { Announcements } from '../events/announcements.ts'
import type { KeyedLock } from '../repos/locks.ts'
import type { HandlePolicy } from './handles.ts'
import type { Identities } from './identities.ts'

/** Gives an account another handle. */
export interface HandleChanges {
  /**
   * Checks the handle, tells the directory, stores it and announces it.
   * @throws PdsError `handle-taken`, those of `HandlePolicy.check`, `directory-failed`
   */
  change(did: Did, handle: string, byOperator: boolean): Promise<void>
}

/** Changes over the accounts of this server; `purge` forgets a cached DID document. */
export function createHandleChanges(
  db: Database,
  accounts: AccountStore,
  policy: HandlePolicy,
  identities: Identities,
  announcements: Announcements,
  locks: KeyedLock,
  purge: (did: Did) => void,
): HandleChanges {
  return {
    change: (did, text, byOperator) =>
      locks.run(`handle:${text.toLowerCase()}`, async () => {
        const account = accounts.get(did)
        if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
        const handle = await policy.check(text, did, byOperator)
        const owner = accounts.byHandle(handle)
        if (owner !== null && owner.did !== did) {
          throw new PdsError('handle-taken', `Handle already taken: ${handle}`)
        }
        // The directory first: if it refuses, nothing here has changed. The same handle again only announces it.
        if (account.handle !== handle) await identities.change(did, { handle })
        purge(did)
        await db.write(() => {
          accounts.update(did, { handle })
          announcements.identity(db, did, handle)
        })
      }),
  }
}
