// The indexer's tables. `repos`, `cursors` and the queue of frames belong to the firehose's state store, in the same file.

/** Migrations of the part `indexer`, oldest first. Released ones never change. */
export const migrations: readonly string[] = [
  `
  -- Every verified record. validity: what its lexicon says (valid, invalid, unknown), with the reason.
  -- provenance: 'live' (a verified commit of the stream) or 'car' (a verified export of the whole repo).
  CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    did TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    cid TEXT NOT NULL,
    rev TEXT NOT NULL,
    json TEXT NOT NULL,
    validity TEXT NOT NULL,
    reason TEXT,
    indexed_at INTEGER NOT NULL,
    provenance TEXT NOT NULL,
    UNIQUE (did, collection, rkey)
  ) STRICT;

  -- Who points where: targets are at:// URIs and DIDs found in records, path says where in the record.
  CREATE TABLE links (
    target TEXT NOT NULL,
    collection TEXT NOT NULL,
    path TEXT NOT NULL,
    did TEXT NOT NULL,
    rkey TEXT NOT NULL,
    PRIMARY KEY (target, collection, path, did, rkey)
  ) WITHOUT ROWID, STRICT;

  -- The public face of each account: newest head, handle, status upstream (NULL: active).
  CREATE TABLE accounts (
    did TEXT PRIMARY KEY,
    handle TEXT,
    status TEXT,
    head TEXT,
    rev TEXT,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX accounts_by_handle ON accounts (handle) WHERE handle IS NOT NULL;

  -- All that happened, in order. action is NULL for what is not a record's change (kind identity, account, sync).
  CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    did TEXT NOT NULL,
    rev TEXT,
    action TEXT,
    collection TEXT,
    rkey TEXT,
    cid TEXT,
    prev TEXT,
    provenance TEXT NOT NULL,
    source TEXT NOT NULL,
    source_seq INTEGER,
    detail TEXT
  ) STRICT;

  -- The newest events that were not accepted, with the reason; counts of all of them are in failures.
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    did TEXT,
    source TEXT NOT NULL,
    source_seq INTEGER,
    reason TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;
  CREATE TABLE failures (
    reason TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  -- One row: sums that would be slow to count.
  CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    commits INTEGER NOT NULL,
    resyncs INTEGER NOT NULL,
    creates INTEGER NOT NULL,
    updates INTEGER NOT NULL,
    deletes INTEGER NOT NULL,
    identities INTEGER NOT NULL,
    accounts INTEGER NOT NULL,
    syncs INTEGER NOT NULL,
    records INTEGER NOT NULL
  ) STRICT;
  INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  -- How far listRepos of each host was read, and deleted accounts whose records are still being removed.
  CREATE TABLE discovery (
    host TEXT PRIMARY KEY,
    cursor TEXT,
    seen INTEGER NOT NULL,
    finished_at INTEGER
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE purges (
    did TEXT PRIMARY KEY
  ) WITHOUT ROWID, STRICT;
  `,
  // When the handle was last verified in both directions.
  'ALTER TABLE accounts ADD COLUMN handle_checked_at INTEGER',
]
