import { identityEvent } from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'
import type { Did } from '@avocet/syntax'

/** Appends events about accounts, in the transaction of the caller. */
export interface Announcements {
  /** The identity may have changed: handle, key, or service. */
  identity(did: Did, handle: string | null): void
}

/** Announcements into the log of `server`. */
export function createAnnouncements(server: Pick<SqliteRepoServerStore, 'applyTo'>): Announcements {
  return {
    identity: (did, handle) => {
      server.applyTo({ type: 'announcement', did, events: [identityEvent(did, handle)] })
    },
  }
}
