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
  `
  -- Records as they are signed, and everything that repeats written once. The rows of version 1 are moved over in slices (convert.ts).
  ALTER TABLE records RENAME TO records_v1;
  ALTER TABLE log RENAME TO log_v1;
  DROP TABLE links;

  -- DIDs, collections, sources, and places in records that links stand at: other tables name them by their ids.
  CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  ) STRICT;

  -- Records of an account that stand at several paths at once, with how many (uses).
  CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    cid BLOB NOT NULL,
    uses INTEGER NOT NULL,
    bytes BLOB,
    pointers BLOB
  ) STRICT;
  -- Four bytes of the hash find it: a whole CID would cost as much as many records do.
  CREATE INDEX contents_by_cid ON contents (repo, substr(cid, 5, 4));

  -- Every verified record, as DAG-CBOR in its own row, or in contents when it stands elsewhere too. bytes is NULL in both for what is
  -- larger than any record may be. pointers: what it links to, 8 bytes of the target's hash and 4 of the place's id each; NULL for
  -- nothing. Rows are in the order they come in, so that a page is written once; the index is narrow, as its pages are written often.
  -- validity: what its lexicon says (0 valid, 1 unknown, 2 invalid), or why its content is not looked at (3 unreadable,
  -- 4 too-costly), with the reason.
  -- provenance: 0 live (a verified commit of the stream) or 1 car (a verified export of the whole repo).
  CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    rkey TEXT NOT NULL,
    rev TEXT NOT NULL,
    indexed_at INTEGER NOT NULL,
    validity INTEGER NOT NULL,
    provenance INTEGER NOT NULL,
    reason TEXT,
    content INTEGER,
    cid BLOB NOT NULL,
    pointers BLOB,
    bytes BLOB,
    UNIQUE (repo, collection, rkey)
  ) STRICT;

  -- The same with names, for other programs.
  CREATE VIEW record_list AS
    SELECT dids.name AS did, collections.name AS collection, rkey, records.cid, rev, coalesce(records.bytes, contents.bytes) AS bytes,
      CASE validity WHEN 0 THEN 'valid' WHEN 1 THEN 'unknown' WHEN 2 THEN 'invalid' WHEN 3 THEN 'unreadable' ELSE 'too-costly' END
        AS validity,
      reason, indexed_at, iif(provenance = 0, 'live', 'car') AS provenance
    FROM records LEFT JOIN contents ON contents.id = records.content JOIN names AS dids ON dids.id = records.repo
    JOIN names AS collections ON collections.id = records.collection;

  -- Who points where. target: a hash of the at:// URI or DID, with the secret of link_secret, so that nobody can make two alike.
  CREATE TABLE links (
    target BLOB NOT NULL,
    path INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    repo INTEGER NOT NULL,
    record INTEGER NOT NULL,
    PRIMARY KEY (target, path, collection, repo, record)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE link_secret (secret BLOB NOT NULL) STRICT;
  INSERT INTO link_secret VALUES (randomblob(32));

  -- What happened, in order; log has it with names. action is NULL for what is not a record's change (kind identity, account, sync,
  -- and resync: records that an export brought, which are in records).
  CREATE TABLE log_rows (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    repo INTEGER NOT NULL,
    rev TEXT,
    action TEXT,
    collection INTEGER,
    rkey TEXT,
    cid TEXT,
    prev TEXT,
    provenance TEXT NOT NULL,
    source INTEGER NOT NULL,
    source_seq INTEGER,
    detail TEXT
  ) STRICT;
  INSERT INTO sqlite_sequence (name, seq) SELECT 'log_rows', seq FROM sqlite_sequence WHERE name = 'log_v1';
  CREATE VIEW log AS
    SELECT seq, at, kind, dids.name AS did, rev, action, collections.name AS collection, rkey, cid, prev, provenance,
      sources.name AS source, source_seq, detail
    FROM log_rows JOIN names AS dids ON dids.id = repo JOIN names AS sources ON sources.id = source
    LEFT JOIN names AS collections ON collections.id = collection;
  `,
  `
  -- Bytes on disk that the rows of an account take, about, as far as they were written since: what its quota is compared with.
  ALTER TABLE accounts ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
  -- Those that have much, to be counted.
  CREATE INDEX accounts_by_stored ON accounts (stored) WHERE stored >= 67108864;
  `,
  // Lists leave out accounts of which nothing was read: anybody can make many of those.
  'CREATE INDEX accounts_read ON accounts (did) WHERE rev IS NOT NULL',
  // Events without a rev come again behind a kill, where sources take turns: their rows are found, so that none stands twice.
  `CREATE INDEX log_notices ON log_rows (source, source_seq) WHERE kind IN ('account', 'identity', 'sync')`,
  `
  -- What streams need. time: of the event, as the source says it. us: when it got here, unix microseconds, larger in each row than in the
  -- one before; NULL in rows of older versions, which no stream gives. bytes_until: bytes on disk of the log up to this row, about, since
  -- it began. validity: of the record, then. record: the id of its row, where its bytes are while they have its cid. span: of a resync,
  -- how many records it brought; they have ids from record on, and the numbers that end with seq. prev_bytes: the record that was there
  -- before (its cid: prev), where no row of records or contents has it any more. Last, as it may be large.
  ALTER TABLE log_rows ADD COLUMN time TEXT;
  ALTER TABLE log_rows ADD COLUMN us INTEGER;
  ALTER TABLE log_rows ADD COLUMN bytes_until INTEGER;
  ALTER TABLE log_rows ADD COLUMN validity INTEGER;
  ALTER TABLE log_rows ADD COLUMN record INTEGER;
  ALTER TABLE log_rows ADD COLUMN span INTEGER;
  ALTER TABLE log_rows ADD COLUMN prev_bytes BLOB;
  -- Finds a record that is not there any more, by its account and eight characters of its cid's hash.
  CREATE INDEX log_previous ON log_rows (repo, substr(prev, 10, 8)) WHERE prev_bytes IS NOT NULL;
  `,
  `
  -- Consumers that acknowledge events (Tap's groups, webhooks). next: the first number of the log that a consumer was not given. pending:
  -- numbers before it that are not acknowledged, as distances, each with twice its tries, odd when it was sent. parked: accounts whose
  -- events are read apart, with the number from which on. lost: numbers that were gone from the log before they were read.
  CREATE TABLE consumers (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL,
    pending TEXT NOT NULL,
    parked TEXT NOT NULL,
    lost INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  -- Their dead letters: what was given up. kind: what happened to a record (create, update, delete), or identity, account.
  CREATE TABLE undelivered (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    did TEXT NOT NULL,
    collection TEXT,
    rkey TEXT,
    cid TEXT
  ) STRICT;
  CREATE INDEX undelivered_by_consumer ON undelivered (consumer, id);
  `,
  `
  -- Of a target that many links of one collection and place point to: how many there are, and of how many accounts. link_order has
  -- those by age, as records have ids in the order they came in. Sources with few links have no rows here (index/link-counts.ts).
  CREATE TABLE link_counts (
    id INTEGER PRIMARY KEY,
    target BLOB NOT NULL,
    path INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    links INTEGER NOT NULL,
    dids INTEGER NOT NULL,
    UNIQUE (target, path, collection)
  ) STRICT;
  CREATE TABLE link_order (
    source INTEGER NOT NULL,
    record INTEGER NOT NULL,
    PRIMARY KEY (source, record)
  ) WITHOUT ROWID, STRICT;
  -- How far the links of an older version are counted (count-links.ts); no row: all are.
  CREATE TABLE link_counting (
    target BLOB NOT NULL,
    path INTEGER NOT NULL,
    collection INTEGER NOT NULL
  ) STRICT;
  INSERT INTO link_counting SELECT x'', 0, 0 WHERE EXISTS (SELECT 1 FROM links);
  `,
  `
  -- The frame that a dead letter is about: its first bytes, and how many it had. Of the newest letters only; NULL of others.
  ALTER TABLE dead_letters ADD COLUMN frame_length INTEGER;
  ALTER TABLE dead_letters ADD COLUMN frame BLOB;
  `,
  `
  -- The indexes of collections by fields of their records (src/projections). spec: columns and types, as JSON. state: building, ready or
  -- dropping. done, until: ids of records, how far it is built and how far it is to be. An id is not used twice.
  CREATE TABLE projection_indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    done INTEGER NOT NULL,
    until INTEGER NOT NULL
  ) STRICT;

  -- What stands in them: place is the id of the index; a, b and c are its columns, 0 beyond those it has. One table for all, so that
  -- indexes come and go row by row.
  CREATE TABLE projections (
    place INTEGER NOT NULL,
    a ANY NOT NULL,
    b ANY NOT NULL,
    c ANY NOT NULL,
    record INTEGER NOT NULL,
    PRIMARY KEY (place, a, b, c, record)
  ) WITHOUT ROWID, STRICT;

  -- The same by record, as JSON: what is to be taken out with it, whatever its bytes and the indexes were when it was written.
  CREATE TABLE projected (
    record INTEGER PRIMARY KEY,
    entries TEXT NOT NULL
  ) STRICT;

  -- By which lexicons the records of a collection were judged, and how far they are judged anew since those changed.
  CREATE TABLE judged (
    collection TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    done INTEGER NOT NULL,
    until INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  `
  -- Repos that were compared with their hosts, the newest month of them. result: same, different, or unknown with the reason.
  CREATE TABLE audits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    did TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT,
    records INTEGER NOT NULL,
    different INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX audits_by_time ON audits (at);
  `,
  `
  -- What was added (wanted 1) and removed (0) while an indexer ran, on top of what its flags say. kind: collection or repo.
  CREATE TABLE choices (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID, STRICT;
  -- One row: the collections that rows are made of (JSON; null: all), how often something new was wanted, and the name of that choice,
  -- which repos have as their filter once they were read for it.
  CREATE TABLE chosen (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    collections TEXT NOT NULL,
    generation INTEGER NOT NULL,
    label TEXT NOT NULL
  ) STRICT;
  -- What is to be removed, in slices: all of a repo (kind repo), or all of collections that are not wanted any more (kind collections, one
  -- row, with the id of the last record that was looked at).
  CREATE TABLE removals (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID, STRICT;
  `,
  `
  -- One row: how far labels and links were made anew. position and until: ids of records.
  CREATE TABLE reindexing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    started_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    until INTEGER NOT NULL,
    looked INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  `,
  `
  -- Of consumers that are given the whole index: how far (JSON; NULL: they have it), how often since they began, and whether they are
  -- after they lost events, which was last at lost_at.
  ALTER TABLE consumers ADD COLUMN snapshot TEXT;
  ALTER TABLE consumers ADD COLUMN rounds INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE consumers ADD COLUMN recovers INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE consumers ADD COLUMN lost_at INTEGER;
  `,
  `
  -- Any URI is a target now, web pages too, and each in one form: links are made anew of the records that are stored, as reindex does it.
  INSERT OR REPLACE INTO reindexing (id, started_at, position, until, looked, changed, finished_at)
    SELECT 1, CAST(unixepoch('subsec') * 1000 AS INTEGER), 0, newest, 0, 0, NULL
    FROM (SELECT max(id) AS newest FROM records) WHERE newest IS NOT NULL;
  `,
]
