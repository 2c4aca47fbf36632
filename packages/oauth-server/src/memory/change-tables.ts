import type { OAuthChange, OAuthRefusal } from '../change.ts'
import type { AuthorizationRequest, Consent, OAuthSession } from '../rows.ts'
import type { Table } from './tables.ts'

/** All rows of a store. */
export interface Tables {
  readonly requests: Table<AuthorizationRequest>
  readonly sessions: Table<OAuthSession>
  readonly consents: Table<Consent>
}

/** How each kind of change is made. Returns what keeps it from being made; the tables may be changed in part then. */
export type ChangesBy<C extends OAuthChange> = {
  readonly [T in C['type']]: (
    tables: Tables,
    change: Extract<C, { type: T }>,
  ) => OAuthRefusal | 'stale' | null
}
