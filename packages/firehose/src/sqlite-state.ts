// The consumer's state in SQLite: on the app's own handle, so that the app's rows join its transactions.

import { cidFromBytes } from '@avocet/data'
import { type Database, migrate } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { CursorState, QueuedFrame, RepoState, RepoStateStore, StateChange } from './state.ts'

const MIGRATIONS = [
  `CREATE TABLE repos (
     did TEXT PRIMARY KEY,
     rev TEXT,
     data BLOB,
     status TEXT NOT NULL,
     reason TEXT,
     next_try INTEGER,
     attempts INTEGER NOT NULL,
     upstream_status TEXT NOT NULL,
     local_status TEXT NOT NULL,
     last_source TEXT,
     last_seq INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX repos_due ON repos (next_try) WHERE next_try IS NOT NULL;
   CREATE INDEX repos_status ON repos (status) WHERE status <> 'synchronized';
   CREATE TABLE cursors (source TEXT PRIMARY KEY, seq INTEGER NOT NULL, high INTEGER NOT NULL) STRICT;
   CREATE TABLE queued_frames (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     did TEXT NOT NULL,
     source TEXT NOT NULL,
     seq INTEGER NOT NULL,
     frame BLOB NOT NULL
   ) STRICT;
   CREATE INDEX queued_frames_did ON queued_frames (did, id);`,
]

const UPSERT_REPO = `INSERT INTO repos (did, rev, data, status, reason, next_try, attempts, upstream_status,
    local_status, last_source, last_seq)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (did) DO UPDATE SET rev = excluded.rev, data = excluded.data, status = excluded.status,
    reason = excluded.reason, next_try = excluded.next_try, attempts = excluded.attempts,
    upstream_status = excluded.upstream_status, local_status = excluded.local_status,
    last_source = excluded.last_source, last_seq = excluded.last_seq`

const UPSERT_CURSOR = `INSERT INTO cursors (source, seq, high) VALUES (?, ?, ?)
  ON CONFLICT (source) DO UPDATE SET seq = excluded.seq, high = excluded.high`

/**
 * The consumer's state on this handle: tables `repos`, `cursors`, `queued_frames`. `save` runs in the group commit of
 * `db.write`; `alongside` gets the handle and must be synchronous.
 */
export function openState(db: Database): RepoStateStore<Database> {
  migrate(db, 'firehose-state', MIGRATIONS)

  const apply = (change: StateChange): void => {
    if (change.remove !== undefined) {
      db.prepare('DELETE FROM repos WHERE did = ?').run(change.remove)
      db.prepare('DELETE FROM queued_frames WHERE did = ?').run(change.remove)
    }
    if (change.repo !== undefined) {
      const repo = change.repo
      db.prepare(UPSERT_REPO).run(
        repo.did,
        repo.rev,
        repo.data === null ? null : repo.data.bytes,
        repo.status,
        repo.reason,
        repo.nextTry,
        repo.attempts,
        repo.upstreamStatus,
        repo.localStatus,
        repo.lastSource,
        repo.lastSeq,
      )
    }
    if (change.cursor !== undefined) {
      db.prepare(UPSERT_CURSOR).run(change.cursor.source, change.cursor.seq, change.cursor.high)
    }
    if (change.enqueue !== undefined) {
      const { did, source, seq, frame } = change.enqueue
      db.prepare('INSERT INTO queued_frames (did, source, seq, frame) VALUES (?, ?, ?, ?)').run(
        did,
        source,
        seq,
        frame,
      )
    }
    if (change.dequeue !== undefined) {
      db.prepare('DELETE FROM queued_frames WHERE did = ? AND id <= ?').run(
        change.dequeue.did,
        change.dequeue.upTo,
      )
    }
  }

  return {
    load(did) {
      const row = db.prepare('SELECT * FROM repos WHERE did = ?').get(did)
      return row === undefined ? null : toRepo(row)
    },
    loadCursor(source) {
      const row = db.prepare('SELECT source, seq, high FROM cursors WHERE source = ?').get(source)
      return row === undefined ? null : (row as CursorState)
    },
    loadQueue(did, maxBytes) {
      const page: QueuedFrame[] = []
      let bytes = 0
      const rows = db
        .prepare('SELECT id, did, source, seq, frame FROM queued_frames WHERE did = ? ORDER BY id')
        .iterate(did)
      for (const row of rows) {
        const item = row as QueuedFrame
        bytes += item.frame.length
        if (page.length > 0 && bytes > maxBytes) break
        page.push(item)
      }
      return page
    },
    loadDue: (now, limit) =>
      db
        .prepare('SELECT * FROM repos WHERE next_try <= ? ORDER BY next_try LIMIT ?')
        .all(now, limit)
        .map(toRepo),
    save: (change, alongside) =>
      db.write(() => {
        apply(change)
        // A promise is refused (and rolled back) by `write`.
        return alongside?.(db) as undefined
      }),
  }
}

function toRepo(row: Record<string, unknown>): RepoState {
  return {
    did: row['did'] as Did,
    rev: row['rev'] as RepoState['rev'],
    data: row['data'] === null ? null : cidFromBytes(row['data'] as Uint8Array),
    status: row['status'] as RepoState['status'],
    reason: row['reason'] as string | null,
    nextTry: row['next_try'] as number | null,
    attempts: row['attempts'] as number,
    upstreamStatus: row['upstream_status'] as string,
    localStatus: row['local_status'] as string,
    lastSource: row['last_source'] as string | null,
    lastSeq: row['last_seq'] as number | null,
  }
}
