import type { Awaitable } from '@avocet/accounts'

/** Who did something: the account itself, one of its app passwords, a service it named, the operator, somebody unproven. */
export type AuditActor =
  | 'account'
  | 'app password'
  | 'app'
  | 'service'
  | 'operator'
  | 'command line'
  | 'stranger'

/** Something that happened to an account or to the server. It never holds a password, a code, a token or a key. */
export interface AuditEntry {
  readonly action: string
  readonly actor: AuditActor
  /** The account it was about. */
  readonly did: string | null
  readonly address: string | null
  /** Name of the error it ended with; null when it was done. */
  readonly error: string | null
  /** Strangers can cause such entries without end: only so many are kept, apart from the others. */
  readonly attempt: boolean
  readonly detail: Readonly<Record<string, unknown>>
}

/** An entry as it is kept. */
export interface AuditRow extends Omit<AuditEntry, 'attempt'> {
  readonly id: number
  /** ISO 8601. */
  readonly at: string
}

/** Which entries to list: the newest first, below `before` (an `id`). */
export interface AuditQuery {
  readonly did?: string | undefined
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined
  readonly before?: number | undefined
  readonly limit: number
}

/** How much is kept. */
export interface AuditBounds {
  /** Milliseconds. */
  readonly maxAgeMs: number
  /** Attempts of strangers, all together. */
  readonly attempts: number
  /** Entries of one account, so that nobody pushes out another's. */
  readonly perAccount: number
  /** Entries of the operator. */
  readonly operator: number
}

/** Entries of the audit log, to read. */
export interface AuditReads {
  /** Entries, the newest first. */
  list(query: AuditQuery): Awaitable<AuditRow[]>
}

/** Entries of the audit log. */
export interface AuditRows extends AuditReads {
  /** Resolves when it is durable. @param at ms since the epoch */
  add(at: number, entry: AuditEntry): Promise<void>
  /** Removes what is too old at `now`, or too much. Returns how many entries. */
  prune(now: number, bounds: AuditBounds): Promise<number>
}

/** An entry from its row. Postgres gives large integers as texts. */
export function toAuditRow(row: Readonly<Record<string, unknown>>): AuditRow {
  return {
    id: Number(row['id']),
    at: new Date(Number(row['at'])).toISOString(),
    action: row['action'] as string,
    actor: row['actor'] as AuditActor,
    did: row['did'] as string | null,
    address: row['address'] as string | null,
    error: row['error'] as string | null,
    detail: JSON.parse(row['detail'] as string) as Record<string, unknown>,
  }
}
