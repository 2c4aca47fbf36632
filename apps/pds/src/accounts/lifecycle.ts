import { toSyncEvent, type RepoDirectory, type RepoStore } from '@avocet/repo'
import type { EventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { Announcements } from '../events/announcements.ts'
import type { KeyedLock } from '../repos/locks.ts'
import type { RepoImports } from '../repos/imports.ts'
import type { Signers } from '../repos/signers.ts'
import type { Account } from './account.ts'
import { accountStatus } from './account.ts'
import type { AccountStore } from './account-store.ts'
import type { Removals } from './removals.ts'
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
  readonly repos: RepoStore<Database> & Pick<RepoDirectory<Database>, 'remove'>
  readonly log: EventLog<Database>
  readonly announcements: Announcements
  readonly locks: KeyedLock
  /** Told when removing what an account left behind failed; it is tried again within the hour. */
  readonly onError: (error: unknown) => void
}

/**
 * A lifecycle over the stores of this server. A change waits for the writes of the repository that are under way, and ends an
 * import.
 */
export function createLifecycle(parts: LifecycleParts): Lifecycle {
  const { db, accounts, sessions, removals, signers, repos, log, announcements, locks, imports, onError } =
    parts

  const require = (did: Did): Account => {
    const account = accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    return account
  }

  const announceStatus = (before: Account): void => {
    const after = require(before.did)
    if (JSON.stringify(accountStatus(before)) !== JSON.stringify(accountStatus(after))) {
      announcements.account(db, after)
    }
  }

  const remove = async (did: Did): Promise<void> => {
    imports.stop(did)
    await locks.run(did, async () => {
      require(did)
      await repos.remove(did, () => {
        accounts.remove(did)
        removals.note(did, announcements.deleted(db, did))
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
          announceStatus(before)
        }),
      ),
    activate: (did) =>
      locks.run(did, async () => {
        const head = await repos.getHead(did)
        const commitBytes =
          head === null ? undefined : (await repos.getBlocks(did, [head.commit])).get(head.commit)
        await db.write(() => {
          require(did)
          accounts.update(did, { deactivated_at: null, delete_after: null })
          const after = require(did)
          announcements.account(db, after)
          announcements.identity(db, did, after.handle)
          // Relays are told nothing of a repository that is taken down.
          if (head === null || commitBytes === undefined || !accountStatus(after).active) return
          const body = toSyncEvent(
            { did, rev: head.rev, commit: head.commit, commitBytes },
            new Date().toISOString() as `${string}T${string}`,
          )
          void log.append(db, { did, type: '#sync', body: body })
        })
      }),
    takedown: (did, ref) => {
      imports.stop(did)
      return locks.run(did, () =>
        db.write(() => {
          const before = require(did)
          accounts.update(did, { takedown_ref: ref })
          if (ref !== null) sessions.endAll(did)
          announceStatus(before)
        }),
      )
    },
    remove,
  }
}
