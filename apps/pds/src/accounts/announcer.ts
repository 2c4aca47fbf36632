import type { AccountRows } from '@avocet/accounts'
import { applyWrites } from '@avocet/repo'
import {
  accountEvent,
  assertApplied,
  revAfter,
  syncEvent,
  type KeyedLock,
  type RepoServerStore,
} from '@avocet/repo-server'
import type { Did, TidClock } from '@avocet/syntax'

import { hostingStatus } from '../account.ts'
import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'

/**
 * Tells the firehose where an account stands, after the database went back in time: its status, and for one that is active a
 * new commit of the same tree with a `#sync`. The new commit is needed: relays may know a later revision than the one here, and
 * pass over whatever does not come after it.
 * @throws PdsError `account-not-found`; RepoServerError `rev-ahead`, `repo-busy`
 */
export type Announce = (did: Did) => Promise<'active' | 'inactive'>

/** What announcing works on. */
export interface AnnounceParts {
  readonly accounts: Pick<AccountRows, 'get'>
  readonly server: RepoServerStore
  readonly signers: Signers
  readonly locks: KeyedLock
  readonly tids: TidClock
}

/** Announces accounts of the stores of this server. Each waits for the write of its repository that is under way. */
export function createAnnouncer({ accounts, server, signers, locks, tids }: AnnounceParts): Announce {
  return (did) =>
    locks.run(did, async () => {
      const account = await accounts.get(did)
      if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
      const { repos } = server
      const head = await repos.getHead(did)
      const status = hostingStatus(account)
      const event = accountEvent(did, status)
      if (status !== 'active' || head === null) {
        assertApplied(await server.apply({ type: 'announcement', did, events: [event] }))
        return status === 'active' ? 'active' : 'inactive'
      }
      const rev = revAfter(tids, did, head.rev)
      const signer = await signers.get(did)
      const commit = await applyWrites({ did, head, store: repos, writes: [], signer, rev })
      const events = [event, syncEvent(commit)]
      assertApplied(await server.apply({ type: 'commit', did, commit, records: [], claims: [], events }))
      return 'active'
    })
}
