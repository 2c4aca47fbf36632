import { assertApplied, identityEvent, type RepoServerStore } from '@avocet/repo-server'
import type { Did } from '@avocet/syntax'

/** Appends events about accounts that come with no change here. */
export interface Announcements {
  /** The identity may have changed: handle, key, or service. Resolves when the event is durable. */
  identity(did: Did, handle: string | null): Promise<void>
}

/** Announcements into the log of `server`. */
export function createAnnouncements(server: Pick<RepoServerStore, 'apply'>): Announcements {
  return {
    identity: async (did, handle) => {
      assertApplied(await server.apply({ type: 'announcement', did, events: [identityEvent(did, handle)] }))
    },
  }
}
