import { handleOf, type CachedDidResolver } from '@avocet/did'
import type { Database } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'

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
   * @throws PdsError `handle-not-available`, those of `HandlePolicy.check`, `directory-failed`, `invalid-request`
   */
  change(did: Did, handle: string, byOperator: boolean): Promise<void>
}

/** Changes over the accounts of this server. */
export function createHandleChanges(
  db: Database,
  accounts: AccountStore,
  dids: CachedDidResolver,
  policy: HandlePolicy,
  identities: Identities,
  announcements: Announcements,
  locks: KeyedLock,
): HandleChanges {
  return {
    change: (did, text, byOperator) =>
      locks.run(`handle:${text.toLowerCase()}`, async () => {
        const account = accounts.get(did)
        if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
        const handle = await policy.check(text, did, byOperator)
        const owner = accounts.byHandle(handle)
        if (owner !== null && owner.did !== did) {
          throw new PdsError('handle-not-available', `Handle already taken: ${handle}`)
        }
        // The directory first: if it refuses, nothing here has changed. The same handle again only announces it; asked for by
        // the operator, it also mends a directory that says another one.
        if (!did.startsWith('did:plc:')) await requireClaim(dids, did, handle)
        else if (byOperator || account.handle !== handle) await identities.change(did, { handle })
        dids.purge(did)
        await db.write(() => {
          accounts.update(did, { handle })
          announcements.identity(db, did, handle)
        })
      }),
  }
}

/** A DID that this server cannot change has to name the handle already. @throws PdsError `invalid-request` */
async function requireClaim(dids: CachedDidResolver, did: Did, handle: Handle): Promise<void> {
  const resolved = await dids.resolve(did, { forceRefresh: true })
  if (!resolved.ok || handleOf(resolved.value) !== handle) {
    throw new PdsError('invalid-request', 'DID is not properly configured for handle')
  }
}
