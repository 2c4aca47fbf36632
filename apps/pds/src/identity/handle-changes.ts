import { handleOf, type CachedDidResolver } from '@avocet/did'
import type { Database } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import type { KeyedLock } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import { PdsError } from '../errors.ts'
import type { Announcements } from '../events/announcements.ts'
import type { HandlePolicy } from './handles.ts'
import type { Identities } from './identities.ts'

/** Gives an account another handle. */
export interface HandleChanges {
  /**
   * Checks the handle, tells the directory, stores it and announces it. Cut off once the directory may know it, it is ended, or
   * taken back, by `resume` or by the next change.
   * @throws PdsError `handle-not-available`, those of `HandlePolicy.check`, `directory-failed`, `invalid-request`
   */
  change(did: Did, handle: string, byOperator: boolean): Promise<void>
  /** Brings accounts whose change was cut off to what the directory says. */
  resume(): Promise<void>
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
  /** Changes of one identity run one after the other, in the directory as here. */
  const alone = <T>(did: Did, task: () => Promise<T>): Promise<T> => locks.run(`identity:${did}`, task)

  const forget = (did: Did): void => {
    db.prepare('DELETE FROM handle_change WHERE did = ?').run(did)
  }

  const store = (did: Did, handle: Handle): Promise<void> =>
    db.write(() => {
      accounts.update(did, { handle })
      announcements.identity(did, handle)
      forget(did)
    })

  /** Tells the directory. What it may have taken is on the disk before it is asked. */
  const tell = async (did: Did, handle: Handle): Promise<void> => {
    await db.write(() =>
      db
        .prepare(
          'INSERT INTO handle_change (did, handle) VALUES (?, ?) ON CONFLICT (did) DO UPDATE SET handle = excluded.handle',
        )
        .run(did, handle),
    )
    try {
      await identities.change(did, { handle })
    } catch (error) {
      // Refused: nothing changed there. After any other failure nobody knows.
      if (error instanceof PdsError && error.code === 'invalid-request') await db.write(() => forget(did))
      throw error
    }
  }

  /** Ends a change that was cut off, if there is one: what the directory says counts. */
  const settle = async (did: Did): Promise<void> => {
    const row = db.prepare('SELECT handle FROM handle_change WHERE did = ?').get(did)
    const account = accounts.get(did)
    if (row === undefined || account === null) return
    const wanted = row['handle'] as Handle
    const last = await identities.last(did)
    if (last.alsoKnownAs[0] !== `at://${wanted}` || account.handle === wanted) {
      await db.write(() => forget(did))
      return
    }
    dids.purge(did)
    if (accounts.byHandle(wanted) === null) return store(did, wanted)
    // Somebody else has it by now.
    if (account.handle !== null) await identities.change(did, { handle: account.handle })
    await db.write(() => forget(did))
  }

  return {
    change: (did, text, byOperator) =>
      locks.run(`handle:${text.toLowerCase()}`, () =>
        alone(did, async () => {
          if (accounts.get(did) === null) {
            throw new PdsError('account-not-found', `Account not found; did=${did}`)
          }
          const handle = await policy.check(text, did, byOperator)
          const owner = accounts.byHandle(handle)
          if (owner !== null && owner.did !== did) {
            throw new PdsError('handle-not-available', `Handle already taken: ${handle}`)
          }
          await settle(did)
          // The directory first: if it refuses, nothing here has changed. The same handle again only announces it; asked for
          // by the operator, it also mends a directory that says another one.
          if (!did.startsWith('did:plc:')) await requireClaim(dids, did, handle)
          else if (byOperator || accounts.get(did)?.handle !== handle) await tell(did, handle)
          dids.purge(did)
          await store(did, handle)
        }),
      ),
    resume: async () => {
      const rows = db.prepare('SELECT did FROM handle_change').all()
      const outcomes = await Promise.allSettled(
        rows.map(({ did }) => alone(did as Did, () => settle(did as Did))),
      )
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}

/** A DID that this server cannot change has to name the handle already. @throws PdsError `invalid-request` */
async function requireClaim(dids: CachedDidResolver, did: Did, handle: Handle): Promise<void> {
  const resolved = await dids.resolve(did, { forceRefresh: true })
  if (!resolved.ok || handleOf(resolved.value) !== handle) {
    throw new PdsError('invalid-request', 'DID is not properly configured for handle')
  }
}
