import type { AccountChange, AccountFields } from '@avocet/accounts'
import type { NewEvent } from '@avocet/sequencer'
import type { Did } from '@avocet/syntax'
import {
  accountEvent,
  identityEvent,
  syncEvent,
  type KeyedLock,
  type Removals,
  type RepoImports,
} from '@avocet/repo-server'

import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'
import type { Stores } from '../stores/stores.ts'
import type { Account } from '../account.ts'
import { hostingStatus } from '../account.ts'
import { buildAppChange, requireDone } from './changes.ts'

/** Turning accounts off and on, and removing them. Each change and its events are one transaction. */
export interface Lifecycle {
  /**
   * @param deleteAfter when the account is to be removed, if it stays deactivated
   * @param allowing what has to be applied with it
   */
  deactivate(did: Did, deleteAfter: string | null, allowing?: readonly AccountChange[]): Promise<void>
  /** Announces the account, its identity, and where its repository stands, also if the account was active before. */
  activate(did: Did): Promise<void>
  /** @param ref the reference of the decision; null takes it back */
  takedown(did: Did, ref: string | null): Promise<void>
  /** Removes the account with all it has, its earlier events included. */
  remove(did: Did): Promise<void>
}

/** What the lifecycle composes. */
export interface LifecycleParts {
  readonly stores: Pick<Stores, 'accounts' | 'server' | 'apply'>
  readonly removals: Removals
  readonly imports: Pick<RepoImports, 'stop'>
  readonly signers: Signers
  readonly locks: KeyedLock
  /** Told when removing what an account left behind failed; it is tried again within the hour. */
  readonly onError: (error: unknown) => void
}

/**
 * A lifecycle over the stores of this server. A change waits for the writes of the repository that are under way, and ends an
 * import.
 */
export function createLifecycle(parts: LifecycleParts): Lifecycle {
  const { stores, removals, signers, locks, imports, onError } = parts
  const { accounts, server } = stores

  const find = async (did: Did): Promise<Account> => {
    const account = await accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    return account
  }

  /**
   * Sets fields of an account. Its status stands in its repository too: what follows is built on the account as it was read,
   * and again if its status or its handle is another one by the time.
   */
  const change = (
    did: Did,
    build: (before: Account) => Partial<Account> & Pick<Partial<AccountFields>, 'deleteWarnedAt'>,
    announced: (before: Account, after: Account) => NewEvent[],
    more: readonly AccountChange[] = [],
  ): Promise<void> =>
    buildAppChange(stores, async () => {
      const before = await find(did)
      const set = build(before)
      const after = { ...before, ...set }
      const status = {
        type: 'status',
        did,
        status: hostingStatus(after),
        events: announced(before, after),
      } as const
      const { handle, deactivatedAt, takedownRef } = before
      const expect = { handle, deactivatedAt, takedownRef }
      const update = { type: 'updateAccount', did, set, expect } as const
      return { accounts: [update, ...more], repos: [status] }
    })

  /** A change of the status is announced. */
  const ifChanged = (before: Account, after: Account): NewEvent[] => {
    const status = hostingStatus(after)
    return status === hostingStatus(before) ? [] : [accountEvent(after.did, status)]
  }

  const remove = async (did: Did): Promise<void> => {
    imports.stop(did)
    await locks.run(did, async () => {
      await find(did)
      const events = [accountEvent(did, 'deleted')]
      const removal = { type: 'removal', did, events } as const
      requireDone(await stores.apply({ accounts: [{ type: 'removeAccount', did }], repos: [removal] }))
      signers.drop(did)
    })
    // The account is gone. What it left is removed beside everything else.
    removals.run().catch(onError)
  }

  return {
    deactivate: (did, deleteAfter, allowing = []) =>
      locks.run(did, () => {
        const now = new Date().toISOString()
        const build = ({ deactivatedAt }: Account) => ({
          deactivatedAt: deactivatedAt ?? now,
          deleteAfter,
          deleteWarnedAt: null,
        })
        return change(did, build, ifChanged, allowing)
      }),
    activate: (did) =>
      locks.run(did, async () => {
        const head = await server.repos.getHead(did)
        const commitBytes =
          head === null ? undefined : (await server.repos.getBlocks(did, [head.commit])).get(head.commit)
        const announced = (_: Account, after: Account): NewEvent[] => {
          const status = hostingStatus(after)
          const events = [accountEvent(did, status), identityEvent(did, after.handle)]
          // Relays are told nothing of a repository that is taken down.
          if (head !== null && commitBytes !== undefined && status === 'active') {
            events.push(syncEvent({ did, rev: head.rev, commit: head.commit, commitBytes }))
          }
          return events
        }
        await change(did, () => ({ deactivatedAt: null, deleteAfter: null }), announced)
      }),
    takedown: (did, ref) => {
      imports.stop(did)
      const ended = ref === null ? [] : [{ type: 'endSessions', did } as const]
      return locks.run(did, () => change(did, () => ({ takedownRef: ref }), ifChanged, ended))
    },
    remove,
  }
}
