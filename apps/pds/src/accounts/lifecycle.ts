import type { AccountChange, AccountFields, AccountReads } from '@avocet/accounts'
import type { SqliteAccountStore } from '@avocet/accounts/sqlite'
import type { NewEvent } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import {
  accountEvent,
  assertApplied,
  identityEvent,
  syncEvent,
  type KeyedLock,
  type RemovalChange,
  type Removals,
  type RepoImports,
  type StatusChange,
} from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'

import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'
import type { Account } from '../account.ts'
import { hostingStatus } from '../account.ts'
import { buildChanges, requireDone } from './changes.ts'

/** Turning accounts off and on, and removing them. Each change and its events are one transaction. */
export interface Lifecycle {
  /** @param deleteAfter when the account is to be removed, if it stays deactivated */
  deactivate(did: Did, deleteAfter: string | null): Promise<void>
  /** Announces the account, its identity, and where its repository stands, also if the account was active before. */
  activate(did: Did): Promise<void>
  /** @param ref the reference of the decision; null takes it back */
  takedown(did: Did, ref: string | null): Promise<void>
  /** Removes the account with all it has, its earlier events included. */
  remove(did: Did): Promise<void>
}

/** What the lifecycle composes. */
export interface LifecycleParts {
  readonly db: Database
  readonly accountStore: SqliteAccountStore
  readonly removals: Removals
  readonly imports: Pick<RepoImports, 'stop'>
  readonly signers: Signers
  readonly server: SqliteRepoServerStore
  readonly locks: KeyedLock
  /** Told when removing what an account left behind failed; it is tried again within the hour. */
  readonly onError: (error: unknown) => void
}

/**
 * A lifecycle over the stores of this server. A change waits for the writes of the repository that are under way, and ends an
 * import.
 */
export function createLifecycle(parts: LifecycleParts): Lifecycle {
  const { db, accountStore, removals, signers, server, locks, imports, onError } = parts
  const { accounts }: AccountReads = accountStore

  const find = async (did: Did): Promise<Account> => {
    const account = await accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    return account
  }

  /** Changes of an account and what follows of its repository, in one transaction. */
  const applyBoth = (changes: readonly AccountChange[], follows: StatusChange | RemovalChange) =>
    db.write(() => {
      const outcome = accountStore.applyIn(db, changes)
      if (outcome.status === 'applied') assertApplied(server.applyTo(follows))
      return outcome
    })

  /**
   * Sets fields of an account. Its status stands in its repository too: what follows is built on the account as it was read,
   * and again if its status or its handle is another one by the time.
   */
  const change = async (
    did: Did,
    build: (before: Account) => Partial<Account> & Pick<Partial<AccountFields>, 'deleteWarnedAt'>,
    announced: (before: Account, after: Account) => NewEvent[],
    more: readonly AccountChange[] = [],
  ): Promise<void> => {
    let follows: StatusChange
    await buildChanges({ apply: (changes) => applyBoth(changes, follows) }, async () => {
      const before = await find(did)
      const set = build(before)
      const after = { ...before, ...set }
      follows = { type: 'status', did, status: hostingStatus(after), events: announced(before, after) }
      const { handle, deactivatedAt, takedownRef } = before
      const expect = { handle, deactivatedAt, takedownRef }
      const update = { type: 'updateAccount', did, set, expect } as const
      return { changes: [update, ...more], value: undefined }
    })
  }

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
      requireDone(await applyBoth([{ type: 'removeAccount', did }], { type: 'removal', did, events }))
      signers.drop(did)
    })
    // The account is gone. What it left is removed beside everything else.
    removals.run().catch(onError)
  }

  return {
    deactivate: (did, deleteAfter) =>
      locks.run(did, () => {
        const now = new Date().toISOString()
        const build = ({ deactivatedAt }: Account) => ({
          deactivatedAt: deactivatedAt ?? now,
          deleteAfter,
          deleteWarnedAt: null,
        })
        return change(did, build, ifChanged)
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
