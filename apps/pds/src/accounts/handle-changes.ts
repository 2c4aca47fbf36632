import { handleOf, type CachedDidResolver } from '@avocet/did'
import type { Did, Handle } from '@avocet/syntax'
import { identityEvent, type KeyedLock } from '@avocet/repo-server'

import { applyChanges, requireDone } from './changes.ts'
import { PdsError } from '../errors.ts'
import type { HandlePolicy } from '../identity/handles.ts'
import type { Identities } from '../identity/identities.ts'
import type { Stores } from '../stores/stores.ts'

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
  stores: Pick<Stores, 'accountStore' | 'apply'>,
  dids: CachedDidResolver,
  policy: HandlePolicy,
  identities: Identities,
  locks: KeyedLock,
): HandleChanges {
  /** Changes of one identity run one after the other, in the directory as here. */
  const alone = <T>(did: Did, task: () => Promise<T>): Promise<T> => locks.run(`identity:${did}`, task)

  const { accountStore } = stores
  const { accounts, handleChanges } = accountStore
  const forget = (did: Did): Promise<void> =>
    applyChanges(accountStore, [{ type: 'forgetHandleChange', did }])

  const store = async (did: Did, handle: Handle): Promise<void> => {
    const outcome = await stores.apply({
      accounts: [
        { type: 'updateAccount', did, set: { handle } },
        { type: 'forgetHandleChange', did },
      ],
      repos: [{ type: 'announcement', did, events: [identityEvent(did, handle)] }],
    })
    requireDone(outcome)
  }

  /** Tells the directory. What it may have taken is on the disk before it is asked. */
  const tell = async (did: Did, handle: Handle): Promise<void> => {
    await applyChanges(accountStore, [{ type: 'noteHandleChange', change: { did, handle } }])
    try {
      await identities.change(did, { handle })
    } catch (error) {
      // Refused: nothing changed there. After any other failure nobody knows.
      if (error instanceof PdsError && error.code === 'invalid-request') await forget(did)
      throw error
    }
  }

  /** Ends a change that was cut off, if there is one: what the directory says counts. */
  const settle = async (did: Did): Promise<void> => {
    const noted = await handleChanges.get(did)
    const account = await accounts.get(did)
    if (noted === null || account === null) return
    const wanted = noted.handle
    const last = await identities.last(did)
    if (last.alsoKnownAs[0] !== `at://${wanted}` || account.handle === wanted) {
      await forget(did)
      return
    }
    dids.purge(did)
    if ((await accounts.byHandle(wanted)) === null) return store(did, wanted)
    // Somebody else has it by now.
    if (account.handle !== null) await identities.change(did, { handle: account.handle })
    await forget(did)
  }

  return {
    change: (did, text, byOperator) =>
      locks.run(`handle:${text.toLowerCase()}`, () =>
        alone(did, async () => {
          if ((await accounts.get(did)) === null) {
            throw new PdsError('account-not-found', `Account not found; did=${did}`)
          }
          const handle = await policy.check(text, did, byOperator)
          const owner = await accounts.byHandle(handle)
          if (owner !== null && owner.did !== did) {
            throw new PdsError('handle-not-available', `Handle already taken: ${handle}`)
          }
          await settle(did)
          // The directory first: if it refuses, nothing here has changed. The same handle again only announces it; asked for
          // by the operator, it also mends a directory that says another one.
          if (!did.startsWith('did:plc:')) await requireClaim(dids, did, handle)
          else if (byOperator || (await accounts.get(did))?.handle !== handle) await tell(did, handle)
          dids.purge(did)
          await store(did, handle)
        }),
      ),
    resume: async () => {
      const noted = await handleChanges.list()
      const outcomes = await Promise.allSettled(noted.map(({ did }) => alone(did, () => settle(did))))
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
