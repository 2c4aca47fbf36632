/** Versions of the tables of records, their links to other records, and blobs (see `migrate` of `@avocet/sqlite`). */
export const RECORD_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE record (
    did TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    cid TEXT NOT NULL,
    rev TEXT NOT NULL,
    indexed_at TEXT NOT NULL,
    takedown_ref TEXT,
    PRIMARY KEY (did, collection, rkey)
  ) WITHOUT ROWID, STRICT;

  -- What a like, repost, follow or block points at, so that doing it twice leaves one.
  CREATE TABLE backlink (
    did TEXT NOT NULL,
    target TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    PRIMARY KEY (did, target, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX backlink_record ON backlink (did, collection, rkey);

  -- A blob is temporary until a record refers to it.
  CREATE TABLE blob (
    did TEXT NOT NULL,
    cid TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    permanent INTEGER NOT NULL DEFAULT 0,
    takedown_ref TEXT,
    PRIMARY KEY (did, cid)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX blob_temporary ON blob (created_at) WHERE permanent = 0;

  CREATE TABLE record_blob (
    did TEXT NOT NULL,
    cid TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    rev TEXT NOT NULL,
    PRIMARY KEY (did, cid, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX record_blob_record ON record_blob (did, collection, rkey);
  `,
  `
  -- All rows that come from the records of one repository belong to a set. A repository is replaced, or removed, by giving
  -- its DID another set or none; what the former one holds is removed in slices.
  CREATE TABLE record_set (
    id INTEGER PRIMARY KEY,
    did TEXT NOT NULL,
    -- live: what is served. staged: being filled by an import. dropped: to be removed.
    state TEXT NOT NULL CHECK (state IN ('live', 'staged', 'dropped'))
  ) STRICT;
  CREATE UNIQUE INDEX record_set_live ON record_set (did) WHERE state = 'live';
  CREATE INDEX record_set_did ON record_set (did);
  CREATE INDEX record_set_dead ON record_set (state) WHERE state <> 'live';
  INSERT INTO record_set (did, state)
    SELECT did, 'live' FROM (SELECT did FROM record UNION SELECT did FROM record_blob) WHERE did NOT LIKE 'import:%';

  ALTER TABLE record RENAME TO former_record;
  CREATE TABLE record (
    owner INTEGER NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    cid TEXT NOT NULL,
    rev TEXT NOT NULL,
    indexed_at TEXT NOT NULL,
    takedown_ref TEXT,
    PRIMARY KEY (owner, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO record SELECT id, collection, rkey, cid, rev, indexed_at, takedown_ref
    FROM former_record JOIN record_set USING (did);
  DROP TABLE former_record;
  CREATE INDEX record_takendown ON record (owner) WHERE takedown_ref IS NOT NULL;

  ALTER TABLE backlink RENAME TO former_backlink;
  DROP INDEX backlink_record;
  CREATE TABLE backlink (
    owner INTEGER NOT NULL,
    target TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    PRIMARY KEY (owner, target, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO backlink SELECT id, target, collection, rkey FROM former_backlink JOIN record_set USING (did);
  DROP TABLE former_backlink;
  CREATE INDEX backlink_record ON backlink (owner, collection, rkey);

  ALTER TABLE record_blob RENAME TO former_record_blob;
  DROP INDEX record_blob_record;
  CREATE TABLE record_blob (
    owner INTEGER NOT NULL,
    cid TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    rev TEXT NOT NULL,
    PRIMARY KEY (owner, cid, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO record_blob SELECT id, cid, collection, rkey, rev FROM former_record_blob JOIN record_set USING (did);
  DROP TABLE former_record_blob;
  CREATE INDEX record_blob_record ON record_blob (owner, collection, rkey);

  -- Accounts that are gone, with blobs, and events below a number, still to be removed.
  CREATE TABLE account_removal (
    did TEXT PRIMARY KEY,
    before_seq INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  `
  -- What an account's own posts and profile are since a revision: shown to it before an AppView has them.
  CREATE INDEX record_recent ON record (owner, rev)
    WHERE collection IN ('app.bsky.actor.profile', 'app.bsky.feed.post');
  `,
  // Once the blobs of a former account are gone, those under its DID are another's, also after a restart.
  `
  ALTER TABLE account_removal ADD COLUMN blobs_gone INTEGER NOT NULL DEFAULT 0;
  `,
]
