import type { OAuthChange, OAuthOutcome, OAuthRefusal } from '../change.ts'
import type { OAuthSession } from '../rows.ts'
import type { AtOnce, OAuthReads, OAuthStore } from '../store.ts'
import { REQUEST_CHANGES } from './change-requests.ts'
import {
  CONSENT_CHANGES,
  consentKey,
  renewedLast,
  SESSION_CHANGES,
  WHOLE_CHANGES,
} from './change-sessions.ts'
import type { ChangesBy, Tables } from './change-tables.ts'
import { compare, createJournal, createTable } from './tables.ts'

/** What a server keeps, in memory: every read answers at once, and so does `applyNow`. */
export interface MemoryOAuthStore extends AtOnce<OAuthReads>, Pick<OAuthStore, 'apply'> {
  applyNow(changes: readonly OAuthChange[]): OAuthOutcome
}

const CHANGES: ChangesBy<OAuthChange> = {
  ...REQUEST_CHANGES,
  ...SESSION_CHANGES,
  ...CONSENT_CHANGES,
  ...WHOLE_CHANGES,
}

/** An empty store that keeps nothing. A read that is not by a key looks through all rows. */
export function createMemoryOAuthStore(): MemoryOAuthStore {
  const journal = createJournal()
  const tables: Tables = {
    requests: createTable(journal),
    sessions: createTable(journal),
    consents: createTable(journal),
  }
  const { requests, sessions, consents } = tables

  const applyNow = (changes: readonly OAuthChange[]): OAuthOutcome => {
    for (const change of changes) {
      // The entry of its type takes it; TypeScript does not follow that through the union.
      const make = CHANGES[change.type] as (on: Tables, given: OAuthChange) => OAuthRefusal | 'stale' | null
      const reason = make(tables, change)
      if (reason === null) continue
      journal.undo()
      return reason === 'stale' ? { status: 'stale' } : { status: 'refused', reason }
    }
    journal.keep()
    return { status: 'applied' }
  }

  return {
    requests: {
      get: (id) => requests.get(id) ?? null,
      byCode: (codeHash) => requests.values().find(({ granted }) => granted?.codeHash === codeHash) ?? null,
    },
    sessions: {
      get: (id) => sessions.get(id) ?? null,
      byCode: (codeHash) => sessions.values().find((row) => row.codeHash === codeHash) ?? null,
      list: (did): OAuthSession[] =>
        [...sessions.values()].filter((row) => row.did === did).toSorted(renewedLast),
    },
    consents: {
      get: (did, clientId) => consents.get(consentKey(did, clientId)) ?? null,
      list: (did) =>
        [...consents.values()]
          .filter((row) => row.did === did)
          .toSorted((a, b) => compare(a.clientId, b.clientId)),
    },
    applyNow,
    apply: async (changes) => applyNow(changes),
  }
}
