import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import {
  accountEvent,
  assertApplied,
  identityEvent,
  syncEvent,
  type KeyedLock,
  type Removals,
  type RepoImports,
} from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'

import { PdsError } from '../errors.ts'
import type { Signers } from '../repos/signers.ts'
import type { Account } from './account.ts'
import { hostingStatus } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { Sessions } from './sessions.ts'

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
  readonly accounts: AccountStore
  readonly sessions: Sessions
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
  const { db, accounts, sessions, removals, signers, server, locks, imports, onError } = parts

  const require = (did: Did): Account => {
    const account = accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    return account
  }

  /** What stands in the row of the account now, stands in that of its repository too; a change of it is announced. */
  const passOn = (before: Account): void => {
    const { did } = before
    const status = hostingStatus(require(did))
    const events = status === hostingStatus(before) ? [] : [accountEvent(did, status)]
    assertApplied(server.applyTo({ type: 'status', did, status, events }))
  }

  const remove = async (did: Did): Promise<void> => {
    imports.stop(did)
    await locks.run(did, async () => {
      require(did)
      await db.write(() => {
        accounts.remove(did)
        assertApplied(server.applyTo({ type: 'removal', did, events: [accountEvent(did, 'deleted')] }))
      })
      signers.drop(did)
    })
    // The account is gone. What it left is removed beside everything else.
    removals.run().catch(onError)
  }

  return {
    deactivate: (did, deleteAfter) =>
      locks.run(did, () =>
        db.write(() => {
          const before = require(did)
          accounts.update(did, {
            deactivated_at: before.deactivatedAt ?? new Date().toISOString(),
            delete_after: deleteAfter,
            delete_warned_at: null,
          })
          passOn(before)
        }),
      ),
    activate: (did) =>
      locks.run(did, async () => {
        const head = await server.repos.getHead(did)
        const commitBytes =
          head === null ? undefined : (await server.repos.getBlocks(did, [head.commit])).get(head.commit)
        await db.write(() => {
          require(did)
          accounts.update(did, { deactivated_at: null, delete_after: null })
          const after = require(did)
          const status = hostingStatus(after)
          const events = [accountEvent(did, status), identityEvent(did, after.handle)]
          // Relays are told nothing of a repository that is taken down.
          if (head !== null && commitBytes !== undefined && status === 'active') {
            events.push(syncEvent({ did, rev: head.rev, commit: head.commit, commitBytes }))
          }
          assertApplied(server.applyTo({ type: 'status', did, status, events }))
        })
      }),
    takedown: (did, ref) => {
      imports.stop(did)
      return locks.run(did, () =>
        db.write(() => {
          const before = require(did)
          accounts.update(did, { takedown_ref: ref })
          if (ref !== null) sessions.endAll(did)
          passOn(before)
        }),
      )
    },
    remove,
  }
}
