import { type HistoryEntry, type LogEntry, type SignedOperation } from '@avocet/plc'
import { type Database, migrate } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

/** The directory's table of operations. Every function runs on the caller's turn; `add` inside a transaction. */
export interface OperationStore {
  /** The operations in force, oldest first. */
  history(did: Did): HistoryEntry[]
  /** Every operation, nullified ones too, oldest first. */
  audit(did: Did): LogEntry[]
  /** The newest operation in force. */
  last(did: Did): SignedOperation | null
  /** Stores an operation, marks what it nullifies, and returns the time it was given. */
  add(entry: {
    did: Did
    cid: string
    operation: SignedOperation
    nullified: readonly string[]
    now: number
  }): number
  /** Entries accepted after a time, oldest first. */
  export(after: number, limit: number): LogEntry[]
}

interface Row {
  did: Did
  cid: string
  operation: string
  nullified: number
  created_at: number
}

const MIGRATIONS = [
  `CREATE TABLE operations (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     did TEXT NOT NULL,
     cid TEXT NOT NULL,
     operation TEXT NOT NULL,
     nullified INTEGER NOT NULL DEFAULT 0,
     created_at INTEGER NOT NULL UNIQUE,
     UNIQUE (did, cid)
   ) STRICT;
   CREATE INDEX operations_by_did ON operations (did, seq);`,
]

/** Opens the table, making it when it is not there. */
export function openOperationStore(db: Database): OperationStore {
  migrate(db, 'plc-directory', MIGRATIONS)
  const columns = 'SELECT did, cid, operation, nullified, created_at FROM operations'
  const rows = (sql: string, ...values: (string | number)[]): Row[] =>
    db.prepare(`${columns} ${sql}`).all(...values) as unknown as Row[]

  return {
    history: (did) =>
      rows('WHERE did = ? AND nullified = 0 ORDER BY seq', did).map((row) => ({
        operation: JSON.parse(row.operation) as SignedOperation,
        cid: row.cid,
        createdAt: row.created_at,
      })),
    audit: (did) => rows('WHERE did = ? ORDER BY seq', did).map(toLogEntry),
    last: (did) => {
      const [row] = rows('WHERE did = ? AND nullified = 0 ORDER BY seq DESC LIMIT 1', did)
      return row === undefined ? null : (JSON.parse(row.operation) as SignedOperation)
    },
    add: ({ did, cid, operation, nullified, now }) => {
      // Times are strictly increasing over the whole directory, so that `after` of an export skips and repeats nothing.
      const newest = db.prepare('SELECT max(created_at) AS at FROM operations').get() as { at: number | null }
      const createdAt = Math.max(now, (newest.at ?? 0) + 1)
      db.prepare('INSERT INTO operations (did, cid, operation, created_at) VALUES (?, ?, ?, ?)').run(
        did,
        cid,
        JSON.stringify(operation),
        createdAt,
      )
      for (const gone of nullified) {
        db.prepare('UPDATE operations SET nullified = 1 WHERE did = ? AND cid = ?').run(did, gone)
      }
      return createdAt
    },
    export: (after, limit) =>
      rows('WHERE created_at > ? ORDER BY created_at LIMIT ?', after, limit).map(toLogEntry),
  }
}

function toLogEntry(row: Row): LogEntry {
  return {
    did: row.did,
    operation: JSON.parse(row.operation) as SignedOperation,
    cid: row.cid,
    nullified: row.nullified === 1,
    createdAt: new Date(row.created_at).toISOString(),
  }
}
