import { accountEvent, identityEvent } from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'
import type { Did } from '@avocet/syntax'

import { hostingStatus, type Account } from '../accounts/account.ts'

/** Appends events about accounts, in the transaction of the caller. */
export interface Announcements {
  /** The identity may have changed: handle, key, or service. */
  identity(did: Did, handle: string | null): void
  /** The hosting status of an account as it stands now. */
  account(account: Account): void
}

/** Announcements into the log of `server`. */
export function createAnnouncements(server: Pick<SqliteRepoServerStore, 'applyTo'>): Announcements {
  return {
    identity: (did, handle) => {
      server.applyTo({ type: 'announcement', did, events: [identityEvent(did, handle)] })
    },
    account: (account) => {
      const { did } = account
      server.applyTo({ type: 'announcement', did, events: [accountEvent(did, hostingStatus(account))] })
    },
  }
}
