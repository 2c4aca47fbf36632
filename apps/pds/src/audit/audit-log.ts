import type { AuditBounds, AuditEntry, AuditRows } from '../stores/audit-rows.ts'

/** The log of sign-ins, of changes of accounts and keys, and of the operator's acts. */
export interface AuditLog {
  /** Stores an entry; resolves when it is on the disk. */
  record(entry: AuditEntry): Promise<void>
  /** Stores that a command did something to the data as a whole, while no server ran. */
  recordCommand(action: string, detail: AuditEntry['detail']): Promise<void>
  /** Removes what is too old or too much. Returns how many entries. */
  prune(): Promise<number>
}

const DAY_MS = 24 * 60 * 60 * 1000

/** A year; the counts come to some tens of megabytes at most, but for the number of accounts. */
export const AUDIT_BOUNDS: AuditBounds = {
  maxAgeMs: 365 * DAY_MS,
  attempts: 20_000,
  perAccount: 1000,
  operator: 100_000,
}

/** After so many entries of any kind a prune does not wait for its hour. */
const PRUNE_EVERY = 5000

/** An audit log over its rows. */
export function createAuditLog(
  rows: AuditRows,
  bounds: AuditBounds = AUDIT_BOUNDS,
  now: () => number = Date.now,
): AuditLog {
  let since = 0

  const prune: AuditLog['prune'] = () => rows.prune(now(), bounds)

  const record: AuditLog['record'] = async (entry) => {
    await rows.add(now(), entry)
    since += 1
    if (since < PRUNE_EVERY) return
    since = 0
    await prune()
  }

  return {
    record,
    recordCommand: (action, detail) =>
      record({
        action,
        actor: 'command line',
        did: null,
        address: null,
        error: null,
        attempt: false,
        detail,
      }),
    prune,
  }
}
