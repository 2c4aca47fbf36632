// The consumer's state in SQLite: on the app's own handle, so that the app's rows join its transactions.

import { cidFromBytes } from '@avocet/data'
import { type Database, migrate } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { CursorState, QueuedFrame, RepoFlag, RepoState, RepoStateStore, StateChange } from './state.ts'

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
  // What a resync under way had applied was not told apart: it is taken to be half.
  `ALTER TABLE repos ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;
   ALTER TABLE repos ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE repos ADD COLUMN phase TEXT;
   ALTER TABLE repos ADD COLUMN lost TEXT;
   ALTER TABLE repos ADD COLUMN tried_at INTEGER;
   ALTER TABLE repos ADD COLUMN floor TEXT;
   ALTER TABLE repos ADD COLUMN claimed TEXT;
   ALTER TABLE repos ADD COLUMN flags TEXT NOT NULL DEFAULT '';
   ALTER TABLE repos ADD COLUMN partial_since TEXT;
   ALTER TABLE repos ADD COLUMN filter TEXT NOT NULL DEFAULT '';
   ALTER TABLE repos ADD COLUMN confirmed_at INTEGER;
   ALTER TABLE cursors ADD COLUMN numbering INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE cursors ADD COLUMN gap_at INTEGER;
   UPDATE repos SET phase = iif(reason = 'draining', 'draining', 'applying') WHERE status = 'resyncing';
   UPDATE repos SET priority = 0 WHERE status = 'desynchronized' AND rev IS NOT NULL;
   DROP INDEX repos_due;
   CREATE INDEX repos_due ON repos (priority, next_try) WHERE next_try IS NOT NULL;`,
  `ALTER TABLE repos ADD COLUMN hearsay TEXT;
   ALTER TABLE repos ADD COLUMN hearsay_ask_at INTEGER;
   ALTER TABLE repos ADD COLUMN hearsay_tries INTEGER;
   ALTER TABLE repos ADD COLUMN hearsay_gone INTEGER;
   CREATE INDEX repos_hearsay ON repos (hearsay_ask_at) WHERE hearsay_ask_at IS NOT NULL;`,
]

const COLUMNS = [
  'did',
  'rev',
  'data',
  'status',
  'reason',
  'next_try',
  'priority',
  'attempts',
  'epoch',
  'phase',
  'lost',
  'tried_at',
  'floor',
  'claimed',
  'flags',
  'partial_since',
  'filter',
  'confirmed_at',
  'upstream_status',
  'local_status',
  'hearsay',
  'hearsay_ask_at',
  'hearsay_tries',
  'hearsay_gone',
  'last_source',
  'last_seq',
]

const UPSERT_REPO = `INSERT INTO repos (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (did) DO UPDATE SET ${COLUMNS.slice(1)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`

const UPSERT_CURSOR = `INSERT INTO cursors (source, seq, high, numbering, gap_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (source) DO UPDATE SET seq = excluded.seq, high = excluded.high, numbering = excluded.numbering,
    gap_at = excluded.gap_at`

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
        repo.priority,
        repo.attempts,
        repo.epoch,
        repo.phase,
        repo.lost,
        repo.triedAt,
        repo.floor,
        repo.claimed,
        repo.flags.length === 0 ? '' : repo.flags.join(','),
        repo.partialSince,
        repo.filter,
        repo.confirmedAt,
        repo.upstreamStatus,
        repo.localStatus,
        repo.hearsay?.status ?? null,
        repo.hearsay?.askAt ?? null,
        repo.hearsay?.tries ?? null,
        repo.hearsay?.gone ?? null,
        repo.lastSource,
        repo.lastSeq,
      )
    }
    if (change.cursor !== undefined) {
      const { source, seq, high, numbering, gapAt } = change.cursor
      db.prepare(UPSERT_CURSOR).run(source, seq, high, numbering, gapAt)
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
      const row = db
        .prepare('SELECT source, seq, high, numbering, gap_at AS gapAt FROM cursors WHERE source = ?')
        .get(source)
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
    find(query, limit) {
      if ('after' in query) {
        const rows = db.prepare('SELECT * FROM repos WHERE did > ? ORDER BY did LIMIT ?')
        return rows.all(query.after ?? '', limit).map(toRepo)
      }
      if ('hearsay' in query) {
        const rows = db.prepare(
          'SELECT * FROM repos WHERE hearsay_ask_at <= ? ORDER BY hearsay_ask_at LIMIT ?',
        )
        return rows.all(query.hearsay, limit).map(toRepo)
      }
      const rows = db.prepare(
        'SELECT * FROM repos WHERE priority = ? AND next_try <= ? ORDER BY next_try LIMIT ?',
      )
      return rows.all(query.priority, query.due, limit).map(toRepo)
    },
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
    priority: row['priority'] as RepoState['priority'],
    attempts: row['attempts'] as number,
    epoch: row['epoch'] as number,
    phase: row['phase'] as RepoState['phase'],
    lost: row['lost'] as string | null,
    triedAt: row['tried_at'] as number | null,
    floor: row['floor'] as RepoState['floor'],
    claimed: row['claimed'] as RepoState['claimed'],
    flags: row['flags'] === '' ? NO_FLAGS : ((row['flags'] as string).split(',') as RepoFlag[]),
    partialSince: row['partial_since'] as RepoState['partialSince'],
    filter: row['filter'] as string,
    confirmedAt: row['confirmed_at'] as number | null,
    upstreamStatus: row['upstream_status'] as string,
    localStatus: row['local_status'] as string,
    hearsay:
      row['hearsay'] === null
        ? null
        : {
            status: row['hearsay'] as string,
            askAt: row['hearsay_ask_at'] as number,
            tries: row['hearsay_tries'] as number,
            gone: row['hearsay_gone'] as number,
          },
    lastSource: row['last_source'] as string | null,
    lastSeq: row['last_seq'] as number | null,
  }
}

const NO_FLAGS: readonly RepoFlag[] = []
