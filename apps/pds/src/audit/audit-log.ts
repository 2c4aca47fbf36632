import type { Database } from '@avocet/sqlite'

/** Who did something: the account itself, one of its app passwords, a service it named, the operator, somebody unproven. */
export type AuditActor = 'account' | 'app password' | 'service' | 'operator' | 'command line' | 'stranger'

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

/** The log of sign-ins, of changes of accounts and keys, and of the operator's acts. */
export interface AuditLog {
  /** Stores an entry; resolves when it is on the disk. */
  record(entry: AuditEntry): Promise<void>
  /** Stores that a command did something to the data as a whole, while no server ran. */
  recordCommand(action: string, detail: AuditEntry['detail']): Promise<void>
  /** Removes what is too old or too much. Returns how many entries. */
  prune(): Promise<number>
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

/** An audit log over the rows in `db`, which must carry `OPERATION_MIGRATIONS`. */
export function createAuditLog(
  db: Database,
  bounds: AuditBounds = AUDIT_BOUNDS,
  now: () => number = Date.now,
): AuditLog {
  let since = 0

  const drop = (where: string, ...values: (string | number)[]): number =>
    Number(db.prepare(`DELETE FROM audit WHERE ${where}`).run(...values).changes)

  const prune: AuditLog['prune'] = () =>
    db.write(() => {
      let removed = drop('at < ?', now() - bounds.maxAgeMs)
      removed += drop(
        `attempt = 1 AND id <= (SELECT id FROM audit WHERE attempt = 1 ORDER BY id DESC LIMIT 1 OFFSET ?)`,
        bounds.attempts,
      )
      const byOperator = `attempt = 0 AND actor IN ('operator', 'command line')`
      removed += drop(
        `${byOperator} AND id <= (SELECT id FROM audit WHERE ${byOperator} ORDER BY id DESC LIMIT 1 OFFSET ?)`,
        bounds.operator,
      )
      const own = `did = ? AND attempt = 0 AND actor NOT IN ('operator', 'command line')`
      const loud = db
        .prepare('SELECT did FROM audit WHERE did IS NOT NULL GROUP BY did HAVING count(*) > ?')
        .all(bounds.perAccount)
      for (const row of loud) {
        const did = row['did'] as string
        removed += drop(
          `${own} AND id <= (SELECT id FROM audit WHERE ${own} ORDER BY id DESC LIMIT 1 OFFSET ?)`,
          did,
          did,
          bounds.perAccount,
        )
      }
      return removed
    })

  const record: AuditLog['record'] = async ({ action, actor, did, address, error, attempt, detail }) => {
    await db.write(() =>
      db
        .prepare(
          `INSERT INTO audit (at, action, actor, did, address, error, attempt, detail)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(now(), action, actor, did, address, error, attempt ? 1 : 0, JSON.stringify(detail)),
    )
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

/** Entries of the log, the newest first. Works on a handle that may only read. */
export function listAudit(db: Database, { did, since, before, limit }: AuditQuery): AuditRow[] {
  return db
    .prepare(
      `SELECT id, at, action, actor, did, address, error, detail FROM audit
       WHERE id < ?1 AND at >= ?2 ${did === undefined ? '' : 'AND did = ?4'} ORDER BY id DESC LIMIT ?3`,
    )
    .all(before ?? Number.MAX_SAFE_INTEGER, since ?? 0, limit, ...(did === undefined ? [] : [did]))
    .map((row) => ({
      id: row['id'] as number,
      at: new Date(row['at'] as number).toISOString(),
      action: row['action'] as string,
      actor: row['actor'] as AuditActor,
      did: row['did'] as string | null,
      address: row['address'] as string | null,
      error: row['error'] as string | null,
      detail: JSON.parse(row['detail'] as string) as Record<string, unknown>,
    }))
}
